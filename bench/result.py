"""What a bench returns, and how much work it shall do for it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How much to do.

    Attributes:
        rounds: how often each number is measured; the median counts.
        array_bytes: size of the large array, and of the large frame.
        versions: how many versions a large store has.
        commands: the most commands that are tried of those in an embedded store.
    """

    rounds: int
    array_bytes: int
    versions: int
    commands: int


FULL = Effort(rounds=5, array_bytes=1 << 30, versions=100_000, commands=100)
QUICK = Effort(rounds=1, array_bytes=64 << 20, versions=5_000, commands=3)


@dataclass(frozen=True)
class Result:
    """One measured number.

    Attributes:
        name: what was measured.
        samples: every measurement, in ``unit``.
        unit: ``ms``, ``s``, ``MiB``, ``%`` or ``threads``.
        bar: the promise, in ``unit``; ``None`` for a number that is only told.
    """

    name: str
    samples: Sequence[float]
    unit: str
    bar: float | None = None

    @property
    def median(self) -> float:
        """The number that counts."""
        return statistics.median(self.samples)

    @property
    def ratio(self) -> float | None:
        """Median over bar: up to 1 the promise is kept."""
        return None if self.bar is None else self.median / self.bar

    @property
    def kept(self) -> bool:
        """Whether the promise is kept; a number without a bar always is."""
        return self.ratio is None or self.ratio <= 1
