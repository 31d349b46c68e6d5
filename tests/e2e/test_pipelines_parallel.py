"""Steps at once, tried again, stopped in time; what fails and what goes on; who is called about it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import StepTimeoutError
from argosy.execution.hooks import HookWarning
from argosy.execution.run_record import PipelineRun
from argosy.runners.local import AbandonedStepWarning


class OwnError(Exception):
    """An exception of the user's own."""


@argosy.step(enable_cache=False)
def one() -> int:
    return 1


@argosy.step(enable_cache=False)
def passed_on(x: int) -> int:
    return x


@argosy.step(enable_cache=False)
def failing(text: str) -> int:
    raise OwnError(text)


@argosy.step(enable_cache=False)
def failing_late(text: str, mark: str) -> int:
    wait_for(mark)
    raise OwnError(text)


@argosy.step(enable_cache=False)
def slow(mark: str) -> int:
    wait_for(mark)
    return 1


def wait_for(mark: str) -> None:
    end = time.monotonic() + 60
    while not Path(mark).exists():
        assert time.monotonic() < end, f"{mark} never came"
        time.sleep(0.01)


def last_run() -> PipelineRun:
    return next(iter(argosy.Client().list_runs())).reload()


def statuses(run: PipelineRun) -> dict[str, str]:
    return {name: step.status for name, step in run.steps.items()}


def touching(mark: str) -> Any:
    return lambda _: Path(mark).touch()


def test_after_a_failure_those_that_run_end_and_no_other_starts(store: str) -> None:
    fails = failing.with_options(on_failure=touching("failed"))

    @argosy.pipeline(max_parallel=2)
    def working() -> None:
        passed_on(slow("failed"))
        fails("first")
        one()

    with pytest.raises(OwnError, match="first"):
        working()
    assert statuses(last_run()) == {"slow": "completed", "failing": "failed", "passed_on": "skipped", "one": "skipped"}


def test_of_several_failures_the_first_is_raised_and_the_others_are_named(home: Path) -> None:
    fails = failing.with_options(on_failure=touching("failed"))

    @argosy.pipeline
    def working() -> None:
        failing_late("second", "failed")
        fails("first")

    with pytest.raises(OwnError, match="first") as caught:
        working()
    assert "step 'failing_late' failed too: OwnError: second" in caught.value.__notes__
    run = last_run()
    assert run.error is not None
    assert (run.error.message, run.error.invocation) == ("first", "failing")


def test_branches_that_do_not_depend_on_a_failed_step_go_on_when_asked_to(store: str) -> None:
    @argosy.pipeline(execution_mode="continue")
    def working() -> None:
        passed_on(passed_on(failing("here")))
        passed_on(passed_on(one()))

    with pytest.raises(OwnError, match="here"):
        working()
    run = last_run()
    assert run.status == "failed"
    assert statuses(run) == {
        "one": "completed",
        "failing": "failed",
        "passed_on_3": "completed",
        "passed_on_4": "completed",
        "passed_on": "skipped",
        "passed_on_2": "skipped",
    }


def test_a_body_may_ask_for_the_values_of_branches_that_go_on(home: Path) -> None:
    seen: list[int] = []

    @argosy.pipeline(execution_mode="continue")
    def working() -> None:
        fails, fine = failing("here"), one()
        with pytest.raises(OwnError):
            argosy.value_of(fails)
        seen.append(argosy.value_of(fine))
        passed_on(fine)

    with pytest.raises(OwnError, match="here"):
        working()
    assert seen == [1]
    assert statuses(last_run()) == {"failing": "failed", "one": "completed", "passed_on": "completed"}


def test_a_step_is_tried_again_after_the_delays_that_were_asked_for(store: str) -> None:
    attempts: list[float] = []

    @argosy.step(enable_cache=False, retry=argosy.Retry(3, delay=0.1, backoff=2))
    def flaky() -> int:
        attempts.append(time.monotonic())
        if len(attempts) < 3:
            raise OwnError(f"attempt {len(attempts)}")
        return len(attempts)

    @argosy.pipeline
    def working() -> None:
        flaky()

    step = working().steps["flaky"]
    assert (step.status, step.output.load(), step.error) == ("completed", 3, None)
    first, second = attempts[1] - attempts[0], attempts[2] - attempts[1]
    assert (first >= 0.1, second >= 0.2) == (True, True)


def test_what_each_attempt_raised_is_in_the_record(home: Path) -> None:
    @argosy.step(enable_cache=False, retry=1)
    def flaky() -> None:
        raise OwnError("again")

    @argosy.pipeline
    def working() -> None:
        flaky()

    with pytest.raises(OwnError, match="again"):
        working()
    message = argosy.Client().connection.pipelines.get_run(last_run().id).steps[0]
    assert (message.attempt, [attempt.error.message for attempt in message.attempts]) == (2, ["again"])
    assert message.error.message == "again"


