"""The clock by which moments are kept: of the embedded store, and of names of runs.

One place, so that a test can stop it (:func:`argosy.testing.frozen_clock`). Durations are measured, and lines of logs
marked, by other clocks, which nobody stops. A server has the clock of its own machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone

_read: Callable[[], int] = time.time_ns


def time_ns() -> int:
    """Return the moment, in nanoseconds since 1970."""
    return _read()


def now() -> datetime:
    """Return the moment, in UTC."""
    return datetime.fromtimestamp(time_ns() / 1e9, timezone.utc)


def read_from(read: Callable[[], int]) -> Callable[[], int]:
    """From now on take the moment, in nanoseconds since 1970, from ``read``; return where it was taken from before."""
    global _read
    before, _read = _read, read
    return before
