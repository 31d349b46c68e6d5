"""What runs in a worker process: one task after the other, until the driver has no more or is gone.

The main thread executes the tasks, as in a program of its own. Another thread listens: to the next task, to the wish
to stop the current one, and to the end of the connection, which means that the driver is dead and nobody wants what
is computed here.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import queue
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection

from argosy.execution.logs.descriptors import captured_descriptors
from argosy.execution.logs.sender import settle_logs
from argosy.execution.running.execute_step import execute
from argosy.execution.running.stop_signal import StopSignal
from argosy.runners.task_pickle import dump_outcome, load_task
from argosy.runners.worker_log import WorkerLog


@dataclass(frozen=True)
class Surroundings:
    """What a program finds around it: the same in a worker as in the driver.

    Attributes:
        directory: the working directory, empty where it was removed.
        path: where modules are looked for.
        environment: the environment variables.
    """

    directory: str
    path: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]

    @classmethod
    def here(cls) -> Surroundings:
        """Return those of this process."""
        try:
            directory = os.getcwd()
        except FileNotFoundError:
            directory = ""
        return cls(directory, tuple(sys.path), tuple(os.environ.items()))

    def enter(self) -> None:
        """Make them those of this process."""
        sys.path[:] = self.path
        with contextlib.suppress(OSError):
            os.chdir(self.directory)
        environment = dict(self.environment)
        if environment != dict(os.environ):
            os.environ.clear()
            os.environ.update(environment)


@dataclass(frozen=True)
class Order:
    """A task for a worker, its step still in bytes: reading it imports modules, which is the main thread's matter."""

    task: bytes
    surroundings: Surroundings


@dataclass(frozen=True)
class StopOrder:
    """The current task shall stop."""

    error: BaseException


@dataclass(frozen=True)
class Refusal:
    """The worker could not read a task.

    Attributes:
        module: the module that is missing, empty when something else is wrong.
        text: what was raised.
    """

    module: str
    text: str


BEGINS, OUTCOME, REFUSAL = b"b", b"o", b"r"
"""The first byte of an answer: what follows; that a task was taken has nothing more.

What the step prints comes between it and the outcome; see ``worker_log``.
"""


def work(descriptor: int, spools: tuple[int, ...] = ()) -> None:
    """Take tasks from an open connection and send the outcomes back, until the other side closes it.

    Args:
        descriptor: the connection.
        spools: for ``captured_descriptors``.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the driver runs in the background
    connection = Connection(descriptor)
    os.register_at_fork(after_in_child=connection.close)
    orders: queue.SimpleQueue[tuple[Order, StopSignal] | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, orders), name="argosy-worker-ear", daemon=True).start()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, 0)  # the ear does more than PR_SET_PDEATHSIG, which would go by the driver's thread
    while (item := orders.get()) is not None:
        answer = _answer(connection, *item, spools)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the step may have closed or replaced it
                stream.flush()
        connection.send_bytes(answer)


def _answer(connection: Connection, order: Order, stop: StopSignal, spools: tuple[int, ...]) -> bytes:
    connection.send_bytes(BEGINS)
    order.surroundings.enter()
    try:
        task = load_task(order.task)
    except BaseException as error:
        module = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
        return REFUSAL + pickle.dumps(Refusal(module, f"{type(error).__name__}: {error}"))
    with captured_descriptors(spools if task.config.capture_logs else ()):
        outcome = execute(task, stop, WorkerLog(connection))
    settle_logs()  # those of steps of pipelines that the step called
    return OUTCOME + dump_outcome(outcome)


def _listen(connection: Connection, orders: queue.SimpleQueue[tuple[Order, StopSignal] | None]) -> None:
    stop = StopSignal()
    while True:
        try:
            message = pickle.loads(connection.recv_bytes())  # noqa: S301 - from the process that started this one
        except (EOFError, OSError):
            _die()
        if message is None:
            orders.put(None)
            return
        if isinstance(message, StopOrder):
            stop.request(message.error)
        else:
            stop = StopSignal()
            orders.put((message, stop))


def _die() -> None:
    """End this process at once, and those it started: the driver is gone."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
