"""What is running now: the step whose code is being executed in this context.

A thread starts with an empty context, yet what it saves and loads is the step's when the step
started it. Python does not tell who started a thread, so from the first step on ``Thread.start``
remembers it.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import threading
import weakref
from collections.abc import Iterator, Mapping
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
        attempt: 1 for the first.
        metadata: facts its code tells about the step run, as JSON texts; whoever tells one adds it.
        outputs: its outputs: name -> name of the artifact each is saved under.
        output_metadata: facts its code tells about an output, by the output's name; whoever tells one adds it.
        output_tags: tags its code gives to an output, each once, by the output's name; whoever gives one adds it.
        patience: seconds its code can wait for a store that is away.
    """

    run_id: str
    step_run_id: str
    pipeline_name: str
    step_name: str
    invocation: str
    saved: list[Any] = field(default_factory=list, compare=False)
    loaded: list[Any] = field(default_factory=list, compare=False)
    allow_pickle: bool | None = None
    attempt: int = 1
    metadata: dict[str, str] = field(default_factory=dict, compare=False)
    outputs: Mapping[str, str] = field(default_factory=dict, compare=False)
    output_metadata: dict[str, dict[str, Any]] = field(default_factory=dict, compare=False)
    output_tags: dict[str, dict[str, None]] = field(default_factory=dict, compare=False)
    patience: float = 0.0


_current: contextvars.ContextVar[StepContext | None] = contextvars.ContextVar("argosy_step", default=None)
_running: dict[int, StepContext] = {}
"""The steps that are running in this process, by their ``id()``."""
_started_in: weakref.WeakKeyDictionary[threading.Thread, StepContext] = weakref.WeakKeyDictionary()
"""Thread -> the step that started it."""


def current_step() -> StepContext | None:
    """Return the running step, ``None`` outside of one."""
    return _current.get() or _step_of_this_thread()


@contextlib.contextmanager
def entered_step(context: StepContext) -> Iterator[StepContext]:
    """Make ``context`` the running step until the block ends."""
    _notice_thread_starts()
    token = _current.set(context)
    _running[id(context)] = context
    try:
        yield context
    finally:
        _running.pop(id(context), None)
        _current.reset(token)


def _step_of_this_thread() -> StepContext | None:
    """Return the step that started this thread, unless it has ended: threads of a pool outlive it."""
    step = _started_in.get(threading.current_thread())
    return step if step is not None and _running.get(id(step)) is step else None


@functools.cache
def _notice_thread_starts() -> None:
    start = threading.Thread.start

    @functools.wraps(start)
    def noticed_start(thread: threading.Thread) -> None:
        step = current_step()
        if step is not None:
            _started_in[thread] = step
        start(thread)

    threading.Thread.start = noticed_start  # type: ignore[assignment,method-assign]  # the one place every thread passes
