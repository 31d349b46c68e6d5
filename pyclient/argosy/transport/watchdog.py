"""Gives up transfers that stand still, however long they take as a whole.

gRPC knows deadlines only for whole calls. One thread for all transfers of the process looks at
when each last moved and cancels those that have been waiting for the peer too long.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable

_CHECKS_PER_TIMEOUT = 8


class Watch:
    """One transfer under watch. Time counts only from :meth:`wait` to :meth:`progress`.

    Attributes:
        expired: whether the transfer stood still too long and was cancelled.
        timeout: seconds it may stand still.
    """

    def __init__(self, cancel: Callable[[], object], timeout: float) -> None:
        """Remember how to cancel, and when."""
        self.expired = False
        self.timeout = timeout
        self._cancel = cancel
        self._waiting_since: float | None = None

    def wait(self) -> None:
        """Say that from now on the peer is awaited."""
        self._waiting_since = time.monotonic()

    def progress(self) -> None:
        """Say that the peer moved; what this side does until the next wait does not count."""
        self._waiting_since = None

    def check(self, now: float) -> None:
        """Cancel the transfer when it has waited too long."""
        since = self._waiting_since
        if since is not None and not self.expired and now - since >= self.timeout:
            self.expired = True
            self._cancel()


class Watchdog:
    """Watches any number of transfers by one thread, which starts with the first of them."""

    def __init__(self) -> None:
        """Watch nothing."""
        self._watches: set[Watch] = set()
        self._changed = threading.Condition()
        self._interval = math.inf
        self._started = False

    def start(self, cancel: Callable[[], object], timeout: float) -> Watch:
        """Begin to watch a transfer that ``cancel`` ends after ``timeout`` seconds without progress."""
        watch = Watch(cancel, timeout)
        with self._changed:
            self._watches.add(watch)
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="argosy-watchdog", daemon=True).start()
            elif timeout / _CHECKS_PER_TIMEOUT < self._interval:
                self._changed.notify()
        return watch

    def stop(self, watch: Watch) -> None:
        """End the watch."""
        with self._changed:
            self._watches.discard(watch)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._interval = min((watch.timeout for watch in self._watches), default=math.inf) / _CHECKS_PER_TIMEOUT
                self._changed.wait(None if self._interval == math.inf else self._interval)
                watches = list(self._watches)
            now = time.monotonic()
            for watch in watches:
                watch.check(now)


_shared = Watchdog()


def shared_watchdog() -> Watchdog:
    """Return the watchdog of this process."""
    return _shared


def _remake() -> None:
    global _shared
    _shared = Watchdog()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_remake)
