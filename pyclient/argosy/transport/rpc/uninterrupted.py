"""Calls that an asynchronous exception must not break: those of the embedded store, which run in the caller's thread.

An exception in the middle of a transaction of the store in this process could leave its locks behind. Whoever stops
what a thread executes registers as the thread's interrupter, and is held off while such a call is under way.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol


class Interrupter(Protocol):
    """Raises exceptions in a thread."""

    def hold(self) -> None:
        """Raise nothing from now on."""
        ...

    def let_go(self) -> None:
        """Raise what was held back, and whatever comes later, unless held off once more."""
        ...


_here = threading.local()


def set_interrupter(interrupter: Interrupter | None) -> Interrupter | None:
    """Register who may raise exceptions in this thread, and return who might before."""
    former: Interrupter | None = getattr(_here, "interrupter", None)
    _here.interrupter = interrupter
    return former


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold this thread's interrupter off while the block runs."""
    interrupter: Interrupter | None = getattr(_here, "interrupter", None)
    if interrupter is None:
        yield
        return
    interrupter.hold()
    try:
        yield
    finally:
        interrupter.let_go()
