"""A server of one's own for the time of a ``with`` block."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.child import ROOT, environment

READY = "argosy-server listening on "
STOP_SECONDS = 30


@dataclass(frozen=True)
class Running:
    """A server that is ready.

    Attributes:
        url: ``grpc://127.0.0.1:port``.
        pid: its process.
        ready_after: seconds from its start to the line that says so.
    """

    url: str
    pid: int
    ready_after: float


@contextlib.contextmanager
def serving(data: Path, *options: str) -> Iterator[Running]:
    """Start ``argosy-server serve`` on ``data`` and a free port, with more options; stop it at the end.

    Raises:
        RuntimeError: it ended, or said something else than that it is ready; its log is in the text.
    """
    command = [sys.executable, "-m", "argosy_server", "serve", "--listen", "127.0.0.1:0", "--data", str(data)]
    command += options
    with (data.parent / f"{data.name}.log").open("w+") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment(data), cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            ready_after = time.perf_counter() - started
            if not line.startswith(READY):
                log.seek(0)
                raise RuntimeError(f"the server did not become ready: {line}{log.read()}")
            yield Running(line.removeprefix(READY).strip(), process.pid, ready_after)
        finally:
            process.terminate()
            process.communicate(timeout=STOP_SECONDS)
