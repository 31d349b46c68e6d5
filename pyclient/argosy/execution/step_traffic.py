"""How many bytes a step has moved between this process and the store, for whoever shows the run.

They are counted where values are loaded and saved, in whatever thread of the step. Nothing is counted unless somebody
wants to know it.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
import weakref
from collections.abc import Iterator

from argosy.execution.context import current_step
from argosy.transport.progress import Progress


class StepTraffic:
    """The bytes of one step, all its attempts together.

    Attributes:
        received: loaded.
        sent: saved, or known to be in the store already.
    """

    def __init__(self, received: int = 0, sent: int = 0) -> None:
        """Begin with what is known."""
        self.received = received
        self.sent = sent
        self._lock = threading.Lock()

    def add(self, *, received: int = 0, sent: int = 0) -> None:
        """Count; called from any thread."""
        with self._lock:
            self.received += received
            self.sent += sent


_watched: weakref.WeakValueDictionary[str, StepTraffic] = weakref.WeakValueDictionary()
"""Step run id -> what is counted, as long as somebody keeps it."""
_executing: contextvars.ContextVar[str | None] = contextvars.ContextVar("argosy_executing", default=None)


def traffic_of(step_run_id: str) -> StepTraffic:
    """Return what is counted of a step run from now on, while the caller keeps it."""
    found = _watched.get(step_run_id)
    if found is None:
        found = _watched[step_run_id] = StepTraffic()
    return found


@contextlib.contextmanager
def executing(step_run_id: str) -> Iterator[None]:
    """Count what is moved in the block for a step run, its inputs and outputs included."""
    token = _executing.set(step_run_id)
    try:
        yield
    finally:
        _executing.reset(token)


def is_executing() -> bool:
    """Tell whether what is moved now belongs to a step."""
    return _executing.get() is not None or current_step() is not None


def receiving(progress: Progress) -> Progress:
    """Return what counts loaded bytes too, besides telling ``progress``."""
    traffic = _current_traffic()
    return progress if traffic is None else _Counting(progress, traffic, is_received=True)


def sending(progress: Progress) -> Progress:
    """Return what counts saved bytes too, besides telling ``progress``."""
    traffic = _current_traffic()
    return progress if traffic is None else _Counting(progress, traffic, is_received=False)


def _current_traffic() -> StepTraffic | None:
    if not _watched:
        return None
    step_run_id = _executing.get()
    if step_run_id is None:  # a thread that the step started
        step = current_step()
        step_run_id = step.step_run_id if step is not None else ""
    return _watched.get(step_run_id)


class _Counting(Progress):
    def __init__(self, progress: Progress, traffic: StepTraffic, *, is_received: bool) -> None:
        self._progress = progress
        self._traffic = traffic
        self._is_received = is_received

    def expect(self, total_bytes: int) -> None:
        """Pass on."""
        self._progress.expect(total_bytes)

    def advance(self, count: int) -> None:
        """Count, and pass on."""
        if self._is_received:
            self._traffic.add(received=count)
        else:
            self._traffic.add(sent=count)
        self._progress.advance(count)
