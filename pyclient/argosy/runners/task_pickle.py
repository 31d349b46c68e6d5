"""Turns tasks into bytes for a worker process, and outcomes into bytes on their way back.

A function travels by reference when its module can be imported, also when a decorator of ours stands in its place
there; by value when it lives in ``__main__``, a notebook or another function.
"""

from __future__ import annotations

import contextlib
import copyreg
import importlib
import io
import pickle
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import cloudpickle

from argosy.errors import DefinitionError, RemoteStepError
from argosy.execution.failure_place import without_callers
from argosy.execution.running.step_task import Completed, Failed, Outcome, StepTask
from argosy.materializers.base import Materializer, registered_classes, registration_suspended, take_in
from argosy.runners.what_stays import holder_of_what_stays
from argosy.v1.pipeline_pb2 import RunError


class RemoteTraceback(Exception):
    """The traceback of an exception in the process where it was raised, as text."""

    def __init__(self, text: str) -> None:
        """Keep the text."""
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


@dataclass
class _Parcel:
    """A task with what it needs to be understood.

    Attributes:
        task: the task.
        materializers: those of the driver's ``__main__``.
        classes: all classes that are sent themselves, not by name; last, when they are known.
    """

    task: StepTask
    materializers: list[type[Materializer[Any]]]
    classes: list[type]


def dump_task(task: StepTask) -> bytes:
    """Return a task as bytes.

    Raises:
        DefinitionError: what the step's function refers to, or a parameter, cannot be sent.
    """
    classes: list[type] = []
    own = [cls for cls in registered_classes() if cls.__module__ == "__main__"]
    try:
        return _dumps(_Parcel(task, own, classes), classes)
    except Exception as error:
        holder = holder_of_what_stays(task.step.function, _travels)
        why = f"{type(error).__name__}: {error}"
        raise DefinitionError(
            f"{task.step.location}: step {task.step.name!r} cannot be sent to a worker process: "
            f"{f'{holder}: {why}' if holder else why}. Let it import or make what it needs inside of the function, "
            'define it at the top of a module, or use runner="local"'
        ) from error


def load_task(content: bytes) -> StepTask:
    """Return the task; modules that its step lives in are imported.

    Classes of the driver's ``__main__`` are found in that of this process from now on, so that values of them are kept
    and read in the same way.
    """
    with registration_suspended():
        parcel: _Parcel = pickle.loads(content)  # noqa: S301 - from the process that started this one
    for cls in parcel.classes:
        if cls.__module__ == "__main__" and "." not in cls.__qualname__:
            setattr(sys.modules["__main__"], cls.__name__, cls)
        if issubclass(cls, Materializer) and not cls._is_abstract:
            take_in(cls)
    return parcel.task


def dump_outcome(outcome: Outcome) -> bytes:
    """Return an outcome as bytes; an exception that could not be read again is replaced by one that tells of it."""
    if isinstance(outcome, Completed):
        return pickle.dumps(outcome)
    error = outcome.error
    text = "".join(traceback.format_exception(type(error), error, without_callers(error.__traceback__)))
    try:
        content = _dumps(error)
        pickle.loads(content)  # noqa: S301 - made above; what cannot be made again fails only here
    except Exception:
        content = pickle.dumps(_stand_in(outcome.details))
    facts = (outcome.details, outcome.may_retry, outcome.loaded, dict(outcome.metadata))
    return pickle.dumps((content, text, facts))


def load_outcome(content: bytes) -> Outcome:
    """Return the outcome; the cause of an exception is its traceback in the worker."""
    loaded = pickle.loads(content)  # noqa: S301 - from the process this one started
    if isinstance(loaded, Completed):
        return loaded
    packed, text, facts = loaded
    try:
        error: BaseException = pickle.loads(packed)  # noqa: S301 - as above
    except Exception:  # its class cannot be found, or made, here
        error = _stand_in(facts[0])
    error.__cause__ = RemoteTraceback(text)
    return Failed(error, *facts)


def _stand_in(details: RunError) -> RemoteStepError:
    return RemoteStepError(f"{details.type.replace(':', '.')}: {details.message}")


def _dumps(value: object, classes: list[type] | None = None) -> bytes:
    """Pickle a value; classes that go with it, not by name, are added to ``classes``, which may be part of it."""
    buffer = io.BytesIO()
    _TravelPickler(buffer, classes if classes is not None else []).dump(value)
    return buffer.getvalue()


class _TravelPickler(cloudpickle.Pickler):  # type: ignore[misc] # the library ships no types
    def __init__(self, file: io.BytesIO, classes: list[type]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._classes = classes

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type) and (value.__module__ == "__main__" or "<locals>" in value.__qualname__):
            self._classes.append(value)
        if isinstance(value, BaseException) and type(value).__reduce__ is BaseException.__reduce__:
            return _remade_exception, (type(value), value.args, _that_travels(value.__dict__))
        if isinstance(value, FunctionType):
            place = (value.__module__, value.__qualname__)
            if _stands_at(place, lambda found: getattr(found, "__wrapped__", None) is value):
                return _wrapped_function, place
        elif isinstance(value, CodeType):
            make, given = self.dispatch_table[CodeType](value)[:2]
            return _remade_code, (value.co_filename, make, given)
        elif getattr(type(value), "__argosy_kind__", None) is not None:
            place = (value.__module__, value.__qualname__)
            if not _stands_at(place, lambda found: found is value):
                return copyreg.__newobj__, (type(value),), value.__dict__  # type: ignore[attr-defined] # pickle's own
        return super().reducer_override(value)


def _stands_at(place: tuple[str, str], is_it: Callable[[Any], bool]) -> bool:
    """Tell whether something is found under a name that another process can import."""
    module, name = place
    if module == "__main__" or module not in sys.modules:
        return False
    try:
        return is_it(_find(sys.modules[module], name))
    except AttributeError:
        return False


def _find(module: object, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _wrapped_function(module: str, name: str) -> Any:
    return _find(importlib.import_module(module), name).__wrapped__


def _remade_code(file: str, make: Callable[..., CodeType], given: tuple[Any, ...]) -> CodeType:
    """Make code again that knows its file, which cloudpickle leaves out: tracebacks show it."""
    return make(*given).replace(co_filename=file)


def _remade_exception(kind: type[BaseException], args: tuple[Any, ...], attributes: dict[str, Any]) -> BaseException:
    """Make an exception again; what its class asks for when it is raised is known no more, so that is not called."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


def _travels(value: object) -> bool:
    try:
        _dumps(value)
    except Exception:
        return False
    return True


def _that_travels(attributes: dict[str, Any]) -> dict[str, Any]:
    """Leave out what cannot be sent: an open connection, for one, is no reason to lose the exception."""
    travelling: dict[str, Any] = {}
    for name, value in attributes.items():
        with contextlib.suppress(Exception):
            pickle.loads(_dumps(value))  # noqa: S301 - made in this expression
            travelling[name] = value
    return travelling
