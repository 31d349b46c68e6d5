"""What ``step.map(...)`` returns while a pipeline is recorded: the promises of one output of all its calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, final

from argosy.errors import GraphError
from argosy.graph.source_location import caller_location
from argosy.graph.step_output import CURE, Recording, StepOutput


@final
class MappedOutputs(Sequence[Any]):
    """One output of several invocations of a step, in the order of what was mapped.

    A step takes it where it takes a list; indexing, slicing, ``zip`` and ``+`` work as for lists.
    """

    __slots__ = ("described", "invocations", "outputs", "recording")

    def __init__(
        self, step: str, invocations: tuple[str, ...], outputs: tuple[StepOutput, ...], recording: Recording
    ) -> None:
        """Keep the promises; ``outputs`` is empty for a step that declares none, too."""
        self.invocations = invocations
        self.outputs = outputs
        self.recording = recording
        self.described = f"the mapped outputs of step {step!r} ({len(invocations)} calls)"

    @property
    def is_list(self) -> bool:
        """Whether it can be passed to a step: not when the step that was mapped declares no outputs."""
        return bool(self.outputs) or not self.invocations

    def load(self) -> list[Any]:
        """Run all the calls, several at once, as ``StepOutput.load`` does, and return the values in order.

        Raises:
            GraphError: it is used outside the body of its pipeline, or nothing runs.
            Exception: what a step raised.
        """
        return self.recording.load(self.outputs)

    def __len__(self) -> int:
        return len(self.outputs)

    def __iter__(self) -> Iterator[StepOutput]:
        return iter(self.outputs)

    def __getitem__(self, index: Any) -> Any:
        try:
            found = self.outputs[index]
        except (IndexError, TypeError):
            raise GraphError(
                f"{caller_location()}: {self.described} cannot be indexed with {index!r}; there are {len(self)}"
            ) from None
        return list(found) if isinstance(found, tuple) else found

    def __add__(self, other: Any) -> list[Any]:
        return [*self.outputs, *other]

    def __radd__(self, other: Any) -> list[Any]:
        return [*other, *self.outputs]

    def __contains__(self, _: object) -> bool:
        raise GraphError(f"{caller_location()}: {self.described} cannot be searched in a pipeline; {CURE}")

    def __reduce__(self) -> NoReturn:
        raise GraphError(f"{caller_location()}: {self.described} cannot be pickled or copied in a pipeline; {CURE}")

    def __repr__(self) -> str:
        return f"<{self.described}>"
