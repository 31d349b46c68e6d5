"""A worker, as its supervisor sees it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

from argosy_server.config import ServerConfig
from argosy_server.fleet.control import DRAIN, LEAVE, READY, REFUSED, STORE, Assignment, Control

STDERR = 2
REAP_SECONDS = 10.0
KILL_MARGIN_SECONDS = 15.0
"""What a worker may take beyond the grace: it closes files and connections."""


class WorkerProcess:
    """A process that was started to answer."""

    def __init__(self, assignment: Assignment) -> None:
        """Start it. It is not ready before it says so.

        Raises:
            OSError: the system starts no more processes.
        """
        self.number = assignment.number
        self.is_leaving = False
        """Whether it was told to drain, so that its end is no crash."""
        self.refusal = ""
        """Why it cannot serve, in its own words."""
        self.store_id = ""
        """Id of the store it serves, once it is ready."""
        self.ready_since: float | None = None
        self.killed_at: float | None = None
        """When it has to be gone, monotonic."""
        ours, theirs = socket.socketpair()
        # The path comes first: nothing of the directory it runs in may be taken for a module.
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from argosy_server.cli.worker import main; main({theirs.fileno()})"
        )
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, with our own module
                [sys.executable, "-c", code, f"argosy-server worker {assignment.number}"],
                stdin=subprocess.DEVNULL,
                stdout=STDERR,  # the ready line is the only one on stdout
                pass_fds=[theirs.fileno()],
                # Ctrl-C goes to the supervisor alone.
                start_new_session=True,
            )
        self.control = Control(ours)
        self.control.assign(assignment)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether it answers."""
        return self.ready_since is not None and self.control.is_open

    @property
    def lived(self) -> float:
        """Seconds for which it has answered."""
        return 0.0 if self.ready_since is None else time.monotonic() - self.ready_since

    def hear(self) -> None:
        """Take in what it says now."""
        for message in self.control.receive():
            if message.get(READY):
                self.ready_since = time.monotonic()
                self.store_id = message[STORE]
            self.refusal = message.get(REFUSED, self.refusal)

    def leave(self) -> None:
        """Let it tell health checks that it goes; it answers on."""
        self.control.send(order=LEAVE)

    def drain(self, grace: float) -> None:
        """Let it end: calls under way may finish for ``grace`` seconds, new ones go to others."""
        self.is_leaving = True
        self.killed_at = time.monotonic() + grace + KILL_MARGIN_SECONDS
        self.control.send(order=DRAIN, grace=grace)

    def kill(self) -> None:
        """End it at once."""
        self.is_leaving = True
        self._process.kill()

    def reap(self) -> int:
        """Wait until a process that has gone is gone, so that it is no zombie; return its exit code as Popen does."""
        self.control.close()
        try:
            return self._process.wait(REAP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def start_worker(number: int, port: int, config: ServerConfig, store_id: str = "") -> WorkerProcess:
    """Start a worker, with the facts of an :class:`Assignment`.

    Raises:
        OSError: the system starts no more processes.
    """
    return WorkerProcess(Assignment(number, port, config, store_id))


def describe_end(code: int) -> str:
    """Say how a process ended, by what Popen returned."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
