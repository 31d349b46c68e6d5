"""Steps that are tried again, and steps that take too long."""

from __future__ import annotations

import contextlib
import io
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import RunCancelledError, StepTimeoutError
from argosy.runners.local import AbandonedStepWarning
from tests.e2e.steps import OwnError, failing, last_run, one, passed_on, statuses, wait_for
from tests.waiting import PATIENCE, wait_until


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
    @argosy.step(enable_cache=False, retry=argosy.Retry(1, delay=250))
    def flaky() -> None:
        raise OwnError("flaky")

    @argosy.pipeline(max_parallel=1)
    def working() -> None:
        flaky()
        failing.with_options(after=one())("nobody waits so long")

    with pytest.raises(OwnError, match="nobody waits so long"):
        working()
    assert statuses(last_run()) == {"flaky": "failed", "one": "completed", "failing": "failed"}


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
    @argosy.step(enable_cache=False, timeout=1, retry=argosy.Retry(20, on=(TimeoutError,)))
    def hanging() -> int:
        if not Path("tried").exists():
            Path("tried").touch()
            wait_for("never")
        return 1

    @argosy.pipeline
    def working() -> None:
        hanging()

    step = working().steps["hanging"]
    assert step.output.load() == 1
    assert step.attempt > 1


def test_a_timeout_in_native_code_that_does_not_come_back_is_given_up(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argosy.execution.running.scheduler.GRACE", 0.2)
    comes_back, back = threading.Event(), threading.Event()

    @argosy.step(enable_cache=False, timeout=2)
    def native() -> int:
        try:
            comes_back.wait()
        finally:
            back.set()
        return 1

    @argosy.pipeline
    def working() -> None:
        passed_on(native())

    with (
        pytest.warns(AbandonedStepWarning, match=r"step 'native' was stopped but does not come back.*\"processes\""),
        pytest.raises(StepTimeoutError, match=r"step 'native' took longer than its timeout of 2 s"),
    ):
        working()
    assert statuses(last_run()) == {"native": "failed", "passed_on": "skipped"}
    comes_back.set()
    assert back.wait(PATIENCE)
    assert statuses(last_run()) == {"native": "failed", "passed_on": "skipped"}


def test_an_attempt_that_was_given_up_saves_nothing_more(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argosy.execution.running.scheduler.GRACE", 0.2)
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
    error = told.get(timeout=PATIENCE)
    assert isinstance(error, argosy.ConflictError)
    assert (error.reason, "saves nothing more" in str(error)) == ("SUPERSEDED", True)
    assert [version.load() for version in step.saved] == ["second"]
    assert [version.version for version in argosy.Client().list_artifact_versions("progress")] == ["1"]


def test_native_code_in_a_worker_process_is_ended_by_force(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argosy.execution.running.scheduler.GRACE", 0.2)

    @argosy.step(enable_cache=False, timeout=2)
    def native() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        Path("pid.new").write_text(str(os.getpid()))
        Path("pid.new").rename("pid")
        time.sleep(60)

    @argosy.pipeline(runner="processes", max_parallel=1)
    def working() -> None:
        native.with_options(after=one())()  # in a worker that has started, which counts too

    while not Path("pid").exists():  # it may be stopped before it gets that far
        with pytest.raises(StepTimeoutError):
            working()
    pid = int(Path("pid").read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the worker has ended")


def _two_of_which_both_wait(ends: Callable[[], None]) -> tuple[Any, list[str]]:
    """Return a pipeline of two steps, tried again one after the other, of which the first ends when both are due."""
    tried: list[str] = []
    failed_at: dict[str, float] = {}

    def attempt(name: str) -> None:
        tried.append(name)
        if not {name, "second"} <= failed_at.keys():
            failed_at[name] = time.monotonic()
            raise OwnError(name)

    again = argosy.Retry(20, delay=0.5, on=OwnError)

    @argosy.step(enable_cache=False, retry=again)
    def first() -> None:
        attempt("first")
        wait_until(lambda: time.monotonic() > failed_at["second"] + 1, "the second is due, too")
        ends()

    @argosy.step(enable_cache=False, retry=again)
    def second() -> None:
        attempt("second")

    @argosy.pipeline(max_parallel=1)
    def working() -> None:
        first()
        second()

    return working, tried


def test_one_that_is_due_is_not_tried_again_once_another_has_failed(home: Path) -> None:
    def ends() -> None:
        raise ValueError("for good")

    working, tried = _two_of_which_both_wait(ends)
    with pytest.raises(ValueError, match="for good"):
        working()
    assert (tried.count("second"), tried[-1]) == (1, "first")
    assert statuses(last_run()) == {"first": "failed", "second": "failed"}


def test_one_that_is_due_ends_with_a_run_that_was_cancelled(home: Path) -> None:
    def ends() -> None:
        raise RunCancelledError("enough")

    working, tried = _two_of_which_both_wait(ends)
    with pytest.raises(RunCancelledError, match="enough"):
        working()
    assert (tried.count("second"), tried[-1]) == (1, "first")
    assert (last_run().status, statuses(last_run())) == ("cancelled", {"first": "cancelled", "second": "cancelled"})


class _InterruptedBy(io.StringIO):
    """Somebody presses Ctrl-C as soon as a line has this word."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word = word

    def write(self, text: str) -> int:
        if self._word in text:
            self._word = "\0"
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


def test_an_interrupt_between_two_attempts_is_recorded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @argosy.step(enable_cache=False, retry=argosy.Retry(1, delay=60))
    def flaky() -> None:
        raise OwnError("flaky")

    @argosy.pipeline
    def working() -> None:
        flaky()

    monkeypatch.setattr(sys, "stdout", _InterruptedBy("retrying"))
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            working()
    finally:
        signal.signal(signal.SIGINT, handler)
    run = last_run()
    assert (run.status, statuses(run), run.steps["flaky"].attempt) == ("cancelled", {"flaky": "cancelled"}, 1)
