"""How a fleet stops: its workers drain one after the other, and all of them within one grace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from argosy_server.fleet.worker_process import KILL_MARGIN_SECONDS, WorkerProcess

if TYPE_CHECKING:
    from argosy_server.fleet.supervisor import Supervisor


class Stopping:
    """Drains the workers of a fleet.

    The next one begins when the one before has ended, or after a share of the first half of the grace: so the last one
    still has the other half, and clients of the first ones find somebody who answers for a while.
    """

    def __init__(self, supervisor: Supervisor, grace: float) -> None:
        """Let all workers tell health checks that they go; those not ready yet are ended.

        Args:
            supervisor: whose workers stop.
            grace: seconds for all of them together.
        """
        self._supervisor = supervisor
        self._deadline = time.monotonic() + grace
        self._share = grace / 2 / len(supervisor.slots)
        self._last: WorkerProcess | None = None
        self.next_at: float | None = None
        """When the next one drains at the latest, monotonic."""
        for worker in supervisor.all_workers():
            if worker.killed_at is not None:
                worker.killed_at = min(worker.killed_at, self._deadline + KILL_MARGIN_SECONDS)
            elif worker.is_ready:
                worker.leave()
            else:
                worker.kill()

    def go_on(self, now: float) -> None:
        """Drain the next one if it is its turn."""
        supervisor = self._supervisor
        waiting = [slot for slot in supervisor.slots if slot.is_ready]
        if not waiting:
            self.next_at = None
            return
        if self._last in supervisor.all_workers() and self.next_at is not None and now < self.next_at:
            return
        self._last, waiting[0].worker = waiting[0].worker, None
        assert self._last is not None
        supervisor.drain(self._last, max(0.0, self._deadline - now))
        self.next_at = now + self._share
