"""A clock that stands still until a test moves it: ages, expiries and names with a date are proved without waiting."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from argosy import clock

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


class FrozenClock:
    """What the embedded store takes for the time. Each look at it takes a microsecond, so that order is kept.

    Made by :func:`frozen_clock`, and by the fixture ``argosy_clock``.
    """

    def __init__(self, at: datetime) -> None:
        """Stand at a moment that has a time zone."""
        self._at = at.astimezone(timezone.utc)
        self._told = 0
        self._lock = threading.Lock()

    @property
    def now(self) -> datetime:
        """Where it stands, in UTC, without the microseconds that looks at it took."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Go on.

        Raises:
            ValueError: it would go back; what is stored already would lie in the future.
        """
        if by < timedelta(0):
            raise ValueError(f"the clock cannot go back, by {-by}; begin the test with an earlier moment")
        with self._lock:
            self._at += by

    def _time_ns(self) -> int:
        with self._lock:
            self._told = max(self._told + 1, (self._at - _EPOCH) // _MICROSECOND)
            return self._told * 1000


@contextlib.contextmanager
def frozen_clock(at: datetime | None = None) -> Iterator[FrozenClock]:
    """Stop the clock of the embedded store in the block, and of names of runs; :meth:`FrozenClock.advance` moves it.

    A server process has a clock of its own, which this does not stop.

    Args:
        at: where it stands; now by default.

    Raises:
        ValueError: ``at`` has no time zone.
    """
    at = at or datetime.now(timezone.utc)
    if at.utcoffset() is None:
        raise ValueError(f"{at!r} may be any of many moments; give it a time zone: tzinfo=datetime.timezone.utc")
    frozen = FrozenClock(at)
    before = clock.read_from(frozen._time_ns)
    try:
        yield frozen
    finally:
        clock.read_from(before)
