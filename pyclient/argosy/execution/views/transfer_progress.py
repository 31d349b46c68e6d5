"""How far a save or load is: a bar on a terminal when it takes longer than a moment, a callback for programs."""

from __future__ import annotations

import inspect
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from argosy.errors import ParameterError
from argosy.execution.step_traffic import is_executing
from argosy.execution.views.live_region import is_anything_live, is_terminal
from argosy.transport.progress import UNSEEN, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

BAR_AFTER_SECONDS = 1.0
"""Transfers that are over before are never shown."""
_TOLD_EVERY_SECONDS = 0.1


@dataclass(frozen=True)
class TransferProgress:
    """How far one save or load is.

    Attributes:
        name: the artifact.
        done_bytes: bytes that are done: transferred, or known to be in the store already.
        total_bytes: all bytes.
        seconds: since the transfer began.
    """

    name: str
    done_bytes: int
    total_bytes: int
    seconds: float

    @property
    def bytes_per_second(self) -> float:
        """The rate so far."""
        return self.done_bytes / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long it will take at this rate; ``None`` while nothing has arrived."""
        return (self.total_bytes - self.done_bytes) / self.bytes_per_second if self.done_bytes else None


OnProgress: TypeAlias = Callable[[TransferProgress], None]
Show: TypeAlias = "Callable[[str, OnProgress | None], AbstractContextManager[Progress]]"
"""Lets the transfer of an artifact be seen, as :func:`shown` does."""


@contextmanager
def shown(name: str, on_progress: OnProgress | None = None) -> Iterator[Progress]:
    """Let the transfer in the block be seen: by ``on_progress``, else by a bar on stderr if that is a terminal.

    Steps of a pipeline show no bars of their own: the run is shown as a whole.

    Raises:
        ParameterError: ``on_progress`` cannot be called, or has to be awaited.
    """
    if on_progress is not None and not callable(on_progress):
        raise ParameterError(
            f"on_progress={on_progress!r} cannot be called; give a function that takes a TransferProgress"
        )
    if inspect.iscoroutinefunction(on_progress):
        raise ParameterError(
            f"on_progress={on_progress!r} is an async function, which nobody would await: threads call it; "
            "give a plain one, which may call loop.call_soon_threadsafe"
        )
    if on_progress is not None:
        told = _Told(name, on_progress)
        yield told
        told.end()
    elif not is_terminal(sys.stderr) or is_executing() or is_anything_live():
        yield UNSEEN
    else:
        with _Bar(name) as bar:
            yield bar


class _Told(Progress):
    """Calls a function at the beginning, at most ten times a second, and at the end; never twice at once."""

    def __init__(self, name: str, tell: OnProgress) -> None:
        self._name = name
        self._tell = tell
        self._lock = threading.Lock()
        self._started = self._told_at = time.monotonic()
        self._done = self._total = 0
        self._told = -1

    def expect(self, total_bytes: int) -> None:
        """Tell that nothing is done yet."""
        with self._lock:
            self._total = total_bytes
            self._tell_now()

    def advance(self, count: int) -> None:
        """Count, and tell when it is time."""
        with self._lock:
            self._done += count
            if self._done >= self._total or time.monotonic() - self._told_at >= _TOLD_EVERY_SECONDS:
                self._tell_now()

    def end(self) -> None:
        """Tell that it ended well: what has not come (a preview, say) was not needed."""
        with self._lock:
            if self._told >= 0:
                self._done = self._total
                self._tell_now()

    def _tell_now(self) -> None:
        now, done = time.monotonic(), min(self._done, self._total)
        if done != self._told:
            self._told_at, self._told = now, done
            self._tell(TransferProgress(self._name, done, self._total, now - self._started))


class _Bar(Progress):
    """Shows a bar with bytes, rate and the time left."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._done = self._total = 0
        self._bars: Bars | None = None

    def expect(self, total_bytes: int) -> None:
        """Take the length of the bar."""
        self._total = total_bytes

    def advance(self, count: int) -> None:
        """Count, and show it once the transfer has lasted for a moment."""
        with self._lock:
            self._done += count
            if self._bars is None and time.monotonic() - self._started > BAR_AFTER_SECONDS and self._done < self._total:
                self._bars = self._show()
            if self._bars is not None:
                self._bars.update(self._bars.task_ids[0], completed=self._done)

    def _show(self) -> Bars:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.progress import (
            Progress as Bars,
        )

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        bars = Bars(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        bars.add_task(self._name, total=self._total)
        bars.start()
        return bars

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()
