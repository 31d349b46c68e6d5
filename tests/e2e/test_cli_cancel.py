"""``argosy run cancel``, against a pipeline that really runs in another process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command_line import as_json, run
from tests.waiting import PATIENCE

PROGRAM = """
import pathlib, time
from argosy import pipeline, step

def wait():
    while not pathlib.Path("go").exists():
        time.sleep(0.01)

@step
def first() -> int:
    try:
        pathlib.Path("started").touch()
        wait()
    finally:  # a step that is stopped may have something to close
        pathlib.Path("closing").touch()
        wait()
    return 1

@step
def second(number: int) -> int:
    return number + 1

@pipeline
def counting() -> None:
    second(first())

counting.with_options(run_name="count")()
"""


@pytest.fixture
def running(store: str, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process whose pipeline is in its first step until a file ``go`` is there."""
    (tmp_path / "program.py").write_text(PROGRAM)
    with subprocess.Popen([sys.executable, "program.py"], stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(tmp_path / "started", process)
            yield process
        finally:
            process.kill()


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    while not file.exists():
        assert process.poll() is None
        time.sleep(0.01)


def test_a_cancelled_run_ends_as_soon_as_its_step_lets_go(running: subprocess.Popen[str]) -> None:
    told = run("run", "cancel", "count")
    assert told.stdout == "count is asked to stop\n"
    assert as_json("run", "show", "count")["cancel_requested"] is True
    assert "running, asked to stop" in run("run", "show", "count").stdout
    wait_for(Path("closing"), running)
    Path("go").touch()
    _, errors = running.communicate(timeout=PATIENCE)
    assert (running.returncode, "RunCancelledError" in errors) == (1, True)
    shown = as_json("run", "show", "count")
    assert (shown["status"], [(step["invocation"], step["status"]) for step in shown["steps"]]) == (
        "cancelled",
        [("first", "cancelled"), ("second", "skipped")],
    )


def test_cancelling_again_changes_nothing_and_is_no_error(running: subprocess.Popen[str]) -> None:
    run_id = as_json("run", "show", "count")["id"]
    once = as_json("run", "cancel", run_id)
    assert (once["name"], once["status"], once["cancel_requested"]) == ("count", "running", True)
    assert as_json("run", "cancel", "count") == once
    Path("go").touch()
    running.communicate(timeout=PATIENCE)
    assert run("run", "cancel", "count").stdout == "count is cancelled\n"


def test_a_run_that_has_ended_cannot_be_cancelled(running: subprocess.Popen[str]) -> None:
    Path("go").touch()
    running.communicate(timeout=PATIENCE)
    refused = run("run", "cancel", "count", code=1)
    assert refused.stderr == "argosy: run 'count' has ended: it is completed, and nothing is left to cancel\n"


def test_a_run_that_is_not_there_cannot_be_cancelled(store: str) -> None:
    refused = run("run", "cancel", "nope", code=3)
    assert refused.stderr == "argosy: run 'nope' does not exist in project 'default'\n"
