"""What a program used: seconds, seconds of CPU, and memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.clients.languages import SETTINGS, Program
from tests.clients.memory import watched


@dataclass(frozen=True)
class Used:
    """What a program used from its start to its end.

    Attributes:
        seconds: on the wall.
        cpu_seconds: of all of its threads.
        memory_bytes: that it held at most.
    """

    seconds: float
    cpu_seconds: float
    memory_bytes: int


def measure(program: Program, server: str, *arguments: str | Path) -> Used:
    """Run a command of a conformance program and return what it used.

    Raises:
        RuntimeError: it failed; the text is what it said.
    """
    with tempfile.TemporaryFile("w+") as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*program.command, *map(str, arguments)],
            cwd=program.folder,
            env={**SETTINGS, "ARGOSY_SERVER": server},
            stdout=said,
            stderr=said,
            text=True,
        )
        with watched(process) as peak:
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise RuntimeError(
                f"{program.language} {arguments[0]} ended with {process.returncode}: {said.read()[-500:]}"
            )
    return Used(seconds, used.ru_utime + used.ru_stime, peak.size_bytes)
