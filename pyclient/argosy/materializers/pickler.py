"""cloudpickle, without what comes back as something else.

A memoryview would come back as bytes, an open file as a copy of its text, and an object whose
``__reduce__`` names another class as an object of that class.
"""

from __future__ import annotations

import io
import pickle
from collections import ChainMap
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

import cloudpickle

_PROTOCOL = 5

version = str(cloudpickle.__version__)
"""The version of cloudpickle."""


def dumps(
    value: object,
    *,
    buffer_callback: Callable[[pickle.PickleBuffer], object],
    reduce: Callable[[Any], Any] = lambda part: NotImplemented,
) -> bytes:
    """Return the pickle of a value.

    Args:
        value: anything.
        buffer_callback: given large buffers, as pickle defines it.
        reduce: asked first how each part is pickled, as ``reducer_override`` is.

    Raises:
        TypeError: a part of it would come back as another type.
        Exception: whatever the value's own code raises.
    """
    target = io.BytesIO()
    pickler = _Pickler(target, protocol=_PROTOCOL, buffer_callback=buffer_callback)
    pickler.reduce = reduce
    pickler.dump(value)
    return target.getvalue()


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"a {type(value).__name__} would come back as another type; keep its content instead")


def _check_reduced(value: object, reduced: object) -> None:
    maker = reduced[0] if isinstance(reduced, tuple) and reduced else None
    if isinstance(maker, type) and not issubclass(type(value), maker):
        raise TypeError(
            f"a {type(value).__qualname__} would come back as a {maker.__qualname__}, which its __reduce__ names; "
            "keep that instead, or let __reduce__ name the class itself"
        )


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle ships no types
    dispatch_table: ClassVar[Any] = ChainMap(
        {memoryview: _refuse, io.TextIOWrapper: _refuse}, cloudpickle.Pickler.dispatch_table
    )

    reduce: Callable[[Any], Any]

    def reducer_override(self, obj: Any) -> Any:
        reduced = self.reduce(obj)
        if reduced is not NotImplemented:
            return reduced
        reduced = super().reducer_override(obj)
        cls: Any = type(obj)
        if reduced is not NotImplemented or cls in self.dispatch_table or issubclass(cls, type):
            return reduced
        if cls.__reduce_ex__ is object.__reduce_ex__ and cls.__reduce__ is object.__reduce__:
            return reduced  # Python's own way, which always names the class
        reduced = obj.__reduce_ex__(_PROTOCOL)
        _check_reduced(obj, reduced)
        return reduced
