"""Calls the user's function so that another thread can stop it: an exception is raised inside of it.

The exception reaches Python code at its next instruction; code of a C library that does not come back is not reached.
In the main thread the signal of Ctrl-C is used where the program takes it as Python does by itself, since that also
ends a sleep. Nothing is raised after the call has ended.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import ctypes
import inspect
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from argosy.execution.running.stop_signal import StopSignal
from argosy.transport.rpc.uninterrupted import set_interrupter

LOOP_PATIENCE = 1.0
"""Seconds the loop of an ``async def`` step has to cancel it before an exception is raised in what it executes, which
would break the loop itself if that only did not get a processor so soon."""
GRACE = 3.0
"""Seconds an attempt has to end after it was asked to stop."""


class StopExecution(BaseException):
    """Raised inside the code of a step that shall stop; not an ``Exception``, so that retry loops let it through."""


def call_stoppable(function: Callable[[], object], stop: StopSignal) -> object:
    """Call a function, or run the coroutine it returns, until it ends or is asked to stop.

    Raises:
        BaseException: what the function raised. If it was asked to stop, why, with the traceback of where it was, and
            as the cause what it raised instead when it was stopped.
        concurrent.futures.CancelledError: a task that it awaited was cancelled, which is no wish of whoever runs it.
    """
    stop.check()
    try:
        with _interrupted_by() as interruption:
            with stop.heard_by(interruption.send):
                result = function()
                if not inspect.iscoroutine(result):
                    return result
            return _run_coroutine(result, stop, interruption)
    except BaseException as raised:
        if stop.error is not None:
            is_the_stop = isinstance(raised, (StopExecution, KeyboardInterrupt, asyncio.CancelledError))
            raise stop.error.with_traceback(raised.__traceback__) from (None if is_the_stop else raised)
        if isinstance(raised, asyncio.CancelledError):
            # What was said of it is in the context on Python 3.10.
            text = str(raised) or str(raised.__context__ or "") or "a task that the step awaited was cancelled"
            raise concurrent.futures.CancelledError(text) from raised
        raise


class _Interruption:
    """Raises in the thread that made it, at most once."""

    def __init__(self) -> None:
        self._thread = threading.current_thread()
        self._lock = threading.Lock()
        self._closed = self._is_wanted = False
        self._held = 0
        self._sent_signal = self._sent_exception = False

    def send(self) -> None:
        """Raise in that thread, as soon as nothing is under way there that must not be broken."""
        with self._lock:
            self._is_wanted = True
            self._send()

    def hold(self) -> None:
        """Raise nothing for a while."""
        with self._lock:
            self._held += 1

    def let_go(self) -> None:
        """Raise what was held back."""
        with self._lock:
            self._held -= 1
            if self._is_wanted:
                self._send()

    def _send(self) -> None:
        if not (self._closed or self._held or self._sent_signal or self._sent_exception):
            if _takes_signal(self._thread):
                self._sent_signal = True
                signal.pthread_kill(self._thread.ident or 0, signal.SIGINT)
            else:
                self._sent_exception = True
                _raise_in(self._thread, StopExecution)

    def close(self) -> None:
        """Make sure that nothing is raised from now on; what was sent and did not arrive yet is raised here."""
        self._closed = True
        with self._lock:
            pass  # a sender that was under way has sent
        if self._sent_signal:
            time.sleep(0.001)  # the kernel delivers what is pending before a system call returns
        elif self._sent_exception:
            _raise_in(self._thread, None)


@contextlib.contextmanager
def _interrupted_by() -> Iterator[_Interruption]:
    """Give what raises in this thread while the block runs, and never after it."""
    interruption = _Interruption()
    former = set_interrupter(interruption)
    try:
        yield interruption
    finally:
        set_interrupter(former)
        interruption.close()


def _takes_signal(thread: threading.Thread) -> bool:
    return (
        thread is threading.main_thread()
        and hasattr(signal, "pthread_kill")
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


def _raise_in(thread: threading.Thread, kind: type[BaseException] | None) -> None:
    """Let an exception be raised at the next instruction of a thread; ``None`` takes back one that was not yet."""
    error = None if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), error)


def _run_coroutine(coroutine: Coroutine[Any, Any, object], stop: StopSignal, interruption: _Interruption) -> object:
    """Run an ``async def`` step in a loop of its own, in another thread where a loop runs here, as in notebooks."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return _run_in_thread(coroutine, stop, interruption)
    return asyncio.run(_stoppable(coroutine, stop, interruption))


async def _stoppable(coroutine: Coroutine[Any, Any, object], stop: StopSignal, interruption: _Interruption) -> object:
    """Cancel the task when it shall stop: that reaches it where it waits, and an exception in the loop would break it.

    Only a step that keeps the loop, as one that computes, is raised in.
    """
    loop, task, heard = asyncio.get_running_loop(), asyncio.current_task(), threading.Event()
    assert task is not None

    def cancel() -> None:
        heard.set()
        task.cancel()

    def ask() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has just been closed
            loop.call_soon_threadsafe(cancel)
        _unless(heard, LOOP_PATIENCE, interruption.send)

    with stop.heard_by(ask):
        try:
            return await coroutine
        finally:
            heard.set()


def _run_in_thread(coroutine: Coroutine[Any, Any, object], stop: StopSignal, interruption: _Interruption) -> object:
    results: list[object] = []
    errors: list[BaseException] = []
    abandoned, ended = StopSignal(), threading.Event()

    def run() -> None:
        try:
            with _interrupted_by() as there, stop.heard_by(lambda: abandoned.request(StopExecution())):
                results.append(asyncio.run(_stoppable(coroutine, abandoned, there)))
        except BaseException as error:
            errors.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="argosy-async-step", daemon=True)
    thread.start()
    try:
        with stop.heard_by(lambda: _unless(ended, GRACE, interruption.send)):
            ended.wait()
    except BaseException as error:  # Ctrl-C reaches this thread alone
        abandoned.request(error)
        raise
    if errors:
        raise errors[0]
    return results[0]


def _unless(happened: threading.Event, seconds: float, action: Callable[[], object]) -> None:
    """Do something after a while, in another thread, unless something else has happened until then."""

    def wait() -> None:
        if not happened.wait(seconds):
            action()

    threading.Thread(target=wait, name="argosy-stop", daemon=True).start()
