"""A few threads that send to many watchers, of whom any number may take nothing.

Sending waits until the client takes the message. One that takes nothing keeps its thread for a while; then its stream
is ended, and cut if that does not help. When all threads wait for such clients and others have something to be sent,
the patience is short: whoever is cut goes on from its cursor and loses nothing but time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Protocol

from argosy_server.api.messages.error_status import status_of
from argosy_server.api.watching.settings import WatchSettings
from argosy_server.api.watching.stream import WatchStream
from argosy_server.domain.errors import WatchStalled

_log = logging.getLogger(__name__)


class Sending(Protocol):
    """Somebody to whom something has to be sent."""

    @property
    def stream(self) -> WatchStream:
        """Where to."""
        ...

    def send_some(self) -> bool:
        """Send some of what there is; ``True`` when more is left for another turn."""
        ...


class SenderPool:
    """Gives each watcher that has something to be sent a turn. Threads start when they are needed."""

    def __init__(self, settings: WatchSettings) -> None:
        """Start nothing yet."""
        self._settings = settings
        lock = threading.Lock()
        self._ready = threading.Condition(lock)
        self._guarding = threading.Condition(lock)
        self._waiting: deque[Sending] = deque()
        self._working: set[Sending] = set()
        self._idle = 0
        self._is_guarding = False
        self._is_stopped = False
        self._threads: list[threading.Thread] = []

    def submit(self, watcher: Sending) -> None:
        """Give a watcher a turn; it must not have one or be waiting for one."""
        with self._ready:
            self._waiting.append(watcher)
            # A thread that is woken counts as idle until it runs, and one of two who wait for it may take long.
            if len(self._waiting) <= self._idle or len(self._threads) == self._settings.senders:
                self._ready.notify()
            else:
                if not self._threads:
                    threading.Thread(target=self._guard, name="watch-guard", daemon=True).start()
                name = f"watch-sender_{len(self._threads) + 1}"
                self._threads.append(threading.Thread(target=self._run, name=name, daemon=True))
                self._threads[-1].start()

    def stop(self) -> None:
        """Let the threads end once nothing is left to be sent."""
        with self._ready:
            self._is_stopped = True
            self._ready.notify_all()
            self._guarding.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until the threads have ended, after :meth:`stop`; for one that a stalled client holds, no longer."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def _run(self) -> None:
        while True:
            with self._ready:
                self._idle += 1
                while not self._waiting and not self._is_stopped:
                    self._ready.wait()
                self._idle -= 1
                if not self._waiting:
                    return
                watcher = self._waiting.popleft()
                self._working.add(watcher)
                if not self._is_guarding:
                    self._guarding.notify()
            more = False
            try:
                more = watcher.send_some()
            except Exception as error:
                watcher.stream.fail(error)
            with self._ready:
                self._working.discard(watcher)
                if more:
                    self._waiting.append(watcher)

    def _guard(self) -> None:
        pause = min(self._settings.busy_seconds, self._settings.stall_seconds / 4)
        while True:
            with self._guarding:
                self._is_guarding = bool(self._working)
                while not self._working and not self._is_stopped:
                    self._guarding.wait()
                if not self._working:
                    return
                self._is_guarding = True
                self._guarding.wait(pause)
                working = list(self._working)
                # Threads that are free take what waits at once.
                lacking = len(self._waiting) if len(working) == self._settings.senders else 0
            try:
                self._end_stalled(working, lacking)
            except Exception:
                _log.exception("watchers that take nothing could not be ended; trying again")

    def _end_stalled(self, working: list[Sending], lacking: int) -> None:
        now = time.monotonic()
        waits = [(now - since, watcher.stream) for watcher in working if (since := watcher.stream.waiting_since)]
        for waited, stream in sorted(waits, key=lambda wait: wait[0], reverse=True):
            if waited > self._settings.stall_seconds:
                # It is heard when the client takes something again; for ever nobody waits for that.
                stream.finish(status_of(_stalled(waited), ""))
            if waited > 2 * self._settings.stall_seconds or (lacking > 0 and waited > self._settings.busy_seconds):
                stream.cut()
                lacking -= 1


def _stalled(seconds: float) -> WatchStalled:
    return WatchStalled(f"nothing was taken from this watch for {seconds:.0f} seconds; go on with the last cursor")
