"""Steps that are tried again, and steps that take too long."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from pathlib import Path

import pytest

import argosy
from argosy.errors import RunCancelledError, StepTimeoutError
from argosy.runners.local import AbandonedStepWarning
from tests.e2e.steps import OwnError, last_run, passed_on, statuses, wait_for


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


def test_an_attempt_that_still_waited_when_the_run_ended_is_not_counted(home: Path) -> None:
    @argosy.step(enable_cache=False, retry=argosy.Retry(3, delay=60))
    def flaky() -> None:
        raise OwnError("flaky")

    def waits() -> bool:
        steps = {step.invocation: step for step in last_run().steps.values()}
        return "flaky" in steps and steps["flaky"].attempt == 2

    def until_it_waits() -> None:
        while not waits():
            time.sleep(0.01)

    @argosy.step(enable_cache=False)
    def bad() -> None:
        until_it_waits()
        raise ValueError("bad")

    @argosy.step(enable_cache=False)
    def cancelled() -> None:
        until_it_waits()
        argosy.Client().cancel_run(last_run().id)

    for other, ends_by, status in ((bad, ValueError, "failed"), (cancelled, RunCancelledError, "cancelled")):

        @argosy.pipeline
        def both() -> None:
            flaky()
            other()  # noqa: B023 - called before the next one is chosen

        with pytest.raises(ends_by):
            both()
        step = last_run().steps["flaky"]
        assert (step.status, step.attempt, step.attempts) == (status, 1, ())
        assert "flaky" in str(step.error)


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
    assert [(version.load(), version.producer_attempt) for version in step.saved] == [(1, 1), (2, 2)]
    assert argosy.save_artifact(3, "progress").producer_attempt is None


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

    @argosy.step(enable_cache=False, timeout=2)
    def native() -> int:
        try:
            time.sleep(8)
        finally:
            back.set()
        return 1

    @argosy.pipeline
    def working() -> None:
        passed_on(native())

    began = time.monotonic()
    with (
        pytest.warns(AbandonedStepWarning, match=r"step 'native' was stopped but does not come back.*\"processes\""),
        pytest.raises(StepTimeoutError, match=r"step 'native' took longer than its timeout of 2 s"),
    ):
        working()
    assert time.monotonic() - began < 8
    assert statuses(last_run()) == {"native": "failed", "passed_on": "skipped"}
    assert back.wait(30)
    assert statuses(last_run()) == {"native": "failed", "passed_on": "skipped"}


def test_an_attempt_that_was_given_up_saves_nothing_more(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argosy.execution.scheduler.GRACE", 0.2)
    second_saved = threading.Event()
    told: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    @argosy.step(enable_cache=False, timeout=2, retry=1)
    def saving() -> None:
        if not Path("tried").exists():
            Path("tried").touch()
            with contextlib.suppress(BaseException):  # it was asked to stop
                second_saved.wait()
            try:
                argosy.save_artifact("first", "progress")
                told.put(None)
            except argosy.ConflictError as error:
                told.put(error)
            return
        argosy.save_artifact("second", "progress")
        second_saved.set()

    @argosy.pipeline
    def working() -> None:
        saving()

    with pytest.warns(AbandonedStepWarning):
        step = working().steps["saving"]
    error = told.get(timeout=30)
    assert isinstance(error, argosy.ConflictError)
    assert (error.reason, "saves nothing more" in str(error)) == ("SUPERSEDED", True)
    assert [version.load() for version in step.saved] == ["second"]
    assert [version.version for version in argosy.Client().list_artifact_versions("progress")] == ["1"]


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
