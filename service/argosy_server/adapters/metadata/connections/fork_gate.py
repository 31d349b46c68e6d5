"""A fork happens only while no connection is open.

A connection must not cross a fork: SQLite's library notes in the process's memory which locks it holds, and a child
would take over the notes without the locks, or wait for ever for a lock that a thread of the parent held. So a fork
waits for the open transactions of the process to end and closes the idle connections; parent and child open their own.
Starting another program (``subprocess``) is no such fork and waits for nothing.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, Pool

PATIENCE_SECONDS = 10
"""A fork waits no longer; the child then discards connections whose transactions still ran."""


class ForkGate:
    """Lets transactions of one engine pass, and forks when there are none.

    Attributes:
        writers: held by the one writer of this process; made anew in a child whose parent's writer still held it.
    """

    def __init__(self, engine: Engine) -> None:
        """Guard the connections of an engine."""
        self.writers = threading.Lock()
        self._engine = engine
        self._changed = threading.Condition(threading.Lock())
        self._open = 0
        self._thread = threading.local()
        _gates.add(self)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Hold forks back while the block runs."""
        with self._changed:
            self._open += 1
        self._thread.open = self._mine() + 1
        try:
            yield
        finally:
            self._thread.open -= 1
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def stop(self) -> None:
        """Wait for the transactions of other threads to end, let none begin, and close idle connections."""
        self._changed.acquire()
        self._changed.wait_for(lambda: self._open == self._mine(), PATIENCE_SECONDS)
        self._engine.dispose()

    def go_on(self) -> None:
        """Let transactions begin again."""
        self._changed.release()

    def begin_anew(self) -> None:
        """In the child: forget transactions of threads that do not live here, and let transactions begin."""
        if self._open > self._mine():
            # Kept for ever and never closed: closing would end what the parent still does.
            _inherited.append(self._engine.pool)
            self._engine.dispose(close=False)
            self._open = self._mine()
            self.writers = threading.Lock()
        self._changed.release()

    def _mine(self) -> int:
        return int(getattr(self._thread, "open", 0))


_gates: weakref.WeakSet[ForkGate] = weakref.WeakSet()
_stopped: list[ForkGate] = []
_inherited: list[Pool] = []
_one_fork_at_a_time = threading.Lock()


def _before() -> None:
    _one_fork_at_a_time.acquire()
    _stopped.extend(_gates)
    for gate in _stopped:
        gate.stop()


def _after_in_parent() -> None:
    while _stopped:
        _stopped.pop().go_on()
    _one_fork_at_a_time.release()


def _after_in_child() -> None:
    while _stopped:
        _stopped.pop().begin_anew()
    _one_fork_at_a_time.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
