"""Processes that run the same step at once: one computes, the others wait for what it makes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import argosy
from argosy.execution.records.run_record import PipelineRun
from tests.e2e.conftest import Leases
from tests.waiting import wait_until
from tests.warm.process import WarmProcess

PROGRAM = """
import os
import sys
import time
from pathlib import Path
import argosy

@argosy.step
def compute() -> int:
    with Path("computed").open("a") as log:
        log.write(f"{os.getpid()}\\n")
    while not Path("release").exists():
        time.sleep(0.01)
    if Path("fail").exists():
        Path("fail").unlink()
        raise ValueError("no")
    return 1

@argosy.step
def use(x: int) -> int:
    return x + 1

@argosy.pipeline
def working() -> None:
    use(compute())

working.with_options(run_name=sys.argv[1])()
"""

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the program in a process; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)  # once: another process may be reading it

    def start(name: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(script), name]
        process = WarmProcess(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def computed(tmp_path: Path) -> list[int]:
    """The processes that have computed, or begun to."""
    log = tmp_path / "computed"
    return [int(line) for line in log.read_text().splitlines()] if log.exists() else []


def ended_well(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


def run_named(name: str) -> PipelineRun | None:
    return next((run for run in argosy.Client().list_runs() if run.name == name), None)


def first_holds_and_others_wait(start: Start, tmp_path: Path, *others: str) -> list[subprocess.Popen[str]]:
    """Start processes of which the first computes; return all once the others have runs, but none a step."""
    processes = [start("first")]
    wait_until(lambda: computed(tmp_path), "one computes")
    processes += [start(name) for name in others]
    for name in others:
        wait_until(lambda name=name: run_named(name) is not None, "the run is known")  # type: ignore[misc]  # the type of name is inferred
    assert computed(tmp_path) == [processes[0].pid]
    return processes


@pytest.mark.usefixtures("store")
def test_a_step_that_runs_in_another_process_is_waited_for_and_taken_from_cache(start: Start, tmp_path: Path) -> None:
    first, second, third = first_holds_and_others_wait(start, tmp_path, "second", "third")
    client = argosy.Client()
    assert [dict(client.get_run(name).steps) for name in ("second", "third")] == [{}, {}]
    (tmp_path / "release").touch()
    for process in (first, second, third):
        ended_well(process)
    assert computed(tmp_path) == [first.pid]
    made = client.get_run("first").steps["compute"]
    for name in ("second", "third"):
        taken = client.get_run(name).steps["compute"]
        assert (taken.status, taken.cached_from) == ("cached", made.id)


@pytest.mark.usefixtures("store")
def test_when_the_step_that_is_waited_for_fails_one_of_those_that_wait_computes(start: Start, tmp_path: Path) -> None:
    (tmp_path / "fail").touch()
    first, second, third = first_holds_and_others_wait(start, tmp_path, "second", "third")
    (tmp_path / "release").touch()
    for process in (second, third):
        ended_well(process)
    assert "ValueError: no" in first.communicate(timeout=60)[1]
    assert len(computed(tmp_path)) == 2
    statuses = sorted(argosy.Client().get_run(name).steps["compute"].status for name in ("second", "third"))
    assert statuses == ["cached", "completed"]


def test_when_the_process_that_computes_is_killed_a_waiting_one_takes_over_after_the_lease(
    leases: Leases, start: Start, tmp_path: Path
) -> None:
    first, second = first_holds_and_others_wait(start, tmp_path, "second")
    first.kill()
    first.wait()
    leases.end("first")
    wait_until(lambda: len(computed(tmp_path)) == 2, "the other one computes")
    (tmp_path / "release").touch()
    ended_well(second)
    assert computed(tmp_path) == [first.pid, second.pid]
    lost, taken_over = (argosy.Client().get_run(name) for name in ("first", "second"))
    assert (lost.status, lost.steps["compute"].status) == ("abandoned", "abandoned")
    step = taken_over.steps["compute"]
    assert (taken_over.status, step.status) == ("completed", "completed")
    assert lost.ended is not None
    assert step.started is not None
    assert step.started >= lost.ended
