"""A real ``argosy-server serve --workers N``: its processes, and what they log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc

from tests.api.conftest import Service, service_on
from tests.api.server_process import NewServerProcess
from tests.waiting import PATIENCE, wait_until

CRASH = """
import os, sys
if any(part.startswith("argosy-server worker") for part in sys.orig_argv):
    with open({starts!r}, "a") as starts:
        starts.write("started\\n")
    if os.path.exists({switch!r}):
        os.abort()
"""


def children(pid: int) -> dict[int, str]:
    """Return the children of a process and the state of each, ``Z`` for one that ended and was not waited for."""
    shown = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in shown.splitlines()]
    return {int(row[0]): row[2][0] for row in rows if int(row[1]) == pid}


def is_there(pid: int) -> bool:
    """Tell whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class FleetProcess(NewServerProcess):
    """A supervisor and its workers, which log all calls as JSON; 0 workers leave their number to others to say."""

    def __init__(self, data: Path, workers: int, *options: str, **environment: str) -> None:
        number = [f"--workers={workers}"] if workers else []
        super().__init__(data, *number, "--log-format=json", "--log-level=debug", *options, **environment)

    def __enter__(self) -> FleetProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        workers = self.workers() if self.process.poll() is None else []
        super().__exit__(kind, error, _)
        wait_until(lambda: not any(map(is_there, workers)), "the workers ended with their supervisor")

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        return sorted(children(self.process.pid))

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """Return what was logged, of one kind if named; a line being written just now is left out."""
        lines = [
            json.loads(line) for line in self.log().splitlines(keepends=True) if line[0] == "{" and line[-1] == "\n"
        ]
        return [line for line in lines if event in line["event"]]

    def wait_for_lines(self, event: str, count: int) -> None:
        """Return once so many lines of one kind were logged since the start."""
        wait_until(lambda: len(self.lines(event)) >= count, f"{count} times {event!r}")

    def pid_of(self, worker: int) -> int:
        """Return the process id of the newest worker with a number."""
        pid: int = [line["pid"] for line in self.lines("worker answers") if line["worker"] == worker][-1]
        return pid

    @contextmanager
    def connections(self, count: int) -> Iterator[list[Service]]:
        """Connect several times: each connection is that of one worker, whichever the kernel chose."""
        channels = [self.connection() for _ in range(count)]
        try:
            yield [service_on("server", self.data, channel) for channel in channels]
        finally:
            for channel in channels:
                channel.close()

    def connection(self) -> grpc.Channel:
        """Return a connection of its own, which waits until a worker takes it."""
        # The kernel resets a connection that a worker had not taken yet when it stopped to listen; another worker takes
        # the next one.
        wait = '{"methodConfig": [{"name": [{}], "waitForReady": true}]}'
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.service_config", wait)]
        return grpc.insecure_channel(self.address, options=options)


class CrashingWorkers:
    """Lets workers crash as soon as they start, as long as they shall, without a word of their own."""

    def __init__(self, folder: Path) -> None:
        """Prepare; workers of servers started with ``environment`` crash once ``on`` was called."""
        folder.mkdir()
        self._switch, self._starts = folder / "crash", folder / "starts"
        code = CRASH.format(starts=str(self._starts), switch=str(self._switch))
        (folder / "sitecustomize.py").write_text(code)
        self.environment = {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}

    def on(self) -> None:
        """Let workers that start crash."""
        self._switch.touch()

    def off(self) -> None:
        """Let them live."""
        self._switch.unlink()

    @property
    def starts(self) -> int:
        """How many workers were started so far."""
        return len(self._starts.read_text().splitlines()) if self._starts.exists() else 0


def serve_in_vain(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a server that cannot start, and return what it said."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}
    command = [sys.executable, "-m", "argosy_server", "serve", *options]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**settings, **environment}, timeout=PATIENCE
    )
