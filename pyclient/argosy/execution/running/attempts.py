"""The attempts of steps that a scheduler has under way."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from argosy.execution.running.runner import RunningTask
from argosy.execution.running.step_task import Failed, Outcome, StepTask
from argosy.execution.views.cache_sentences import cache_note
from argosy.graph.model import Invocation
from argosy.v1.pipeline_pb2 import StepRun


@dataclass(eq=False)
class Attempt:
    """One step whose function runs, or will run again.

    Attributes:
        invocation: the step.
        step_run: the step run as it was when it started.
        task: the current attempt.
        began: when its first attempt began, by ``time.perf_counter``.
        tries: how many attempts this process has begun.
        running: the current attempt as the workers know it, ``None`` between two.
        deadline: when the current attempt is asked to stop, by ``time.monotonic``.
        stopping: why it was asked to stop.
        last: how the attempt before ended, until this one begins.
    """

    invocation: Invocation
    step_run: StepRun
    task: StepTask
    began: float
    tries: int = 0
    running: RunningTask | None = None
    deadline: float | None = None
    stopping: BaseException | None = None
    last: Failed | None = None

    @property
    def note(self) -> str:
        """What a person should know of why it runs."""
        return cache_note(self.step_run.cache_miss)


@dataclass(frozen=True)
class AttemptEvent:
    """What a worker tells of an attempt: its outcome, or ``None`` when it is about to be executed."""

    attempt: Attempt
    tries: int
    outcome: Outcome | None = None

    @property
    def is_late(self) -> bool:
        """Whether the attempt was given up meanwhile."""
        return self.attempt.running is None or self.attempt.tries != self.tries


@dataclass
class UnderWay:
    """The steps that were started, or asked for, and have not ended."""

    running: dict[str, Attempt] = field(default_factory=dict)
    delayed: dict[str, tuple[float, Attempt]] = field(default_factory=dict)
    """Invocation -> when its next attempt shall begin."""
    waiting: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Invocation -> when to ask again whether it may start, and how long it waited last."""

    def __bool__(self) -> bool:
        return bool(self.running or self.delayed or self.waiting)

    def take_delayed(self) -> list[Attempt]:
        """Return the attempts that wait to begin, which are not waited for any more."""
        attempts = [attempt for _, attempt in self.delayed.values()]
        self.delayed.clear()
        return attempts

    def next_moment(self, *, has_room: bool) -> float | None:
        """Return when something has to be done though nothing happens; without room nothing more can be started."""
        moments = [attempt.deadline for attempt in self.running.values() if attempt.deadline is not None]
        if has_room:
            moments += [when for when, _ in (*self.waiting.values(), *self.delayed.values())]
        return min(moments, default=None)


def seconds_until(moment: float) -> float:
    """Return how long to wait for a moment by ``time.monotonic``, as far as a lock can wait."""
    return min(max(moment - time.monotonic(), 0), threading.TIMEOUT_MAX)
