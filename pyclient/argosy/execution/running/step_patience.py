"""The patience of a step: what it loads and saves waits for a store that is away, as long as its run may live on."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

from argosy.execution.context import current_step
from argosy.transport.rpc.caller_patience import patience_told_by

_patience: contextvars.ContextVar[float] = contextvars.ContextVar("argosy_patience", default=0.0)


@contextlib.contextmanager
def patient(seconds: float) -> Iterator[None]:
    """Let what the block asks of the store wait so long for it."""
    token = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(token)


def _patience_of_this_step() -> float:
    step = current_step()  # also in a thread that the step started
    return _patience.get() if step is None else step.patience


patience_told_by(_patience_of_this_step)
