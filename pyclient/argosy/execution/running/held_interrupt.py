"""Lets what must be recorded be recorded though somebody presses Ctrl-C meanwhile."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def held_interrupt() -> Iterator[None]:
    """Pass over one interrupt from the keyboard inside the block; the next one after it gets through.

    Where the program does not take interrupts as Python does by itself, or outside of the main
    thread, which alone hears of them, nothing is changed.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler is not signal.default_int_handler:
        yield
        return

    def pass_over(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, handler)

    signal.signal(signal.SIGINT, pass_over)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@contextlib.contextmanager
def postponed_interrupt() -> Iterator[None]:
    """Let one interrupt from the keyboard wait until the block has ended; a second one gets through at once.

    Raises:
        KeyboardInterrupt: at the end, when there was one.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler is not signal.default_int_handler:
        yield
        return
    interrupted = False

    def postpone(_signal: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, handler)

    signal.signal(signal.SIGINT, postpone)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if interrupted:
        raise KeyboardInterrupt
