"""Tells other processes over a database of PostgreSQL that there are new events, and hears of theirs.

An empty NOTIFY that wakes, no more: who watches reads the events as ever, and looks now and then without being woken,
so a notice that is lost costs only time. It is sent by a thread of its own after the transaction, in which it would
let all that write wait for each other; of many transactions at once one notice is enough.
"""

from __future__ import annotations

import os
import selectors
import threading
import weakref
from typing import Any

from sqlalchemy import Engine

from argosy_server.adapters.metadata.connections.append_signal import AppendSignal
from argosy_server.adapters.metadata.connections.fork_gate import ForkGate
from argosy_server.adapters.metadata.connections.session_thread import SessionThread

PAUSE_SECONDS = 0.02
"""Between two notices: whoever hears of the first one reads what both are about."""


class EventNotices:
    """Sends notices and hears them, each in a thread that starts when it is first needed."""

    def __init__(self, engine: Engine, forks: ForkGate, signal: AppendSignal) -> None:
        """Connect to nothing yet.

        Args:
            engine: of the database.
            forks: lets a fork wait while a connection is made.
            signal: given when another process has written events.
        """
        self._engine = engine
        self._forks = forks
        self._signal = signal
        self._lock = threading.Lock()
        self._is_closed = False
        self._speaker: _Speaker | None = None
        self._listener: _Listener | None = None
        _all.add(self)

    def announce(self) -> None:
        """Let others know soon that a transaction wrote events. Never waits, and never fails."""
        with self._lock:
            if self._speaker is None:
                if self._is_closed:
                    return
                self._speaker = _Speaker(self._engine, self._forks)
            self._speaker.announce()

    def listen(self) -> None:
        """Give the signal from now on when another process announces events. Never waits, and never fails."""
        with self._lock:
            if self._listener is None and not self._is_closed:
                self._listener = _Listener(self._engine, self._forks, self._signal)

    def close(self) -> None:
        """Send what is due, and give both connections back. A watch that goes on a moment longer asks in vain."""
        with self._lock:
            self._is_closed = True
            threads = [self._speaker, self._listener]
            self._speaker = self._listener = None
        for thread in threads:
            if thread is not None:
                thread.stop()

    def begin_anew(self) -> None:
        """In a child after a fork: threads of the parent are not here."""
        self._lock = threading.Lock()
        self._speaker = self._listener = None


class _Speaker(SessionThread):
    NAME = "notify-events"
    # A notice need not survive what the events survive, so it does not wait for the disk.
    FIRST = "SET synchronous_commit = off"

    def __init__(self, engine: Engine, forks: ForkGate) -> None:
        self._is_due = False
        self._woken = threading.Event()
        super().__init__(engine, forks)

    def announce(self) -> None:
        self._is_due = True
        self._woken.set()

    def wake(self) -> None:
        self._woken.set()

    def work(self, session: Any) -> None:
        while True:
            self._woken.wait()
            is_last = self.stopping.is_set()
            self._woken.clear()
            if self._is_due:
                self._is_due = False
                try:
                    session.execute("NOTIFY argosy_events")
                except BaseException:
                    self.announce()
                    raise
            if is_last:
                return
            self.stopping.wait(PAUSE_SECONDS)


class _Listener(SessionThread):
    NAME = "listen-for-events"
    FIRST = "LISTEN argosy_events"

    def __init__(self, engine: Engine, forks: ForkGate, signal: AppendSignal) -> None:
        self._signal = signal
        self._reading, self._writing = os.pipe()
        super().__init__(engine, forks)

    def wake(self) -> None:
        os.write(self._writing, b"x")

    def stop(self) -> None:
        super().stop()
        if not self._thread.is_alive():
            os.close(self._reading)
            os.close(self._writing)

    def work(self, session: Any) -> None:
        # What was announced while nobody listened has been missed.
        self._signal.give()
        with selectors.DefaultSelector() as selector:
            selector.register(self._reading, selectors.EVENT_READ)
            selector.register(session.fileno(), selectors.EVENT_READ)
            while not self.stopping.is_set():
                selector.select()
                session.pgconn.consume_input()
                heard = False
                while session.pgconn.notifies() is not None:
                    heard = True
                if heard:
                    self._signal.give()


_all: weakref.WeakSet[EventNotices] = weakref.WeakSet()


def _after_in_child() -> None:
    for notices in list(_all):
        notices.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)
