"""Runs whose process is interrupted, stopped or killed, and runs whose server goes away."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import argosy
from argosy.execution.records.run_record import PipelineRun
from argosy.execution.running.rescue import load_rescued
from argosy_server.api.serving.server import ArgosyGrpcServer
from tests.e2e.conftest import LEASE
from tests.standstill import go_on, stand_still
from tests.waiting import wait_until
from tests.warm.process import WarmProcess

PROGRAM = """
import signal
import time
from pathlib import Path
import argosy

# As on a terminal, also where the tests run in the background and inherit that it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

@argosy.step(enable_cache=False)
def slow() -> {returns}:
    Path("started").touch()
    time.sleep({seconds})
    return {value}

@argosy.step
def after() -> int:
    return 2

@argosy.pipeline
def working() -> None:
    after.with_options(after=slow())()

working.with_options(run_name="nightly")()
"""


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the program and waits until its first step runs; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*, seconds: float, returns: str = "int", value: int | None = 1) -> subprocess.Popen[str]:
        script = tmp_path / "program.py"
        script.write_text(PROGRAM.format(seconds=seconds, returns=returns, value=value))
        command = [sys.executable, str(script)]
        process = WarmProcess(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        wait_until(lambda: (tmp_path / "started").exists() or process.poll() is not None, "it has started")
        assert process.poll() is None, process.communicate()[1]
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def statuses(run: PipelineRun) -> dict[str, str]:
    return {name: step.status for name, step in run.steps.items()}


def test_a_killed_run_reads_as_abandoned_and_its_name_is_free(
    short_lease: ArgosyGrpcServer, start: Start, tmp_path: Path
) -> None:
    process = start(seconds=60)
    killed = argosy.Client().get_run("nightly")
    assert (killed.status, statuses(killed)) == ("running", {"slow": "running"})
    process.kill()
    process.communicate()
    wait_until(lambda: killed.reload().status == "abandoned", "its lease is over")
    assert statuses(killed.reload()) == {"slow": "abandoned"}
    (tmp_path / "started").unlink()
    process = start(seconds=0)
    assert (process.wait(30), process.communicate()[1]) == (0, "")
    again = argosy.Client().get_run("nightly")
    assert again.id != killed.id
    assert again.status == "completed"
    assert killed.reload().status == "abandoned"


def test_a_step_may_take_longer_than_the_lease(short_lease: ArgosyGrpcServer) -> None:
    @argosy.step(enable_cache=False)
    def slow() -> int:
        time.sleep(1.5 * LEASE)
        return 1

    @argosy.pipeline
    def working() -> None:
        slow()

    assert working().status == "completed"


def test_a_run_that_slept_through_its_lease_stops_and_rescues_what_it_has(
    short_lease: ArgosyGrpcServer, start: Start
) -> None:
    process = start(seconds=LEASE / 2)
    stand_still(process.pid)
    wait_until(lambda: argosy.Client().get_run("nightly").status == "abandoned", "its lease is over")
    go_on(process.pid)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert re.search(r"ConflictError: the lease of run 'nightly' expired at .* it is abandoned", errors)
    assert "SaveOutputError: what step 'slow' returned could not be saved: ConflictError" in errors
    (directory,) = re.findall(r"load_rescued\('([^']+)'\)", errors)
    assert load_rescued(directory) == 1
    assert statuses(next(iter(argosy.Client().list_runs())).reload()) == {"slow": "abandoned"}


def test_a_run_without_values_to_lose_ends_with_the_conflict_itself(
    short_lease: ArgosyGrpcServer, start: Start
) -> None:
    process = start(seconds=LEASE / 2, returns="None", value=None)
    stand_still(process.pid)
    wait_until(lambda: argosy.Client().get_run("nightly").status == "abandoned", "its lease is over")
    go_on(process.pid)
    printed, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Run nightly ended early; its end could not be recorded\n" in printed
    assert "\n  resume  working.resume('nightly')\n" in printed
    assert re.search(r"^argosy\.errors\.ConflictError: the lease of run 'nightly' expired", errors, re.MULTILINE)
    assert "rescue" not in errors.rpartition("ConflictError")[2]


def test_an_interrupt_from_the_keyboard_cancels_the_run(home: Path, start: Start) -> None:
    process = start(seconds=60)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
    run = argosy.Client().get_run("nightly")
    assert (run.status, statuses(run)) == ("cancelled", {"slow": "cancelled", "after": "skipped"})


def test_a_run_is_cancelled_from_another_process(home: Path, start: Start) -> None:
    process = start(seconds=60)
    asked = argosy.Client().cancel_run("nightly")
    assert (asked.name, asked.status, statuses(asked)) == ("nightly", "running", {"slow": "running"})
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert re.search(r"^argosy\.errors\.RunCancelledError: .*was asked to stop", errors, re.MULTILINE)
    run = asked.reload()
    assert (run.status, statuses(run)) == ("cancelled", {"slow": "cancelled", "after": "skipped"})
    with pytest.raises(argosy.PreconditionError):
        argosy.Client().cancel_run(run.id)
    with pytest.raises(argosy.NotFoundError):
        argosy.Client().cancel_run("weekly")


def test_outputs_are_rescued_when_the_server_goes_away(short_lease: ArgosyGrpcServer) -> None:
    @argosy.step(enable_cache=False)
    def fit() -> list[int]:
        short_lease.drain(0)
        return [1, 2]

    @argosy.pipeline
    def training() -> None:
        fit()

    with pytest.raises(argosy.SaveOutputError, match="UnavailableError") as caught:
        training()
    (directory,) = re.findall(r"load_rescued\('([^']+)'\)", str(caught.value))
    assert load_rescued(directory) == [1, 2]
