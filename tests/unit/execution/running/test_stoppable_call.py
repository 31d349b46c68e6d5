"""Stopping what a thread executes, from another thread, wherever it is; and nothing after it has ended."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from argosy.errors import StepTimeoutError
from argosy.execution.running import stoppable_call
from argosy.execution.running.stop_signal import StopSignal
from argosy.execution.running.stoppable_call import StopExecution, call_stoppable
from argosy.transport.rpc.uninterrupted import uninterrupted
from tests.waiting import PATIENCE

WHY = StepTimeoutError("over")
SLEEP_SECONDS = 4


@pytest.fixture
def _plain_interrupts() -> Iterator[None]:
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that waits is never taken for one that computes, however busy the machine is."""
    monkeypatch.setattr(stoppable_call, "LOOP_PATIENCE", PATIENCE)
    monkeypatch.setattr(stoppable_call, "GRACE", PATIENCE)


def in_thread(call: Callable[[], object]) -> list[object]:
    """Call in a thread and return what came back, or was raised."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return results


def stopping_soon(stop: StopSignal, ready: threading.Event) -> None:
    def ask() -> None:
        assert ready.wait(60)
        stop.request(WHY)

    threading.Thread(target=ask, daemon=True).start()


def looping(ready: threading.Event) -> None:
    ready.set()
    while True:
        time.sleep(0.001)


def test_it_returns_what_the_function_returns() -> None:
    assert call_stoppable(lambda: 3, StopSignal()) == 3


def test_a_thread_that_loops_is_stopped() -> None:
    stop, ready = StopSignal(), threading.Event()
    stopping_soon(stop, ready)
    assert in_thread(lambda: call_stoppable(lambda: looping(ready), stop)) == [WHY]


def test_what_the_function_raises_when_it_is_stopped_is_the_cause_of_why_it_was_stopped() -> None:
    stop, ready = StopSignal(), threading.Event()
    stopping_soon(stop, ready)
    broken = OSError("nothing to clean up")

    def closing() -> None:
        try:
            looping(ready)
        finally:
            raise broken

    assert in_thread(lambda: call_stoppable(closing, stop)) == [WHY]
    assert WHY.__cause__ is broken


def test_a_cancelled_task_that_it_awaits_is_an_ordinary_failure() -> None:
    async def waiting() -> None:
        raise asyncio.CancelledError("the pool is closed")

    with pytest.raises(concurrent.futures.CancelledError, match="the pool is closed") as caught:
        call_stoppable(waiting, StopSignal())
    assert isinstance(caught.value, Exception)


@pytest.mark.usefixtures("_plain_interrupts")
def test_the_main_thread_is_stopped_even_while_it_sleeps() -> None:
    # A signal that comes just before the sleep begins is heard when it ends: that it happens each time is no chance.
    assert min(seconds_until_a_sleep_is_stopped() for _ in range(3)) < SLEEP_SECONDS


def seconds_until_a_sleep_is_stopped() -> float:
    stop, ready = StopSignal(), threading.Event()
    stopping_soon(stop, ready)

    def sleep() -> None:
        ready.set()
        time.sleep(SLEEP_SECONDS)

    began = time.monotonic()
    with pytest.raises(StepTimeoutError, match="over"):
        call_stoppable(sleep, stop)
    return time.monotonic() - began


def test_code_that_passes_over_exceptions_is_stopped_all_the_same() -> None:
    stop, ready = StopSignal(), threading.Event()
    stopping_soon(stop, ready)

    def stubborn() -> None:
        while True:
            with contextlib.suppress(Exception):
                looping(ready)

    assert in_thread(lambda: call_stoppable(stubborn, stop)) == [WHY]


def test_what_was_asked_before_it_began_is_heard_at_once() -> None:
    stop = StopSignal()
    stop.request(WHY)
    with pytest.raises(StepTimeoutError):
        call_stoppable(lambda: pytest.fail("it was called"), stop)


def test_the_first_reason_counts() -> None:
    stop = StopSignal()
    stop.request(WHY)
    stop.request(ValueError("later"))
    assert stop.error is WHY


def test_an_interrupt_from_the_keyboard_stays_one() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_stoppable(interrupted, StopSignal())


@pytest.mark.usefixtures("_patient")
def test_a_coroutine_that_waits_is_stopped() -> None:
    stop, ready = StopSignal(), threading.Event()
    stopping_soon(stop, ready)
    closed: list[int] = []

    async def waiting() -> None:
        ready.set()
        try:
            await asyncio.sleep(60)
        finally:
            closed.append(1)

    assert in_thread(lambda: call_stoppable(waiting, stop)) == [WHY]
    assert closed == [1]


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize("in_a_loop", [False, True], ids=["own-loop", "loop-of-a-notebook"])
def test_what_a_coroutine_raises_when_it_is_stopped_is_the_cause_and_nothing_else_is_told(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, *, in_a_loop: bool
) -> None:
    why, stop, ready, broken = StepTimeoutError("over"), StopSignal(), threading.Event(), OSError("not cleaned up")

    def ask() -> None:
        assert ready.wait(60)
        stop.request(why)

    async def waiting() -> None:
        ready.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            raise broken

    async def calling() -> object:
        return call_stoppable(waiting, stop)

    threading.Thread(target=ask, daemon=True).start()
    call = (lambda: asyncio.run(calling())) if in_a_loop else (lambda: call_stoppable(waiting, stop))
    assert in_thread(call) == [why]
    assert why.__cause__ is broken
    assert (capfd.readouterr(), caplog.records) == (("", ""), [])


def test_a_coroutine_that_never_waits_is_stopped() -> None:
    stop, ready = StopSignal(), threading.Event()
    stopping_soon(stop, ready)

    async def computing() -> None:
        looping(ready)

    assert in_thread(lambda: call_stoppable(computing, stop)) == [WHY]


def test_a_call_that_must_not_be_broken_ends_first() -> None:
    stop, ready, done = StopSignal(), threading.Event(), list[int]()

    def saving() -> None:
        with uninterrupted():
            ready.set()
            while stop.error is None:
                time.sleep(0.001)
            time.sleep(0.05)
            done.append(1)
        while True:
            time.sleep(0.001)

    stopping_soon(stop, ready)
    assert in_thread(lambda: call_stoppable(saving, stop)) == [WHY]
    assert done == [1]


def test_nothing_is_raised_after_the_call_has_ended() -> None:
    def often() -> int:
        escaped = 0
        for _ in range(300):
            stop = StopSignal()
            thread = threading.Thread(target=stop.request, args=(WHY,))
            try:
                with contextlib.suppress(StepTimeoutError):
                    call_stoppable(thread.start, stop)
                sum(range(2000))
            except StopExecution:
                escaped += 1
            thread.join()
        return escaped

    assert in_thread(often) == [0]


@pytest.mark.usefixtures("_plain_interrupts")
def test_nothing_is_raised_in_the_main_thread_after_the_call_has_ended() -> None:
    for _ in range(100):
        stop = StopSignal()
        thread = threading.Thread(target=stop.request, args=(WHY,))
        with contextlib.suppress(StepTimeoutError):
            call_stoppable(thread.start, stop)
        sum(range(2000))
        thread.join()
