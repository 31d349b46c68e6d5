"""How workers get new settings: each is replaced by a new one, which answers before the old one drains.

The first successor shows whether the settings are good at all. If it cannot serve nothing changes; from then on they
are the settings of the fleet, and a successor that fails is started anew after a pause, like any other worker.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from argosy_server.config import ServerConfig
from argosy_server.fleet.slot import Slot
from argosy_server.fleet.worker_process import WorkerProcess

if TYPE_CHECKING:
    from argosy_server.fleet.supervisor import Supervisor

_log = logging.getLogger("argosy_server.fleet")


class Replacement:
    """Replaces the workers of a fleet, one by one."""

    def __init__(self, supervisor: Supervisor, config: ServerConfig) -> None:
        """Prepare to give new settings to every worker there shall be."""
        self._supervisor = supervisor
        self._config = config
        self._due = deque(supervisor.slots[: config.workers])
        self._current: Slot | None = None
        self._draining: WorkerProcess | None = None
        self.retry_at: float | None = None
        """When to start a successor that failed once more, monotonic."""

    @property
    def is_over(self) -> bool:
        """Whether all have been replaced, or nothing will be."""
        return self._current is None and self._draining is None and not self._due

    def begin(self) -> None:
        """Start the first successor."""
        self._next()

    def on_ready(self, worker: WorkerProcess) -> None:
        """Let a successor that answers take over."""
        slot = self._current
        if slot is None or slot.successor is not worker:
            return
        self._supervisor.adopt(self._config)
        self._current = None
        old, slot.worker, slot.successor, slot.start_at = slot.worker, worker, None, None
        self._let_go(old)

    def on_end(self, worker: WorkerProcess) -> None:
        """Go on once the one that was replaced has ended."""
        if worker is self._draining:
            self._draining = None
            self._next()

    def on_failure(self, reason: str, pause: float) -> None:
        """Take note that the successor ended before it answered.

        Args:
            reason: why.
            pause: seconds to wait before it is tried again, should it be.
        """
        assert self._current is not None
        if self._supervisor.config is self._config:
            _log.error("worker %d is not replaced yet: %s", self._current.number, reason)
            self.retry_at = time.monotonic() + pause
            return
        _log.error("the settings stay as they are, for no worker can serve with the new ones: %s", reason)
        self._current = None
        self._due.clear()

    def go_on(self, now: float) -> None:
        """Try a successor again once it is time."""
        if self.retry_at is not None and now >= self.retry_at:
            self._start()

    def _next(self) -> None:
        slots = self._supervisor.slots
        if self._due:
            self._current = self._due.popleft()
            self._start()
        elif len(slots) > self._config.workers:
            self._let_go(slots.pop().worker)
        else:
            for number in range(len(slots) + 1, self._config.workers + 1):
                slots.append(Slot(number))
                self._supervisor.start(slots[-1])

    def _start(self) -> None:
        assert self._current is not None
        self.retry_at = None
        self._supervisor.start_successor(self._current, self._config)

    def _let_go(self, old: WorkerProcess | None) -> None:
        if old is None:
            # It had crashed meanwhile.
            self._next()
            return
        self._draining = old
        self._supervisor.drain(old, self._supervisor.config.grace)
