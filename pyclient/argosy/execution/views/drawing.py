"""Boxes and arrows: what is drawn of a lineage or of a run, the same for every kind of picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """One version or step.

    Attributes:
        kind: ``root``, ``version``, ``deleted`` or ``step`` in a lineage; of a step of a run how it ended, or
            ``waiting`` for whatever has no look of its own.
        title: its first line.
        detail: its second line.
    """

    kind: str
    title: str
    detail: str

    @property
    def is_version(self) -> bool:
        """Whether it is a version, not a step."""
        return self.kind in {"root", "version", "deleted"}


@dataclass(frozen=True)
class Arrow:
    """From a version to the step that used it, from a step to the version it made, or from a step to one that waits.

    Attributes:
        start: position of a box.
        end: position of a box.
        label: how the step calls it.
        style: ``solid``; ``dashed`` for what code loaded or saved; ``dotted`` for what was taken from cache.
            Between steps ``dashed`` where no input came along.
    """

    start: int
    end: int
    label: str
    style: str


@dataclass(frozen=True)
class Drawing:
    """Everything to be drawn, in the order in which it was found."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
