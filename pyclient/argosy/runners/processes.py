"""Steps run in processes of their own, as many as run at once; a process serves one step after the other."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

from argosy.errors import ConfigurationError, RunCancelledError
from argosy.execution.running.execute_step import failed
from argosy.execution.running.step_task import Outcome, StepTask
from argosy.runners.worker_process import WorkerProcess, make_order

FAREWELL = 2.0
"""Seconds the processes of a run have together to end by themselves."""


class ProcessRunner:
    """Runs steps in worker processes of this machine.

    They are started anew, not forked, so that threads and open connections of this process do no harm, and import only
    what steps need: a script needs no ``if __name__ == "__main__"``, and notebooks work.
    """

    def open(self, max_parallel: int | None) -> ProcessWorkers:
        """Return the processes of one run; by default as many as the machine has cores.

        Raises:
            ConfigurationError: the system is one on which this does not work.
        """
        if sys.platform == "win32":
            raise ConfigurationError('runner="processes" does not work on Windows; use runner="local"')
        return ProcessWorkers(max_parallel or os.cpu_count() or 1)


class ProcessWorkers:
    """The processes of one run."""

    are_here = False

    def __init__(self, max_parallel: int) -> None:
        """Allow so many at once; each is started when it is needed first."""
        self.max_parallel = max_parallel
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._all: list[WorkerProcess] = []
        self._closed = False

    def start(self, task: StepTask, began: Callable[[], None], ended: Callable[[Outcome], None]) -> ProcessTask:
        """Execute an attempt in a process that is free, or in a new one."""
        running = ProcessTask(task, self, began, ended)
        running.start()
        return running

    def take(self) -> WorkerProcess:
        """Return a worker for one task.

        Raises:
            RunCancelledError: the run is over.
            OSError: no process can be started.
        """
        with self._lock:
            if self._closed:
                raise RunCancelledError("the run is over")
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    return worker
        worker = WorkerProcess()
        if not self._add(worker):
            worker.wait(0)
            raise RunCancelledError("the run is over")
        return worker

    def _add(self, worker: WorkerProcess) -> bool:
        """Keep a new worker, unless the run has ended meanwhile."""
        with self._lock:
            if not self._closed:
                self._all.append(worker)
            return not self._closed

    def give_back(self, worker: WorkerProcess) -> None:
        """Keep a worker for the next task, unless it died."""
        with self._lock:
            if worker.is_alive:
                self._idle.append(worker)
            else:
                self._all.remove(worker)

    def close(self) -> None:
        """Let those that are free end by themselves; end the others by force."""
        with self._lock:
            self._closed = True
            idle, workers = set(self._idle), list(self._all)
        for worker in workers:
            if worker in idle:
                worker.dismiss()
            else:
                worker.kill()  # the thread that waits for it does the rest
        end = time.monotonic() + FAREWELL
        for worker in idle:
            worker.wait(max(end - time.monotonic(), 0))


class ProcessTask:
    """An attempt in a worker process; a thread waits for it."""

    def __init__(
        self, task: StepTask, workers: ProcessWorkers, began: Callable[[], None], ended: Callable[[Outcome], None]
    ) -> None:
        """Make it ready."""
        self._task = task
        self._began = began
        self._workers = workers
        self._ended = ended
        self._lock = threading.Lock()
        self._worker: WorkerProcess | None = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Start the thread."""
        name = f"argosy-worker-of-{self._task.invocation}"
        threading.Thread(target=self._execute, name=name, daemon=True).start()

    def stop(self, error: BaseException) -> None:
        """Ask the process to raise inside the step's code."""
        with self._lock:  # as long as it is held the worker has no other task
            self._error = error
            if self._worker is not None:
                self._worker.stop_task(error)

    def abandon(self) -> None:
        """Kill the process, and whatever the step started in it."""
        with self._lock:
            if self._worker is not None:
                self._worker.kill()

    def _execute(self) -> None:
        try:
            self._ended(self._outcome())
        except BaseException as error:
            self._ended(failed(self._task, error))

    def _outcome(self) -> Outcome:
        order = make_order(self._task)
        worker = self._workers.take()
        with self._lock:
            stopped = self._error
            if stopped is None:
                worker.reserve()
                self._worker = worker
        if stopped is None:
            worker.begin(order)  # nobody waits for this but the thread: a worker that hangs at its start reads nothing
            outcome = worker.outcome_of(self._task, self._began)
        else:
            outcome = failed(self._task, stopped)
            worker.wait(0)
        with self._lock:
            self._worker = None
        self._workers.give_back(worker)
        return outcome