def test_only_exceptions_that_were_named_are_tried_again(home: Path) -> None:
    tried: list[int] = []

    @argosy.step(enable_cache=False, retry=argosy.Retry(5, on=(OSError,)))
    def flaky() -> None:
        tried.append(1)
        raise (OSError if len(tried) < 3 else OwnError)("no")

    @argosy.pipeline
    def working() -> None:
        flaky()

    with pytest.raises(OwnError):
        working()
    assert len(tried) == 3


def test_what_stops_a_program_is_not_tried_again(home: Path) -> None:
    tried: list[int] = []

    @argosy.step(enable_cache=False, retry=5)
    def interrupted() -> None:
        tried.append(1)
        raise KeyboardInterrupt

    @argosy.pipeline
    def working() -> None:
        interrupted()

    with pytest.raises(KeyboardInterrupt):
        working()
    assert (len(tried), last_run().status) == (1, "cancelled")


def test_other_steps_run_while_one_waits_to_be_tried_again(home: Path) -> None:
    @argosy.step(enable_cache=False, retry=argosy.Retry(1, delay=0.5))
    def flaky() -> None:
        if not Path("second").exists():
            Path("second").touch()
            raise OwnError

    @argosy.step(enable_cache=False)
    def meanwhile() -> bool:
        wait_for("second")
        return True

    @argosy.pipeline(max_parallel=1)
    def working() -> None:
        flaky()
        meanwhile()

    run = working()
    started = {name: step.ended for name, step in run.steps.items()}
    assert started["meanwhile"] < started["flaky"]  # type: ignore[operator] # both have ended


def test_a_save_inside_a_step_that_is_tried_again_stays_with_its_attempt(home: Path) -> None:
    tried: list[int] = []

    @argosy.step(enable_cache=False, retry=1)
    def saving() -> None:
        tried.append(1)
        argosy.save_artifact(len(tried), "progress")
        if len(tried) == 1:
            raise OwnError

    @argosy.pipeline
    def working() -> None:
        saving()

    step = working().steps["saving"]
    assert [version.load() for version in step.saved] == [1, 2]
    messages = [version._message.producer for version in step.saved]
    assert [producer.attempt for producer in messages] == [1, 2]


def test_a_timed_out_step_may_be_tried_again(home: Path) -> None:
    @argosy.step(enable_cache=False, timeout=1, retry=argosy.Retry(1, on=(TimeoutError,)))
    def hanging() -> int:
        if not Path("tried").exists():
            Path("tried").touch()
            wait_for("never")
        return 1

    @argosy.pipeline
    def working() -> None:
        hanging()

    assert working().steps["hanging"].output.load() == 1


