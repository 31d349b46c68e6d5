"""Wakes whoever waits for events, as soon as a transaction of this process has written some."""

from __future__ import annotations

import os
import threading
import weakref


class AppendSignal:
    """Counts the transactions that wrote events. In a child after a fork it goes on with locks of its own."""

    def __init__(self) -> None:
        """Start at 0."""
        self._count = 0
        self._changed = threading.Condition()
        _signals.add(self)

    def give(self) -> None:
        """Count one more and wake all who wait."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, seen: int, timeout: float) -> int:
        """Return the count once it is another than ``seen``, after ``timeout`` seconds anyhow."""
        with self._changed:
            self._changed.wait_for(lambda: self._count != seen, timeout)
            return self._count

    def begin_anew(self) -> None:
        """In the child: a thread of the parent may have held the lock, and those who waited are not here."""
        self._changed = threading.Condition()


_signals: weakref.WeakSet[AppendSignal] = weakref.WeakSet()


def _after_in_child() -> None:
    for signal in list(_signals):
        signal.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)
