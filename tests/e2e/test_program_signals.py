"""What ends a program ends its run, and the record says so at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import argosy
from tests.e2e.steps import last_run, statuses, wait_for

PROGRAM = """
import asyncio, pathlib, subprocess, sys
import argosy

@argosy.step(enable_cache=False)
def waiting() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        try:
            pathlib.Path("child.new").write_text(str(child.pid))
            pathlib.Path("child.new").rename("child")
            child.wait()
        finally:
            child.kill()

@argosy.step(enable_cache=False)
def quick() -> None:
    pass

@argosy.pipeline(runner="processes")
def in_processes() -> None:
    waiting()

@argosy.pipeline
def alone() -> None:
    waiting()
    quick()

async def in_loop() -> None:
    alone()

match sys.argv[1]:
    case "alone":
        alone.with_options(max_parallel=1)()
    case "processes":
        in_processes()
    case "asyncio":
        asyncio.run(in_loop())
"""


def ended_by(number: int, *, how: str) -> int:
    """Return how the program ends when it is sent a signal while its step waits for a program of its own."""
    Path("program.py").write_text(PROGRAM)
    plain = f"import signal, runpy; signal.signal({int(signal.SIGINT)}, signal.default_int_handler); "
    command = [sys.executable, "-c", plain + "runpy.run_path('program.py', run_name='__main__')", how]
    program = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "ARGOSY_QUIET": "1"})
    try:
        wait_for("child")
        program.send_signal(number)
        return program.wait(30)
    finally:
        program.kill()
        program.wait()


def is_child_gone() -> bool:
    end = time.monotonic() + 30
    while Path(f"/proc/{Path('child').read_text()}").exists() and time.monotonic() < end:
        time.sleep(0.01)
    return time.monotonic() < end


@pytest.mark.parametrize("how", ["alone", "processes"])
def test_sigterm_cancels_the_run_and_ends_the_program(home: Path, how: str) -> None:
    assert ended_by(signal.SIGTERM, how=how) == 128 + signal.SIGTERM
    assert (last_run().status, statuses(last_run())["waiting"]) == ("cancelled", "cancelled")
    assert is_child_gone()


def test_a_process_that_a_step_forks_ends_by_sigterm_as_ever(home: Path) -> None:
    @argosy.step(enable_cache=False)
    def forking() -> int:
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        os.kill(child, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    @argosy.pipeline
    def working() -> None:
        forking()

    assert working().steps["forking"].output.load() == -signal.SIGTERM


def test_ctrl_c_cancels_a_run_that_a_coroutine_has_called(home: Path) -> None:
    assert ended_by(signal.SIGINT, how="asyncio") in {1, 130, -signal.SIGINT}
    assert (last_run().status, statuses(last_run())["waiting"]) == ("cancelled", "cancelled")
