"""Lets Ctrl-C and SIGTERM end the run that the main thread waits for, so that its end is recorded at once."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import threading
from collections.abc import Callable, Iterator
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
            former[signal.SIGTERM] = signal.signal(signal.SIGTERM, _terminate())
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _terminate() -> Callable[[int, FrameType | None], None]:
    """Return a handler that raises once: what ends by it may take a moment, and the signal may be sent again."""
    told = False

    def terminate(_signal: int, _frame: FrameType | None) -> None:
        nonlocal told
        if not told:
            told = True
            raise ProgramTerminated(EXIT_CODE)

    return terminate


def _is_of_asyncio(handler: object) -> bool:
    runner = getattr(asyncio, "Runner", None)  # new in Python 3.11; before, asyncio.run leaves Ctrl-C as it is
    called = handler.func if isinstance(handler, functools.partial) else None
    return runner is not None and isinstance(getattr(called, "__self__", None), runner)
