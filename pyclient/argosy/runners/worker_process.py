"""One worker process as the driver sees it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable

from argosy.errors import WorkerImportError, WorkerLostError
from argosy.execution.logs.descriptors import close_spools, make_spools, show_rest
from argosy.execution.logs.sender import OutgoingLog
from argosy.execution.running.execute_step import failed, log_in_store
from argosy.execution.running.step_task import Failed, Outcome, StepTask
from argosy.execution.views.live_region import output_for_processes
from argosy.runners.task_pickle import dump_task, load_outcome
from argosy.runners.worker import BEGINS, OUTCOME, Order, Refusal, StopOrder, Surroundings
from argosy.runners.worker_log import TOLD, add_told
from argosy.v1.step_logs_pb2 import LogSource

LIVENESS = 0.5
"""Seconds between two looks whether a silent worker lives: a process it forked may keep its connection open."""
SLOW_START = 60.0
"""Seconds after which a worker that has not said that it begins counts as if it had: it hangs."""

_BOUND = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Becomes another program, which ends with the thread that started it: PR_SET_PDEATHSIG."""


class WorkerProcess:
    """A Python process that executes one task after the other."""

    def __init__(self) -> None:
        """Start it; it is ready when its first task is.

        Its own session keeps Ctrl-C from reaching it, which is the driver's to pass on, and lets it be killed together
        with whatever its steps start.
        """
        self._lock = threading.Lock()
        self._reaped = False
        self._stopped_by: BaseException | None = None
        self._is_told = False
        self._connection, theirs = multiprocessing.Pipe()
        self._arrival = select.poll()  # the connection's own makes a new one each time, too slow for much output
        self._arrival.register(self._connection, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._connection, select.POLLOUT)
        self._spools = make_spools()
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from argosy.runners.worker import work; work({theirs.fileno()}, {self._spools!r})"
        )
        out, err = output_for_processes()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, with our own module
                _ending_with_this_process([sys.executable, "-c", code]),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=[theirs.fileno(), *self._spools],
                start_new_session=True,
            )

    @property
    def is_alive(self) -> bool:
        """Whether it can take another task."""
        return self._process.poll() is None

    def reserve(self) -> None:
        """Keep it for a task, which :meth:`begin` gives it; from now on that can be stopped."""
        self._stopped_by, self._is_told = None, False

    def begin(self, order: bytes) -> None:
        """Give it an order that :func:`make_order` made; returns when it has read nearly all of it."""
        with contextlib.suppress(OSError):  # it is dead, which its outcome tells
            self._connection.send_bytes(order)
        self._is_told = True

    def outcome_of(self, task: StepTask, began: Callable[[], None]) -> Outcome:
        """Wait for what becomes of the task it was given; ``began`` is called when it takes it.

        What the step prints is sent to the store meanwhile.
        """
        log = log_in_store(task)
        log.begin()
        if not task.config.capture_logs:
            log.buffer.close()
        outcome = self._followed(task, began, log)
        log.end(outcome.error if isinstance(outcome, Failed) else None)
        return outcome

    def _followed(self, task: StepTask, began: Callable[[], None], log: OutgoingLog) -> Outcome:
        try:
            if not self._arrival.poll(SLOW_START * 1000):
                began()
            answer = self._receive()
            if answer == BEGINS:
                began()
                while (answer := self._receive())[:1] in TOLD:
                    add_told(log, answer)
        except (EOFError, OSError):
            return self._lost(task, log)
        if answer[:1] == OUTCOME:
            return load_outcome(answer[1:])
        return _refused(task, pickle.loads(answer[1:]))  # noqa: S301 - from our own process

    def _receive(self) -> bytes:
        while not self._arrival.poll(LIVENESS * 1000):
            if not self.is_alive and not self._arrival.poll(0):
                raise EOFError
        return self._connection.recv_bytes()

    def stop_task(self, error: BaseException) -> None:
        """Ask the current task to end; a worker that has not read it yet is ended by force."""
        self._stopped_by = error
        with self._lock:
            if self._reaped:
                return
            if self._is_told and self._writable.poll(0):
                with contextlib.suppress(OSError):  # it is dead, which its outcome tells
                    self._connection.send_bytes(pickle.dumps(StopOrder(error)))
                return
        self.kill()

    def kill(self) -> None:
        """End it, and what its steps started, by force; whoever waits for its outcome is told."""
        with self._lock:
            if self._reaped:
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def dismiss(self) -> None:
        """Let it end by itself."""
        with contextlib.suppress(OSError):
            self._connection.send_bytes(pickle.dumps(None))

    def wait(self, seconds: float) -> None:
        """Wait for its end, and end it by force if that takes longer."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self._reap()

    def _reap(self, log: OutgoingLog | None = None) -> None:
        self.kill()
        self._process.wait()
        with self._lock:
            self._reaped = True  # its number may be another process's from now on
            self._connection.close()
            spools, self._spools = self._spools, ()
        show_rest(spools, log.add if log is not None else _forget)
        close_spools(spools)

    def _lost(self, task: StepTask, log: OutgoingLog) -> Outcome:
        """Return the outcome of a task whose process died; its log ends with what became of it."""
        self._reap(log)
        code = self._process.returncode
        how = f"ended with exit code {code}"
        if code < 0:
            how = f"was killed by signal {-code} ({_signal_name(-code)})"
            how += "; where nobody did that, the machine had no memory left" if code == -signal.SIGKILL else ""
        lost = WorkerLostError(f"the worker process that ran step {task.invocation!r} {how}")
        error = self._stopped_by or lost
        log.add(LogSource.LOG_SOURCE_STDERR, "".join(traceback.format_exception_only(error)).encode(errors="replace"))
        return failed(task, error)


def _ending_with_this_process(command: list[str]) -> list[str]:
    """Return a command that ends though its program hangs at its start, where the system can do that.

    The thread that starts it has to live until the program hears of the end of its connection: ``worker.work``.
    """
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", "-c", _BOUND, str(os.getpid()), *command]


def _signal_name(number: int) -> str:
    """Return the name of a signal; most of those for programs' own use have none."""
    names = [one.name for one in signal.Signals if one == number]
    return names[0] if names else f"SIGRTMIN+{number - signal.SIGRTMIN}"


def _forget(_source: LogSource.ValueType, _data: bytes) -> None:
    """There is no step whose log it would be."""


def make_order(task: StepTask) -> bytes:
    """Return what a worker is told to execute a task.

    Raises:
        DefinitionError: the task cannot be sent.
    """
    return pickle.dumps(Order(dump_task(task), Surroundings.here()))


def _refused(task: StepTask, refusal: Refusal) -> Outcome:
    what = f"module {refusal.module!r} is not there" if refusal.module else "what it consists of cannot be loaded there"
    return failed(
        task,
        WorkerImportError(
            f"step {task.invocation!r} ({task.step.location}) cannot run in a worker process: {what} ({refusal.text}). "
            "A worker has the sys.path, working directory and environment of the process that calls the pipeline: "
            "keep the step in a file that can be imported from there, or in the script itself"
        ),
    )
