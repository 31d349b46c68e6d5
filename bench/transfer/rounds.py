"""Takes turns between the sides of a comparison, so that a busy minute slows all of them alike."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.transfer.line import Bar, Line

Side = Callable[[int], Mapping[str, float]]
"""Does the work once with data of its own for this seed, and returns figures by name."""


@dataclass
class Samples:
    """What was measured: figures by ``side.figure``, and why a side has none."""

    figures: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def line(
        self,
        what: str,
        ours: str,
        against: str = "",
        theirs: str = "",
        bar: Bar | None = None,
        *,
        times: float = 1.0,
        unit: str = "s",
    ) -> Line:
        """Compare two figures; ``times`` makes theirs count that often."""
        for name in (ours, theirs):
            error = self.errors.get(name.partition(".")[0])
            if error:
                return Line(what, against, unit=unit, bar=bar, error=error)
        other = [figure * times for figure in self.figures[theirs]] if theirs else []
        return Line(what, against, self.figures[ours], other, unit, bar)

    def promise(self, what: str, ours: str, limit: float, *, unit: str = "s") -> Line:
        """Hold a figure against a number."""
        line = self.line(what, ours, unit=unit)
        bar = Bar(1.0, at_least=False)
        return Line(what, f"{limit:g} {unit}", line.ours, [limit], unit, bar, line.error)


def take_turns(sides: Mapping[str, Side], rounds: int, *, warm_up: bool = True) -> Samples:
    """Run every side once in each round, after one round that does not count.

    A side that fails is not run again; its lines tell why.
    """
    samples = Samples()
    for number in range(0 if warm_up else 1, rounds + 1):
        for name, side in sides.items():
            if name in samples.errors:
                continue
            print(f"  round {number}: {name}", file=sys.stderr, flush=True)
            os.sync()  # no side waits for what another one wrote
            try:
                figures = side(number)
            except Exception as error:  # a side that does not work yet, or a peer that is not there
                samples.errors[name] = _reason(error)
                continue
            for figure, value in figures.items() if number else ():
                samples.figures.setdefault(f"{name}.{figure}", []).append(value)
    return samples


def attempt(make: Callable[[], Side]) -> Side:
    """Return the side that ``make`` prepares, or one that fails with what ``make`` raised."""
    try:
        return make()
    except Exception as error:
        reason = error

        def failing(_: int) -> Mapping[str, float]:
            raise reason

        return failing


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", None) or ""
    if isinstance(error, subprocess.CalledProcessError) and said.strip():
        return str(said.strip().splitlines()[-1])
    return f"{type(error).__name__}: {error}"
