"""How long whoever calls the store has the time to wait while it is away: a step of a run longer than a person."""

from __future__ import annotations

from collections.abc import Callable

_tellers: list[Callable[[], float]] = []


def patience_told_by(tell: Callable[[], float]) -> None:
    """Ask ``tell``, too, for how many seconds the code that runs in this thread can wait."""
    _tellers.append(tell)


def patience_here() -> float:
    """Return for how many seconds the code that runs in this thread can wait; 0 for as long as usual."""
    return max((tell() for tell in _tellers), default=0.0)
