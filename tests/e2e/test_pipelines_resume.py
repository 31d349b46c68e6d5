"""Runs that did not complete are resumed: what completed stays, the rest runs, whoever was killed in between."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import GraphError
from argosy.execution.records.run_record import PipelineRun
from tests.e2e.conftest import Leases
from tests.standstill import go_on, stand_still
from tests.waiting import wait_until
from tests.warm.process import WarmProcess


@argosy.step(enable_cache=False)
def one() -> int:
    note("one")
    return 1


@argosy.step(enable_cache=False)
def doubled(x: int) -> int:
    note("doubled")
    if Path("broken").exists():
        raise RuntimeError("the disk is full")
    return 2 * x


@argosy.step(enable_cache=False)
def added(x: int, y: int) -> int:
    note("added")
    return x + y


def note(step: str) -> None:
    with Path("calls").open("a") as file:
        file.write(f"{step}\n")


def calls() -> list[str]:
    return Path("calls").read_text().splitlines()


@argosy.pipeline
def adding() -> None:
    x = one()
    added(x, doubled(x))


def resumed(run: PipelineRun, pipeline: Any = adding) -> PipelineRun:
    resumed: PipelineRun = pipeline.resume(run)
    return resumed


def last_run() -> PipelineRun:
    return next(iter(argosy.Client().list_runs())).reload()


def statuses(run: PipelineRun) -> dict[str, str]:
    return {name: step.status for name, step in run.steps.items()}


def failed_run() -> PipelineRun:
    Path("broken").touch()
    with pytest.raises(RuntimeError):
        adding.with_options(run_name="nightly")()
    Path("broken").unlink()
    return last_run()


def test_a_failed_run_is_resumed_and_only_what_did_not_complete_runs(store: str) -> None:
    failed = failed_run()
    assert statuses(failed) == {"one": "completed", "doubled": "failed", "added": "skipped"}
    run = resumed(failed)
    assert (run.id, run.name, run.status) == (failed.id, "nightly", "completed")
    assert statuses(run) == {"one": "completed", "doubled": "completed", "added": "completed"}
    assert calls() == ["one", "doubled", "doubled", "added"]
    assert run.steps["added"].output.load() == 3
    assert run.steps["one"].id == failed.steps["one"].id


def test_a_run_may_be_resumed_again(home: Path) -> None:
    failed = failed_run()
    Path("broken").touch()
    with pytest.raises(RuntimeError):
        resumed(failed)
    assert statuses(last_run()) == {"one": "completed", "doubled": "failed", "added": "skipped"}
    Path("broken").unlink()
    assert resumed(failed).status == "completed"
    assert calls() == ["one", "doubled", "doubled", "doubled", "added"]


def test_a_run_that_completed_is_not_resumed(home: Path) -> None:
    run = adding()
    with pytest.raises(argosy.PreconditionError, match="completed"):
        resumed(run)
    assert run.reload().status == "completed"


def test_a_run_of_another_pipeline_is_not_resumed(home: Path) -> None:
    failed = failed_run()

    @argosy.pipeline
    def other() -> None:
        one()

    with pytest.raises(GraphError, match=r"is of pipeline 'adding', not of 'other'; resume it by that pipeline"):
        resumed(failed, other)
    assert failed.reload().status == "failed"


def test_values_given_to_steps_that_completed_are_not_uploaded_again(home: Path) -> None:
    @argosy.pipeline
    def valued() -> None:
        doubled(added(argosy.ExternalArtifact(20), 1))

    Path("broken").touch()
    with pytest.raises(RuntimeError):
        valued()
    Path("broken").unlink()
    run = resumed(last_run(), valued)
    assert run.steps["doubled"].output.load() == 42
    versions = list(argosy.Client().list_artifact_versions("valued::added::x"))
    assert [version.version for version in versions] == ["1"]


def test_a_body_that_asks_for_values_gets_those_of_then(home: Path) -> None:
    @argosy.pipeline
    def deciding() -> None:
        x: Any = one()
        if x.load() == 1:
            doubled(x)

    Path("broken").touch()
    with pytest.raises(RuntimeError):
        deciding()
    Path("broken").unlink()
    run = resumed(last_run(), deciding)
    assert run.steps["doubled"].output.load() == 2
    assert calls() == ["one", "doubled", "doubled"]


PROGRAM = """
import sys
from pathlib import Path
import time
import argosy

def note(text):
    with Path("calls").open("a") as file:
        file.write(text + "\\n")