def test_a_timeout_in_native_code_that_does_not_come_back_is_given_up(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argosy.execution.scheduler.GRACE", 0.2)
    back = threading.Event()

    @argosy.step(enable_cache=False, timeout=1)
    def native() -> int:
        try:
            time.sleep(5)
        finally:
            back.set()
        return 1

    @argosy.pipeline
    def working() -> None:
        passed_on(native())

    began = time.monotonic()
    with (
        pytest.warns(AbandonedStepWarning, match=r"step 'native' was stopped but does not come back.*\"processes\""),
        pytest.raises(StepTimeoutError, match=r"step 'native' took longer than its timeout of 1 s"),
    ):
        working()
    assert time.monotonic() - began < 5
    assert statuses(last_run()) == {"native": "failed", "passed_on": "skipped"}
    assert back.wait(30)
    assert statuses(last_run()) == {"native": "failed", "passed_on": "skipped"}


def test_native_code_in_a_worker_process_is_ended_by_force(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argosy.execution.scheduler.GRACE", 0.2)

    @argosy.step(enable_cache=False, timeout=2)
    def native() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        Path("pid").write_text(str(os.getpid()))
        time.sleep(60)

    @argosy.pipeline(runner="processes")
    def working() -> None:
        native()

    with pytest.raises(StepTimeoutError):
        working()
    pid = int(Path("pid").read_text())
    end = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end, "the worker lives on"
        time.sleep(0.01)


def test_hooks_hear_of_steps_and_runs(store: str) -> None:
    heard: list[str] = []
    tried: list[int] = []

    def says(text: str) -> Any:
        return lambda about: heard.append(f"{text} {getattr(about, 'invocation', type(about).__name__)}")

    @argosy.step(
        enable_cache=False, retry=1, on_start=says("start"), on_success=says("success"), on_failure=says("failure")
    )
    def flaky(times: int) -> None:
        tried.append(1)
        if len(tried) <= times:
            raise OwnError

    @argosy.pipeline(on_start=says("start"), on_success=[says("success"), lambda: heard.append("!")])
    def working(times: int) -> None:
        flaky(times)

    working(1)
    assert heard == ["start PipelineRun", "start flaky", "success flaky", "success PipelineRun", "!"]
    heard.clear()
    tried.clear()
    with pytest.raises(OwnError):
        working.with_options(on_failure=says("failure"))(2)
    assert heard == ["start PipelineRun", "start flaky", "failure OwnError", "failure OwnError"]


def test_hooks_are_not_called_for_a_step_taken_from_cache(home: Path) -> None:
    heard: list[int] = []

    @argosy.step(on_start=lambda: heard.append(1), on_success=lambda: heard.append(2))
    def quiet() -> int:
        return 1

    @argosy.pipeline
    def working() -> None:
        quiet()

    working()
    assert working().steps["quiet"].status == "cached"
    assert heard == [1, 2]


def test_a_hook_that_raises_is_named_and_changes_nothing(home: Path) -> None:
    def broken_hook(step: Any) -> None:
        raise OwnError("no network")

    @argosy.step(on_success=broken_hook)
    def fine() -> int:
        return 1

    @argosy.pipeline
    def working() -> None:
        fine()

    with pytest.warns(HookWarning, match=r"the on_success hook .*broken_hook of step 'fine' raised OwnError: no netw"):
        run = working()
    assert (run.status, statuses(run)) == ("completed", {"fine": "completed"})


def test_an_async_step_runs_where_a_loop_runs_already(home: Path) -> None:
    @argosy.step(enable_cache=False)
    async def waiting() -> int:
        await asyncio.sleep(0.01)
        argosy.save_artifact(1, "note")
        return 5

    @argosy.pipeline
    def working() -> None:
        waiting()

    async def notebook() -> PipelineRun:
        return working()

    step = asyncio.run(notebook()).steps["waiting"]
    assert (step.output.load(), [version.name for version in step.saved]) == (5, ["note"])


def test_an_async_step_that_waits_is_stopped_in_time(home: Path) -> None:
    @argosy.step(enable_cache=False, timeout=1)
    async def waiting() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            Path("closed").touch()

    @argosy.pipeline
    def working() -> None:
        waiting()

    with pytest.raises(StepTimeoutError):
        working()
    assert Path("closed").exists()


@pytest.mark.parametrize("runner", ["local", "processes"])
def test_a_process_that_a_step_forks_does_not_report_for_it(home: Path, runner: Any) -> None:
    @argosy.step(enable_cache=False)
    def forking() -> int:
        for child_ends in (lambda: None, lambda: sys.exit(3), lambda: failing.__wrapped__("in the child")):
            pid = os.fork()
            if pid == 0:
                sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - what the child says is not of interest
                child_ends()
                return 0
            ends.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        return int("".join(map(str, ends)))

    ends: list[int] = []

    @argosy.pipeline(runner=runner)
    def working() -> None:
        forking()

    run = working()
    assert (run.status, run.steps["forking"].output.load()) == ("completed", 31)
    assert len(list(argosy.Client().list_runs())) == 1


INTERRUPTED = """
import signal, time
from pathlib import Path
import argosy

signal.signal(signal.SIGINT, signal.default_int_handler)

@argosy.step(enable_cache=False)
def endless(name: str) -> int:
    Path(name).touch()
    try:
        while True:
            time.sleep(0.01)
    finally:
        Path(name + "-closed").touch()

@argosy.pipeline(runner={runner!r}, max_parallel=2)
def working() -> None:
    endless("a")
    endless("b")
    endless("c")

working()
"""


@pytest.mark.parametrize("runner", ["local", "processes"])
def test_ctrl_c_stops_all_steps_that_run(home: Path, tmp_path: Path, runner: str) -> None:
    script = tmp_path / "program.py"
    script.write_text(INTERRUPTED.format(runner=runner))
    process = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE, text=True)
    wait_for("a")
    wait_for("b")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "KeyboardInterrupt" in errors) == (-signal.SIGINT, True)
    run = last_run()
    assert (run.status, statuses(run)) == (
        "cancelled",
        {"endless": "cancelled", "endless_2": "cancelled", "endless_3": "skipped"},
    )
    assert (Path("a-closed").exists(), Path("b-closed").exists()) == (True, True)


def test_equal_steps_that_run_at_once_are_computed_once(store: str) -> None:
    @argosy.step
    def expensive(x: int) -> int:
        with Path("computed").open("a") as file:
            file.write(f"{x}\n")
        time.sleep(0.3)
        return x

    @argosy.pipeline(max_parallel=3)
    def working() -> None:
        for _ in range(3):
            expensive(4)

    run = working()
    assert sorted(statuses(run).values()) == ["cached", "cached", "completed"]
    assert Path("computed").read_text() == "4\n"
