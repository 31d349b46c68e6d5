"""Gives up transfers that stand still, however long they take as a whole.

gRPC knows deadlines only for whole calls. One thread for all transfers of the process looks at
when each last moved and cancels those that have been waiting for the peer too long.
"""

from __future__ import annotations

import math
import os
import threading
import time
import weakref
from collections.abc import Callable

_CHECKS_PER_TIMEOUT = 8
_LONGEST_PAUSE = 3600.0
"""No platform refuses to wait that long; more than that may be more than a clock can count."""


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
    """Watches any number of transfers by one thread, which starts with the first of them.

    Whoever starts a watch keeps it: one that nobody has any more is forgotten, and with it the call it would cancel.
    """

    def __init__(self) -> None:
        """Watch nothing."""
        # Without callbacks: these would change the set whenever the last reference goes, also while it is looked at.
        self._watches: set[weakref.ref[Watch]] = set()
        self._changed = threading.Condition()
        self._interval = math.inf
        self._started = False

    def start(self, cancel: Callable[[], object], timeout: float) -> Watch:
        """Begin to watch a transfer that ``cancel`` ends after ``timeout`` seconds without progress."""
        watch = Watch(cancel, timeout)
        with self._changed:
            self._watches.add(weakref.ref(watch))
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="argosy-watchdog", daemon=True).start()
            elif timeout / _CHECKS_PER_TIMEOUT < self._interval:
                self._changed.notify()
        return watch

    def stop(self, watch: Watch) -> None:
        """End the watch."""
        with self._changed:
            self._watches.discard(weakref.ref(watch))

    def _run(self) -> None:
        while True:
            with self._changed:
                shortest = min((watch.timeout for watch in self._kept()), default=math.inf)
                self._interval = min(shortest / _CHECKS_PER_TIMEOUT, _LONGEST_PAUSE)
                self._changed.wait(self._interval)
            self._look()

    def _look(self) -> None:
        with self._changed:
            watches = self._kept()
        now = time.monotonic()
        for watch in watches:
            watch.check(now)

    def _kept(self) -> list[Watch]:
        """Return the watches somebody has, and forget the others."""
        # A copy: when memory is collected, whatever is let go may stop a watch in this very thread.
        refs = list(self._watches)
        self._watches.difference_update([ref for ref in refs if ref() is None])
        return [watch for ref in refs if (watch := ref()) is not None]


_shared = Watchdog()


def shared_watchdog() -> Watchdog:
    """Return the watchdog of this process."""
    return _shared


def _remake() -> None:
    global _shared
    _shared = Watchdog()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_remake)
