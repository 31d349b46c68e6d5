"""What is forked is like what is started: its end, streams, environment and folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm import process as warm

PROGRAM = """
import os, sys, threading
print(sys.argv[1:], os.environ.get("COLOUR"), os.getcwd(), threading.active_count(), "sqlalchemy" in sys.modules)
print("to stderr", file=sys.stderr)
sys.stdout.flush()
sys.stdin.read()
sys.exit(3)
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    return str(file)


@pytest.fixture
def waiting(program: str) -> warm.WarmProcess:
    process = warm.WarmProcess([sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("[] ")
    return process


def test_it_has_arguments_environment_folder_and_streams_of_its_own(program: str, tmp_path: Path) -> None:
    environment = {**os.environ, "COLOUR": "blue"}
    done = warm.run(
        [sys.executable, program, "one"], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, timeout=60
    )
    assert (done.returncode, done.stdout) == (3, f"['one'] blue {tmp_path} 1 True\n")
    assert done.stderr == "to stderr\n"


def test_a_signal_ends_the_process_itself(waiting: warm.WarmProcess) -> None:
    with waiting:
        assert waiting.poll() is None
        os.kill(waiting.pid, signal.SIGKILL)
        assert waiting.wait(60) == -signal.SIGKILL


def test_an_end_is_told_when_it_comes(waiting: warm.WarmProcess) -> None:
    with waiting, pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.01)
    assert waiting.returncode == 3


def test_an_environment_that_tells_how_python_starts_starts_it_anew(program: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = warm.run([sys.executable, program], env=environment, stdin=subprocess.DEVNULL, timeout=60)
    assert done.stdout.endswith(" 1 False\n")


def test_nothing_that_was_forked_outlives_the_tests(program: str) -> None:
    launcher = warm.Launcher()
    streams = [os.pipe() for _ in range(4)]
    request = {"command": [program], "environment": dict(os.environ), "folder": str(Path.cwd())}
    descriptors = [streams[0][0], *(write for _, write in streams[1:])]
    launcher.fork(request, descriptors)
    os.close(descriptors[1])
    with os.fdopen(streams[1][0]) as shown:
        assert shown.readline().startswith("[] ")
        launcher.close()
        assert shown.read() == ""  # nobody is there any more who could write it
    for descriptor in {end for pair in streams for end in pair} - {descriptors[1], streams[1][0]}:
        os.close(descriptor)
