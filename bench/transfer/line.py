"""One line of the table: a figure of ours held against a limit, a peer or a number."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """What a ratio must reach (``at_least``), or must not exceed."""

    value: float
    at_least: bool

    def __str__(self) -> str:
        """As the table shows it."""
        return f"{'≥' if self.at_least else '≤'} {self.value:g}"


def at_least(value: float) -> Bar:
    """Ours must be this many times as fast as theirs."""
    return Bar(value, at_least=True)


def at_most(value: float) -> Bar:
    """Ours may take this many times what theirs takes."""
    return Bar(value, at_least=False)


@dataclass(frozen=True)
class Line:
    """A comparison.

    Attributes:
        what: the work.
        against: what it is held against; ``""`` when the figure is only told.
        ours: one figure a round, in ``unit``.
        theirs: the same of the other side; one figure for a number that is promised.
        unit: ``s``, ``ms``, ``MiB`` or ``KiB``, of which less is better, or what is a rate.
        bar: the promise; ``None`` when the ratio is only told.
        error: why there are no figures.
        is_rate: whether more of ``unit`` is better: so much a second.
    """

    what: str
    against: str
    ours: Sequence[float] = ()
    theirs: Sequence[float] = ()
    unit: str = "s"
    bar: Bar | None = None
    error: str = ""
    is_rate: bool = False

    @property
    def ratio(self) -> float | None:
        """Of the medians: how many times as fast, or for ``at_most`` the share that is taken."""
        if not (self.ours and self.theirs):
            return None
        return self._ratio(statistics.median(self.ours), statistics.median(self.theirs))

    @property
    def spread(self) -> tuple[float, float] | None:
        """The lowest and the highest ratio of one round."""
        if not (self.ours and self.theirs):
            return None
        theirs = self.theirs if len(self.theirs) == len(self.ours) else [self.theirs[0]] * len(self.ours)
        ratios = [self._ratio(one, other) for one, other in zip(self.ours, theirs, strict=True)]
        return min(ratios), max(ratios)

    @property
    def kept(self) -> bool:
        """Whether the promise is kept; what could not be measured breaks one."""
        if self.bar is None:
            return True
        if self.ratio is None:
            return False
        return self.ratio >= self.bar.value if self.bar.at_least else self.ratio <= self.bar.value

    def _ratio(self, ours: float, theirs: float) -> float:
        if self.is_rate or (self.bar is not None and not self.bar.at_least):
            return ours / max(theirs, 1e-9)
        return theirs / max(ours, 1e-9)
