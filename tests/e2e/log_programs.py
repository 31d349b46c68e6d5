"""Programs whose steps print, as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from argosy import Client, NotFoundError
from tests.waiting import wait_until
from tests.warm import process as warm

HEADER = "import logging, pathlib, sys, threading, time\nimport argosy\nfrom argosy import pipeline, step\n"


def program(body: str) -> Path:
    path = Path("program.py")
    path.write_text(HEADER + body)
    return path


def execute(body: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program; its standard output is a pipe, which collects blocks."""
    settings = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"} | environment
    done = warm.run([sys.executable, program(body)], env=settings, timeout=110)
    assert done.returncode == code, done.stderr
    return done


def started(body: str) -> subprocess.Popen[bytes]:
    """A program whose run is there."""
    process = warm.WarmProcess([sys.executable, program(body)], stdout=subprocess.DEVNULL)

    def is_there() -> bool:
        assert process.poll() is None
        try:
            return bool(Client().get_run("t").steps)
        except NotFoundError:
            return False

    wait_until(is_there, "the run has a step")
    return process
