"""Runs whose process is interrupted, stopped or killed, and runs whose server goes away."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import argosy
from argosy.execution.records.run_record import PipelineRun
from argosy.execution.running.rescue import load_rescued
from argosy_server.api.serving.server import ArgosyGrpcServer
from argosy_server.bootstrap import SERVICES, build
from argosy_server.config import StoreConfig
from argosy_server.domain.limits import Limits
from tests.e2e.conftest import Leases
from tests.standstill import go_on, stand_still
from tests.waiting import PATIENCE, wait_until
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
    while not Path("go").exists():
        time.sleep(0.01)
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
    """Starts the program and waits until its first step waits for ``go``; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*, returns: str = "int", value: int | None = 1) -> subprocess.Popen[str]:
        script = tmp_path / "program.py"
        script.write_text(PROGRAM.format(returns=returns, value=value))
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


def test_a_killed_run_reads_as_abandoned_and_its_name_is_free(leases: Leases, start: Start, tmp_path: Path) -> None:
    process = start()
    killed = argosy.Client().get_run("nightly")
    assert (killed.status, statuses(killed)) == ("running", {"slow": "running"})
    process.kill()
    process.communicate()
    leases.end("nightly")
    assert statuses(killed.reload()) == {"slow": "abandoned"}
    (tmp_path / "started").unlink()
    process = start()
    (tmp_path / "go").touch()
    assert (process.wait(PATIENCE), process.communicate()[1]) == (0, "")
    again = argosy.Client().get_run("nightly")
    assert again.id != killed.id
    assert again.status == "completed"
    assert killed.reload().status == "abandoned"


def test_a_run_renews_its_lease_while_a_step_runs(store: str) -> None:
    def lease_of_the_run() -> int:
        (run,) = argosy.Client().list_runs()
        found = argosy.Client().connection.pipelines.get_run(run.id)
        return found.lease_expire_time.ToNanoseconds()

    @argosy.step(enable_cache=False)
    def slow() -> int:
        at_first = lease_of_the_run()
        wait_until(lambda: lease_of_the_run() > at_first, "the lease is renewed")
        return 1

    @argosy.pipeline
    def working() -> None:
        slow()

    assert working().status == "completed"


def sleep_through_the_lease(process: subprocess.Popen[str], leases: Leases) -> tuple[str, str]:
    """Let the program stand still for longer than its lease; return what it says when it goes on."""
    stand_still(process.pid)
    leases.end("nightly")
    go_on(process.pid)
    Path("go").touch()
    printed, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    return printed, errors


def test_a_run_that_slept_through_its_lease_stops_and_rescues_what_it_has(leases: Leases, start: Start) -> None:
    _, errors = sleep_through_the_lease(start(), leases)
    assert re.search(r"ConflictError: the lease of run 'nightly' expired at .* it is abandoned", errors)
    assert "SaveOutputError: what step 'slow' returned could not be saved: ConflictError" in errors
    (directory,) = re.findall(r"load_rescued\('([^']+)'\)", errors)
    assert load_rescued(directory) == 1
    assert statuses(next(iter(argosy.Client().list_runs())).reload()) == {"slow": "abandoned"}


def test_a_run_without_values_to_lose_ends_with_the_conflict_itself(leases: Leases, start: Start) -> None:
    printed, errors = sleep_through_the_lease(start(returns="None", value=None), leases)
    assert "Run nightly ended early; its end could not be recorded\n" in printed
    assert "\n  resume  working.resume('nightly')\n" in printed
    assert re.search(r"^argosy\.errors\.ConflictError: the lease of run 'nightly' expired", errors, re.MULTILINE)
    assert "rescue" not in errors.rpartition("ConflictError")[2]


def test_an_interrupt_from_the_keyboard_cancels_the_run(home: Path, start: Start) -> None:
    process = start()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
    run = argosy.Client().get_run("nightly")
    assert (run.status, statuses(run)) == ("cancelled", {"slow": "cancelled", "after": "skipped"})


def test_a_run_is_cancelled_from_another_process(home: Path, start: Start) -> None:
    process = start()
    asked = argosy.Client().cancel_run("nightly")
    assert (asked.name, asked.status, statuses(asked)) == ("nightly", "running", {"slow": "running"})
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert re.search(r"^argosy\.errors\.RunCancelledError: .*was asked to stop", errors, re.MULTILINE)
    run = asked.reload()
    assert (run.status, statuses(run)) == ("cancelled", {"slow": "cancelled", "after": "skipped"})
    with pytest.raises(argosy.PreconditionError):
        argosy.Client().cancel_run(run.id)
    with pytest.raises(argosy.NotFoundError):
        argosy.Client().cancel_run("weekly")


@pytest.fixture
def going_server(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArgosyGrpcServer]:
    """A server that a step can end; runs wait for it for as long as its leases are, which are short."""
    application = build(StoreConfig(tmp_path / "data"), Limits(run_lease=timedelta(seconds=5)))
    server = ArgosyGrpcServer(4)
    port = server.bind("127.0.0.1", 0)
    server.serve(application.register, SERVICES, reflection=False)
    monkeypatch.setenv("ARGOSY_SERVER", f"grpc://127.0.0.1:{port}")
    yield server
    server.drain(0)
    application.close()


def test_outputs_are_rescued_when_the_server_goes_away(going_server: ArgosyGrpcServer) -> None:
    @argosy.step(enable_cache=False)
    def fit() -> list[int]:
        going_server.drain(0)
        return [1, 2]

    @argosy.pipeline
    def training() -> None:
        fit()

    with pytest.raises(argosy.SaveOutputError, match="UnavailableError") as caught:
        training()
    (directory,) = re.findall(r"load_rescued\('([^']+)'\)", str(caught.value))
    assert load_rescued(directory) == [1, 2]
