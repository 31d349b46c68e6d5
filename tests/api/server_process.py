"""A real ``argosy-server`` process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from typing_extensions import Self

from tests.waiting import PATIENCE
from tests.warm.process import WarmProcess

READY = re.compile(r"argosy-server listening on grpc://(\S+:\d+)\n")


class ServerProcess:
    """Runs ``python -m argosy_server serve`` until it is stopped; its log goes to a file beside the data."""

    LISTEN: tuple[str, ...] = ("--listen=127.0.0.1:0",)
    """How it is told to take a free port; what follows on the command line counts more."""

    DATA = True
    """Whether the command line tells where the data is."""

    START: type[subprocess.Popen[Any]] = WarmProcess
    """What starts it."""

    def __init__(self, data: Path, *options: str, **environment: str) -> None:
        self.data = data
        data.parent.mkdir(parents=True, exist_ok=True)
        self.log_file = data.parent / f"{data.name}.log"
        settings = {name: value for name, value in os.environ.items() if not name.startswith("ARGOSY_")}
        with self.log_file.open("ab") as log:
            started = time.perf_counter()
            self.process = self.START(
                [sys.executable, "-m", "argosy_server", "serve", *self.LISTEN, *self._data_option(), *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**settings, **environment},
            )
        assert self.process.stdout is not None
        self.stdout = self.process.stdout
        self.first_line = self.stdout.readline()
        self.seconds_to_ready = time.perf_counter() - started
        match = READY.fullmatch(self.first_line)
        assert match is not None, f"not ready: {self.first_line!r}, log: {self.log()}"
        self.address = match[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        self.stdout.close()

    def _data_option(self) -> list[str]:
        return [f"--data={self.data}"] if self.DATA else []

    def channel(self) -> grpc.Channel:
        return grpc.insecure_channel(self.address)

    def log(self) -> str:
        return self.log_file.read_text()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout: float = PATIENCE) -> int:
        return self.process.wait(timeout)


class NewServerProcess(ServerProcess):
    """Imports all it needs by itself, as servers do everywhere but in tests."""

    START = subprocess.Popen
