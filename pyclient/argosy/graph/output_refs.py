"""Names of what steps of a graph make: an output, or one item of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StepOutputRef:
    """An output of another invocation of the same graph."""

    invocation: str
    output: str

    def __str__(self) -> str:
        return f"output {self.output!r} of step {self.invocation!r}"


@dataclass(frozen=True)
class ItemRef:
    """One item of a list that an invocation of the same graph makes.

    Attributes:
        whole: the output that is the list.
        index: which item, from 0 on.
    """

    whole: StepOutputRef
    index: int

    @property
    def invocation(self) -> str:
        """The invocation that makes the list."""
        return self.whole.invocation

    @property
    def output(self) -> str:
        """The name of the output that is the list."""
        return self.whole.output

    def __str__(self) -> str:
        return f"item {self.index} of {self.whole}"