@argosy.step(enable_cache=False)
def first() -> int:
    note("first")
    return 1

@argosy.step(enable_cache=False{step_options})
def second(x: int) -> int:
    note("second")
    Path("second").touch()
    while not Path("go").exists():
        time.sleep(0.01)
    return x + 1

@argosy.step(enable_cache=False)
def third(x: int) -> int:
    note("third")
    return 10 * x

@argosy.pipeline(runner={runner!r})
def counting() -> None:
    third(second(first()))

if sys.argv[1:] == ["resume"]:
    counting.resume("count")
else:
    counting.with_options(run_name="count")()
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the program; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, runner: str = "local", step_options: str = "") -> subprocess.Popen[str]:
        script = tmp_path / "program.py"
        script.write_text(PROGRAM.format(runner=runner, step_options=step_options))
        command = [sys.executable, str(script), *arguments]
        process = WarmProcess(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def started_second(process: subprocess.Popen[str]) -> None:
    wait_until(lambda: Path("second").exists() or process.poll() is not None, "it is in its second step")
    assert process.poll() is None, process.communicate()[1]


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    Path("go").touch()
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize("runner", ["local", "processes"])
def test_a_run_whose_driver_was_killed_is_resumed_to_the_same_result(leases: Leases, start: Start, runner: str) -> None:
    driver = start(runner=runner)
    started_second(driver)
    driver.kill()
    driver.communicate()
    leases.end("count")
    again = start("resume", runner=runner)
    assert finish(again) == (0, "")
    run = argosy.Client().get_run("count")
    assert (run.status, run.steps["third"].output.load()) == ("completed", 20)
    assert calls() == ["first", "second", "second", "third"]


@pytest.mark.usefixtures("leases")
def test_workers_die_with_their_driver(start: Start) -> None:
    driver = start(runner="processes")
    started_second(driver)
    workers = children_of(driver.pid)
    assert len(workers) == 1
    driver.kill()
    driver.communicate()
    wait_until(lambda: not any(is_running(worker) for worker in workers), "the workers end with their program")


@pytest.mark.usefixtures("leases")
def test_a_run_goes_on_when_its_worker_is_killed_and_the_step_may_be_tried_again(start: Start) -> None:
    driver = start(runner="processes", step_options=", retry=1")
    started_second(driver)
    (worker,) = children_of(driver.pid)
    os.kill(worker, signal.SIGKILL)
    assert finish(driver) == (0, "")
    run = argosy.Client().get_run("count")
    assert (run.status, run.steps["third"].output.load()) == ("completed", 20)
    assert calls() == ["first", "second", "second", "third"]


@pytest.mark.usefixtures("leases")
def test_a_run_whose_worker_was_killed_is_resumed_to_the_same_result(start: Start) -> None:
    driver = start(runner="processes")
    started_second(driver)
    (worker,) = children_of(driver.pid)
    os.kill(worker, signal.SIGKILL)
    status, errors = finish(driver)
    assert (status, "WorkerLostError" in errors) == (1, True)
    assert finish(start("resume", runner="processes")) == (0, "")
    run = argosy.Client().get_run("count")
    assert (run.status, run.steps["third"].output.load()) == ("completed", 20)
    assert calls() == ["first", "second", "second", "third"]


def test_a_driver_that_was_taken_for_dead_stops_when_another_one_has_its_run(leases: Leases, start: Start) -> None:
    driver = start()
    started_second(driver)
    stand_still(driver.pid)
    leases.end("count")
    Path("second").unlink()
    again = start("resume")
    started_second(again)
    go_on(driver.pid)
    printed, errors = driver.communicate(timeout=60)
    assert driver.returncode == 1
    assert "ConflictError: run 'count' was resumed by another runner" in errors
    assert re.search(r"^  watch   .*argosy run show count --watch$", printed, re.MULTILINE)
    assert finish(again) == (0, "")
    assert argosy.Client().get_run("count").steps["third"].output.load() == 20


def test_of_two_that_resume_one_run_the_second_is_told(leases: Leases, start: Start) -> None:
    driver = start()
    started_second(driver)
    driver.kill()
    driver.communicate()
    leases.end("count")
    Path("second").unlink()
    winner = start("resume")
    started_second(winner)
    _, errors = start("resume").communicate(timeout=60)
    assert "PreconditionError" in errors
    assert "another runner resumed it" in errors
    assert finish(winner) == (0, "")


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
