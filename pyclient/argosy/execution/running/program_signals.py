"""Lets Ctrl-C and SIGTERM end the run that the main thread waits for, so that its end is recorded at once."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

EXIT_CODE = 128 + signal.SIGTERM


class ProgramTerminated(SystemExit):
    """SIGTERM was sent, as machines do that shut down, batch systems and container runtimes."""


@contextlib.contextmanager
def heard_signals() -> Iterator[None]:
    """Let signals be raised in the main thread inside the block, where they would be lost or end the program at once.

    That is Ctrl-C under ``asyncio.run``, which only asks the loop's main task to end, and SIGTERM where nobody else
    handles it. In other threads nothing is changed.
    """
    former: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        if _is_of_asyncio(signal.getsignal(signal.SIGINT)):
            former[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            former[signal.SIGTERM] = signal.signal(signal.SIGTERM, _Terminate())
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


class _Terminate:
    """Raises once: what ends by it may take a moment, and the signal may be sent again."""

    def __init__(self) -> None:
        self._is_told = False

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        if not self._is_told:
            self._is_told = True
            raise ProgramTerminated(EXIT_CODE)


_forking = threading.local()


def _before_fork() -> None:
    """Keep SIGTERM waiting: a child that is sent it before it has let go of our handler would never hear of it."""
    _forking.mask = None
    if isinstance(signal.getsignal(signal.SIGTERM), _Terminate):
        _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def _after_fork() -> None:
    if _forking.mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _enter_child() -> None:
    """In a forked child, whose end is no matter of the run: a pool of ``multiprocessing`` ends its own by SIGTERM."""
    if _forking.mask is not None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_enter_child)


def _is_of_asyncio(handler: object) -> bool:
    runner = getattr(asyncio, "Runner", None)  # new in Python 3.11; before, asyncio.run leaves Ctrl-C as it is
    called = handler.func if isinstance(handler, functools.partial) else None
    return runner is not None and isinstance(getattr(called, "__self__", None), runner)
