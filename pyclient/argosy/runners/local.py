"""Steps run in this process: one that is alone in the thread that called the pipeline, several in threads."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable

from argosy.execution.running.execute_step import execute
from argosy.execution.running.step_task import Outcome, StepTask
from argosy.execution.running.stop_signal import StopSignal
from argosy.execution.warn_at import warn_at

FEWEST_PARALLEL = 4
"""Steps often wait, for disks and services, also on a machine with few cores."""


class AbandonedStepWarning(RuntimeWarning):
    """A step that was stopped does not come back: its thread goes on without meaning anything to the run."""


class LocalRunner:
    """Runs steps in threads of this process."""

    def open(self, max_parallel: int | None) -> LocalWorkers:
        """Return the threads of one run; by default there are as many as the machine has cores, at least four."""
        return LocalWorkers(max_parallel or max(FEWEST_PARALLEL, os.cpu_count() or 1))


class LocalWorkers:
    """Threads of one run, each made for one attempt."""

    are_here = True

    def __init__(self, max_parallel: int) -> None:
        """Allow so many at once."""
        self.max_parallel = max_parallel

    def start(self, task: StepTask, began: Callable[[], None], ended: Callable[[Outcome], None]) -> RunningThread:
        """Execute an attempt in a new thread, in which context variables are as they are here."""
        running = RunningThread(task, began, ended)
        running.start()
        return running

    def close(self) -> None:
        """Do nothing: each thread ends with its attempt."""


class RunningThread:
    """An attempt in a thread. The thread is a daemon: a step that never ends does not keep the program from ending."""

    def __init__(self, task: StepTask, began: Callable[[], None], ended: Callable[[Outcome], None]) -> None:
        """Make it ready."""
        self._task = task
        self._began = began
        self._ended = ended
        self._stop = StopSignal()

    def start(self) -> None:
        """Start the thread."""
        context = contextvars.copy_context()
        name = f"argosy-step-{self._task.invocation}"
        threading.Thread(target=context.run, args=(self._execute,), name=name, daemon=True).start()

    def stop(self, error: BaseException) -> None:
        """Raise inside the step's code; a C library that does not come back is not reached."""
        self._stop.request(error)

    def abandon(self) -> None:
        """Leave the thread alone and say so: a thread cannot be ended by force."""
        warn_at(
            self._task.step.location,
            f"step {self._task.invocation!r} was stopped but does not come back from what it calls; its thread goes on "
            'in the background, and what it returns will be refused. Use runner="processes", which can end such steps',
            AbandonedStepWarning,
        )

    def _execute(self) -> None:
        self._began()
        self._ended(execute(self._task, self._stop))
