"""How one step ends a run, and what that does to the others."""

from __future__ import annotations

import asyncio
import concurrent.futures
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.errors import RunCancelledError, StepTimeoutError
from tests.e2e.steps import OwnError, failing, failing_late, last_run, one, slow, statuses, wait_for


@pytest.fixture
def _plain_interrupts() -> Iterator[None]:
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.parametrize("mode", ["fail_fast", "continue"])
def test_a_step_that_ends_the_program_cancels_the_others(home: Path, mode: Any) -> None:
    @argosy.step(enable_cache=False)
    def leaving() -> None:
        wait_for("runs")
        raise SystemExit("bye")

    @argosy.step(enable_cache=False)
    def innocent() -> None:
        Path("runs").touch()
        wait_for("never")

    @argosy.pipeline(execution_mode=mode)
    def working() -> None:
        innocent()
        leaving()

    with pytest.raises(SystemExit, match="bye"):
        working()
    run = last_run()
    assert (run.status, statuses(run)) == ("failed", {"innocent": "cancelled", "leaving": "failed"})


def test_workers_of_others_hear_of_an_end_that_only_the_program_knows(home: Path) -> None:
    class Leaving(BaseException):
        """Of this function: it can be sent by value only."""

    @argosy.step(enable_cache=False)
    def leaving() -> None:
        wait_for("runs")
        raise Leaving("over for all")

    @argosy.step(enable_cache=False)
    def innocent() -> None:
        try:
            Path("runs").touch()
            wait_for("never")
        finally:
            Path("closed").touch()

    @argosy.pipeline(runner="processes", max_parallel=2)
    def working() -> None:
        innocent()
        leaving()

    with pytest.raises(BaseException, match="over for all"):
        working()
    assert statuses(last_run()) == {"innocent": "cancelled", "leaving": "failed"}
    assert Path("closed").exists()


def test_a_cancelled_task_fails_its_step_alone_which_may_be_tried_again(home: Path) -> None:
    tried: list[int] = []
    heard: list[str] = []

    @argosy.step(enable_cache=False, retry=1, on_failure=lambda error: heard.append(type(error).__name__))
    async def awaiting() -> None:
        tried.append(1)
        raise asyncio.CancelledError

    @argosy.pipeline(execution_mode="continue", max_parallel=1)
    def working() -> None:
        awaiting()
        one()

    with pytest.raises(concurrent.futures.CancelledError):
        working()
    run = last_run()
    assert (run.status, statuses(run)) == ("failed", {"awaiting": "failed", "one": "completed"})
    assert (len(tried), heard) == (2, ["CancelledError"])


@pytest.mark.usefixtures("_plain_interrupts")
@pytest.mark.parametrize("kind", ["on_success", "on_failure"])
def test_an_interrupt_inside_a_hook_does_not_call_it_again(home: Path, kind: str) -> None:
    heard: list[str] = []

    def interrupted(about: object) -> None:
        heard.append(type(about).__name__)
        signal.raise_signal(signal.SIGINT)

    hooks: Any = {kind: interrupted}

    @argosy.pipeline
    def working() -> None:
        (one if kind == "on_success" else failing).with_options(**hooks)(*([] if kind == "on_success" else ["no"]))

    with pytest.raises(KeyboardInterrupt):
        working()
    run = last_run()
    expected = {
        "on_success": ("StepRunRecord", {"one": "completed"}),
        "on_failure": ("OwnError", {"failing": "failed"}),
    }
    assert (heard, statuses(run), run.status) == ([expected[kind][0]], expected[kind][1], "cancelled")


def test_a_step_that_waits_to_be_tried_again_does_not_keep_a_failed_run(home: Path) -> None:
    @argosy.step(enable_cache=False, retry=argosy.Retry(3, delay=250))
    def flaky() -> None:
        Path("tried").touch()
        raise OwnError("flaky")

    @argosy.pipeline
    def working() -> None:
        flaky()
        failing_late("for good", "tried")

    with pytest.raises(OwnError) as caught:
        working()
    assert str(caught.value) in {"for good", "flaky"}
    run = last_run()
    assert (run.status, statuses(run)) == ("failed", {"flaky": "failed", "failing_late": "failed"})
    assert run.steps["flaky"].error is not None
    assert run.steps["flaky"].error.message == "flaky"


def test_one_may_wait_longer_than_a_clock_counts(home: Path) -> None:
    @argosy.pipeline
    def working() -> None:
        one.with_options(timeout=1e12)()
        slow.with_options(timeout=1e300)(".")

    assert working().status == "completed"


def test_a_cancelled_step_is_cancelled_also_when_closing_fails(home: Path) -> None:
    @argosy.step(enable_cache=False)
    def stubborn() -> None:
        try:
            Path("runs").touch()
            wait_for("never")
        finally:
            raise OSError("cannot close")

    @argosy.pipeline
    def working() -> None:
        stubborn()

    def cancel() -> None:
        wait_for("runs")
        argosy.Client().cancel_run(last_run().id)

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(RunCancelledError):
        working()
    canceller.join()
    assert (last_run().status, statuses(last_run())) == ("cancelled", {"stubborn": "cancelled"})


def test_a_timeout_is_one_also_when_closing_fails(home: Path) -> None:
    tried: list[int] = []

    @argosy.step(enable_cache=False, timeout=0.5, retry=argosy.Retry(3, on=ConnectionError))
    def stubborn() -> None:
        try:
            tried.append(1)
            wait_for("never")
        finally:
            raise ConnectionError("cannot close")

    @argosy.pipeline
    def working() -> None:
        stubborn()

    caught: list[StepTimeoutError] = []
    while not tried:  # it may be stopped before it gets that far
        with pytest.raises(StepTimeoutError) as error:
            working()
        caught.append(error.value)
    assert repr(caught[-1].__cause__) == "ConnectionError('cannot close')"
    assert len(tried) == 1
