"""What is running now: the step whose code is being executed in this context.

A thread starts with an empty context, yet what it saves and loads is the step's when the step
started it. Python does not tell who started a thread; one that is younger than the only step
which runs counts as that step's.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class StepContext:
    """The step run whose function is being executed.

    Attributes:
        run_id: the pipeline run.
        step_run_id: the step run.
        pipeline_name: the pipeline.
        step_name: the step.
        invocation: the invocation's id, unique in the run.
        saved: versions the code saved so far; whoever saves appends.
        loaded: versions the code loaded so far; whoever loads appends.
        allow_pickle: what the step's decorator says about pickles; ``None`` leaves it to the settings.
    """

    run_id: str
    step_run_id: str
    pipeline_name: str
    step_name: str
    invocation: str
    saved: list[Any] = field(default_factory=list, compare=False)
    loaded: list[Any] = field(default_factory=list, compare=False)
    allow_pickle: bool | None = None


_current: contextvars.ContextVar[StepContext | None] = contextvars.ContextVar("argosy_step", default=None)
_running: list[tuple[StepContext, frozenset[threading.Thread]]] = []
"""The steps that run in this process, each with the threads that were there before it."""


def current_step() -> StepContext | None:
    """Return the running step, ``None`` outside of one."""
    return _current.get() or _step_of_young_thread()


@contextlib.contextmanager
def entered_step(context: StepContext) -> Iterator[StepContext]:
    """Make ``context`` the running step until the block ends."""
    running = (context, frozenset(threading.enumerate()))
    token = _current.set(context)
    _running.append(running)
    try:
        yield context
    finally:
        _running[:] = [other for other in _running if other is not running]
        _current.reset(token)


def _step_of_young_thread() -> StepContext | None:
    running = tuple(_running)
    if len(running) != 1:
        return None
    step, older_threads = running[0]
    return None if threading.current_thread() in older_threads else step
