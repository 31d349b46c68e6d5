"""Where the attempts of steps are executed: the port that every runner implements.

A runner is what a pipeline names; it may serve many runs, one after the other or at once. ``open`` gives the workers
of one run. What is executed travels as a ``StepTask``, what became of it as an ``Outcome``; everything else goes
through the store. Who waits for whom, retries, timeouts and cancelling are the scheduler's matter, the same for all.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Protocol

from argosy.errors import DefinitionError
from argosy.execution.running.step_task import Outcome, StepTask


class RunningTask(Protocol):
    """One attempt on its way."""

    def stop(self, error: BaseException) -> None:
        """Ask the attempt to end soon, with ``error`` as its outcome; what it has open may be closed first."""
        ...

    def abandon(self) -> None:
        """End the attempt by force, where that is possible; its outcome is not waited for any more."""
        ...


class Workers(Protocol):
    """Execute the attempts of one run.

    Attributes:
        max_parallel: how many attempts may be executed at once.
        are_here: whether they are executed in this process, so that one which is alone may as well be executed in the
            thread that waits for it.
    """

    max_parallel: int
    are_here: bool

    def start(self, task: StepTask, began: Callable[[], None], ended: Callable[[Outcome], None]) -> RunningTask:
        """Execute an attempt elsewhere and return at once.

        Args:
            task: what to execute; not more than ``max_parallel`` are started before they ended.
            began: called from any thread when the attempt is about to be executed, which may be later than now.
            ended: called from any thread with the outcome, also when the worker was lost.
        """
        ...

    def close(self) -> None:
        """Let the workers go; nothing is executed any more."""
        ...


class Runner(Protocol):
    """Gives workers to runs."""

    def open(self, max_parallel: int | None) -> Workers:
        """Return the workers of one run.

        Args:
            max_parallel: how many steps may run at once; ``None`` leaves it to the runner.
        """
        ...


def open_workers(runner: Runner, max_parallel: int | None) -> Workers:
    """Return the workers of one run, once they are seen to have what a scheduler needs.

    Raises:
        DefinitionError: ``open`` cannot be called with one argument, or returned something else.
    """
    name = type(runner).__name__
    try:
        inspect.signature(runner.open).bind(max_parallel)
    except TypeError as error:
        raise DefinitionError(f"{name}.open cannot be called as open(max_parallel): {error}") from None
    workers = runner.open(max_parallel)
    missing = [word for word in ("max_parallel", "are_here", "start", "close") if not hasattr(workers, word)]
    if missing:
        raise DefinitionError(
            f"{name}.open(...) returned a {type(workers).__name__}, which has no {', '.join(missing)}; it returns the "
            f"workers of one run: {Workers.__module__}.{Workers.__qualname__}"
        )
    return workers
