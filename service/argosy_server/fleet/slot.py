"""A place in the fleet: the worker that answers there, the one that shall replace it, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass, field

from argosy_server.fleet.restarts import Restarts
from argosy_server.fleet.worker_process import WorkerProcess


@dataclass
class Slot:
    """One of the workers that there shall be.

    Attributes:
        number: from 1 on.
        worker: answers, or will once it is ready; ``None`` while a crashed one waits to be started anew.
        successor: will replace it once it is ready.
        start_at: when to start the next one, monotonic; ``None`` when nothing is to be started.
        restarts: its failures.
    """

    number: int
    worker: WorkerProcess | None = None
    successor: WorkerProcess | None = None
    start_at: float | None = None
    restarts: Restarts = field(default_factory=Restarts)

    @property
    def is_ready(self) -> bool:
        """Whether somebody answers here."""
        return self.worker is not None and self.worker.is_ready

    def workers(self) -> list[WorkerProcess]:
        """Return who is here."""
        return [worker for worker in (self.worker, self.successor) if worker is not None]
