"""Asks the attempt of a step to stop: somebody cancelled the run, or its time is over."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


class StopSignal:
    """Given once, from any thread; whoever executes the attempt listens."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._listeners: list[Callable[[], object]] = []

    @property
    def error(self) -> BaseException | None:
        """Why the attempt shall stop, ``None`` while it may go on."""
        return self._error

    def request(self, error: BaseException) -> None:
        """Ask the attempt to end with ``error``; the first who asks says why."""
        with self._lock:
            if self._error is not None:
                return
            self._error = error
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def check(self) -> None:
        """Return if the attempt may go on.

        Raises:
            BaseException: why it shall stop.
        """
        if self._error is not None:
            raise self._error

    @contextlib.contextmanager
    def heard_by(self, listener: Callable[[], object]) -> Iterator[None]:
        """Call ``listener`` when the attempt is asked to stop inside the block, at once when it was asked before."""
        with self._lock:
            self._listeners.append(listener)
            late = self._error is not None
        try:
            if late:
                listener()
            yield
        finally:
            with self._lock:
                self._listeners.remove(listener)
