"""What a step returns while a pipeline is recorded: a promise, not the value.

Using the value in the body of a pipeline is the commonest mistake, so everything that needs
the value raises with file:line and the cure.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, final

from argosy.errors import GraphError
from argosy.graph.source_location import caller_frame, caller_location

if TYPE_CHECKING:
    from argosy.graph.output_refs import ItemRef, StepOutputRef

CURE = (
    "its value exists only when the pipeline runs: do this inside a step, and pass it the output, or run what makes it "
    "now and take the value with .load()"
)


class Recording(Protocol):
    """The call of a pipeline that a promise belongs to."""

    def load(self, outputs: Sequence[StepOutput]) -> list[Any]:
        """Run what outputs need, at once where that is possible, and return their values."""
        ...


class OutputAttributeError(GraphError, AttributeError):
    """An attribute of the value was asked for; also an ``AttributeError``, as ``hasattr`` wants."""


def _forbidden(what: str) -> Callable[..., Any]:
    def refuse(self: StepOutput | StepOutputs, *_: object, **__: object) -> NoReturn:
        raise GraphError(f"{caller_location()}: {self.described} cannot be {what} in a pipeline; {CURE}")

    return refuse


@final
class StepOutput:
    """One output of a step invocation, to be passed to other steps or to ``after=``."""

    __slots__ = ("described", "recording", "ref")
    __array_ufunc__ = None  # numpy operators give up, so that ours can explain

    def __init__(self, ref: StepOutputRef | ItemRef, recording: Recording) -> None:
        """Make the promise.

        Args:
            ref: which output of which invocation, or which item of it.
            recording: the recorder it belongs to; it means nothing in another pipeline.
        """
        self.ref = ref
        self.recording = recording
        self.described = str(ref)

    def load(self) -> Any:
        """Run the step that makes it, and the steps before that, unless they ran already; return the value.

        The body of the pipeline then goes on: conditions and loops on real values need nothing else.

        Raises:
            GraphError: it is used outside the body of its pipeline, or nothing runs: the pipeline is only recorded.
            Exception: what a step raised.
        """
        return self.recording.load([self])[0]

    def __repr__(self) -> str:
        return f"<{self.described}>"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        problem = f"{self.described} has no .{name} in a pipeline; {CURE}"
        raise OutputAttributeError(f"{caller_location()}: {problem}")

    def __iter__(self) -> Iterator[Any]:
        raise GraphError(
            f"{caller_location()}: {self.described} cannot be unpacked or iterated in a pipeline, since the step "
            "declares one output; annotate the step with -> tuple[A, B] for several, iterate inside a step, or over "
            "what .load() returns"
        )

    __hash__ = object.__hash__
    __bool__ = _forbidden("used as a condition")
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _forbidden("compared")
    __len__ = __length_hint__ = _forbidden("measured with len()")
    __getitem__ = __setitem__ = __delitem__ = _forbidden("indexed")
    __contains__ = _forbidden("searched with 'in'")
    __call__ = _forbidden("called")
    __int__ = __float__ = __complex__ = __index__ = _forbidden("turned into a number")
    __bytes__ = __fspath__ = __format__ = _forbidden("turned into text")
    __array__ = _forbidden("turned into an array")
    __enter__ = __exit__ = _forbidden("used in 'with'")
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _forbidden("calculated with")
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _forbidden("calculated with")
    __mod__ = __rmod__ = __divmod__ = __rdivmod__ = __pow__ = __rpow__ = _forbidden("calculated with")
    __matmul__ = __rmatmul__ = __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _forbidden("calculated with")
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _forbidden("calculated with")
    __neg__ = __pos__ = __abs__ = __invert__ = __round__ = _forbidden("calculated with")
    __trunc__ = __floor__ = __ceil__ = _forbidden("calculated with")
    __reduce__ = _forbidden("pickled or copied")


@final
class StepOutputs:
    """The outputs of an invocation whose step declares none or several: unpack or index them."""

    __slots__ = ("described", "invocation", "outputs", "recording")

    def __init__(self, invocation: str, outputs: tuple[StepOutput, ...], recording: Recording) -> None:
        """Keep the promises in the order of the declaration."""
        self.invocation = invocation
        self.outputs = outputs
        self.recording = recording
        names = ", ".join(output.ref.output for output in outputs)
        self.described = f"step {invocation!r}, which declares {len(outputs)} outputs{f' ({names})' if names else ''},"

    def __repr__(self) -> str:
        return f"<{self.described.rstrip(',')}>"

    def load(self) -> tuple[Any, ...]:
        """Run the step as :meth:`StepOutput.load` does, and return the values of all its outputs.

        Raises:
            GraphError: it has none, is used outside the body of its pipeline, or nothing runs.
            Exception: what a step raised.
        """
        if not self.outputs:
            raise GraphError(
                f"{caller_location()}: {self.described} has nothing to load; to run steps after it, pass it to after="
            )
        return tuple(self.recording.load(self.outputs))

    def __len__(self) -> int:
        return len(self.outputs)

    def __getitem__(self, index: Any) -> Any:
        try:
            return self.outputs[index]
        except (IndexError, TypeError):
            raise GraphError(
                f"{caller_location()}: {self.described} cannot be indexed with {index!r}; use 0 to {len(self) - 1}"
            ) from None

    def __iter__(self) -> Iterator[StepOutput]:
        wanted = _unpacked_into(caller_frame())
        if wanted is not None and wanted != len(self):
            raise GraphError(
                f"{caller_location()}: {self.described} is unpacked into {wanted} names; write one name for each output"
            )
        return iter(self.outputs)

    def __contains__(self, _: object) -> bool:
        raise GraphError(f"{caller_location()}: {self.described} cannot be searched in a pipeline; {CURE}")

    __hash__ = object.__hash__
    __bool__ = _forbidden("used as a condition")
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _forbidden("compared")
    __add__ = __radd__ = __mul__ = __rmul__ = _forbidden("calculated with")
    __reduce__ = _forbidden("pickled or copied")


def _unpacked_into(frame: FrameType) -> int | None:
    """Return how many names the statement being executed unpacks into, ``None`` if it does not unpack."""
    code, at = frame.f_code.co_code, frame.f_lasti
    if not 0 <= at < len(code) - 1 or dis.opname[code[at]] != "UNPACK_SEQUENCE":
        return None
    return code[at + 1]
