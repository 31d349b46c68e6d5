"""Forks Python programs that find everything imported already; :mod:`tests.warm.process` starts and asks it.

It never has a second thread, and no gRPC core that runs: both would be broken in what is forked.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = (
    "alembic.command",
    "argosy.aio",
    "argosy.allocator",
    "argosy.cli.application",
    "argosy.cli.documents",
    "argosy.materializers.pickle_",
    "argosy.sdk.client",
    "argosy_server.adapters.blobs.direct_tokens",
    "argosy_server.adapters.blobs.local_storage",
    "argosy_server.adapters.blobs.s3.storage",
    "argosy_server.adapters.metadata.connections.event_notices",
    "argosy_server.adapters.metadata.unit_of_work",
    "argosy_server.api.serving.server",
    "argosy_server.bootstrap",
    "argosy_server.cli.application",
    "argosy_server.cli.serving",
    "argosy_server.embedded",
    "argosy_server.fleet.signals",
    "argosy_server.usecases.upkeep.verify_store",
    "grpc._interceptor",
    "grpc._server",
    "numpy",
    "rich.table",
    "sqlalchemy.dialects.postgresql.psycopg",
    "structlog",
)
"""What servers, commands and programs of tests import in any case, or most of them."""
STREAMS = 3


def main() -> None:
    """Fork what is asked for at the socket with the number that is told, until nobody can ask any more."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for module in MODULES:
        importlib.import_module(module)
    # What is there for good is looked at by no collection, which would copy every page of it.
    gc.collect()
    gc.freeze()
    request = Launcher(control).fork_until_asked_no_more()
    if request is not None:
        _run(request["command"])


class Launcher:
    """Forks, and tells how what it forked has ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, int] = {}
        self._woken, wake = os.pipe()
        self._own = [control.fileno(), self._woken, wake]
        for end in (self._woken, wake):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def fork_until_asked_no_more(self) -> Any:
        """Return in each forked process its request, and in this one ``None`` at last."""
        control = self._control.fileno()
        while True:
            ready, _, _ = select.select([control, self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._tell_ends()
            if control not in ready:
                continue
            size, descriptors, _, _ = socket.recv_fds(self._control, 4, STREAMS + 1)
            if not size:
                self._end_all()
                return None
            request = json.loads(_received(self._control, int.from_bytes(size, "big")))
            pid = os.fork()
            if pid == 0:
                self._become(request, descriptors)
                return request
            self._running[pid] = descriptors.pop()
            for descriptor in descriptors:
                os.close(descriptor)
            self._control.sendall(pid.to_bytes(4, "big"))

    def _tell_ends(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            told = self._running.pop(pid)
            with suppress(BrokenPipeError):  # whoever asked for it may have forgotten it
                os.write(told, status.to_bytes(4, "big"))
            os.close(told)

    def _end_all(self) -> None:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)

    def _become(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Make of a forked process what a new one would be."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._control.detach()
        for stream in range(STREAMS):
            os.dup2(descriptors[stream], stream)
        for descriptor in (*descriptors, *self._own, *self._running.values()):
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["environment"])
        time.tzset()
        os.chdir(request["folder"])
        sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]


def _received(control: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += control.recv(size - len(received))
    return received


def _run(command: list[str]) -> None:
    """Run what follows ``python`` on a command line."""
    sys.argv = command[command[0] == "-m" :]
    if command[0] == "-m":
        sys.path[0] = os.getcwd()
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        return
    sys.path[0] = os.path.dirname(os.path.realpath(command[0]))
    module = sys.modules["__main__"] = ModuleType("__main__")
    module.__file__ = command[0]
    # The program says itself whether annotations are texts, not this file.
    exec(compile(Path(command[0]).read_bytes(), command[0], "exec", dont_inherit=True), vars(module))


if __name__ == "__main__":
    main()
