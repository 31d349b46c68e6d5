"""What is running now: the step whose code is being executed in this context."""

from __future__ import annotations

import contextlib
import contextvars
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
    """

    run_id: str
    step_run_id: str
    pipeline_name: str
    step_name: str
    invocation: str
    saved: list[Any] = field(default_factory=list, compare=False)
    loaded: list[Any] = field(default_factory=list, compare=False)


_current: contextvars.ContextVar[StepContext | None] = contextvars.ContextVar("argosy_step", default=None)


def current_step() -> StepContext | None:
    """Return the running step, ``None`` outside of one."""
    return _current.get()


@contextlib.contextmanager
def entered_step(context: StepContext) -> Iterator[StepContext]:
    """Make ``context`` the running step until the block ends."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
