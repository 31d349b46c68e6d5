"""The calls a server is answering now, so that it can drain."""

from __future__ import annotations

import threading
import time


class CallTracker:
    """Counts calls under way and turns new ones away once the server drains."""

    def __init__(self) -> None:
        """Start with no calls."""
        self._changed = threading.Condition()
        self._under_way = 0
        self._draining = False

    def enter(self) -> bool:
        """Count a call in; ``False`` when the server drains and the call must be turned away."""
        with self._changed:
            if self._draining:
                return False
            self._under_way += 1
            return True

    def leave(self) -> None:
        """Count a call out."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def drain(self, grace: float) -> int:
        """Turn new calls away, wait at most ``grace`` seconds for those under way, and return how many are left."""
        deadline = time.monotonic() + grace
        with self._changed:
            self._draining = True
            while self._under_way and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._under_way
