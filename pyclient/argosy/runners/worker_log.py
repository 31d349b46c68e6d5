"""What a step in a worker process prints, on its way to the driver, who sends it to the store.

So what was printed outlives the worker: what it has told is the driver's, however the worker ends. Programs and C
libraries print past this, into files that the driver has too (``execution/log_descriptors.py``).
"""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from argosy.execution.log_sender import OutgoingLog
from argosy.transport.uninterrupted import uninterrupted
from argosy.v1.step_logs_pb2 import LogSource

PRINTED, LOGGED = b"p", b"l"
"""The first byte of a message: what follows."""
INTERVAL = 0.1
"""Seconds after which what streams hold back is told."""
_PIECE = 16_000
"""Bytes of one message. A connection sends up to 16 KiB in one system call, which no signal handler can cut in two."""
_LARGE = 1 << 20


class WorkerLog:
    """The log of one attempt, in the worker; see :class:`argosy.execution.log_capture.LogOutlet`."""

    def __init__(self, connection: Connection) -> None:
        """Tell the driver over ``connection``."""
        self._connection = connection
        self._lock = threading.Lock()
        self._is_closed = False
        self._ended = threading.Event()
        self._collect: Callable[[], object] | None = None

    def begin(self, collect: Callable[[], object]) -> None:
        """Start the thread that calls ``collect`` now and then."""
        self._collect = collect

        def collect_often() -> None:
            while not self._ended.wait(INTERVAL):
                collect()

        threading.Thread(target=collect_often, name="argosy-worker-log", daemon=True).start()

    def add(self, source: LogSource.ValueType, data: bytes) -> None:
        """Take what was written to a stream."""
        head = PRINTED + bytes([source])
        self._tell([head + data[at : at + _PIECE] for at in range(0, len(data), _PIECE)])

    def add_record(self, moment: float, level: str, logger: str, text: str) -> None:
        """Take what was logged."""
        self._tell([LOGGED + pickle.dumps((moment, level, logger, text[:_LARGE]))])

    def end(self, error: BaseException | None) -> None:
        """Take nothing more; it is the driver who waits for the store."""
        self._ended.set()
        if self._collect is not None:
            self._collect()
        with self._lock:
            self._is_closed = True

    def forget_threads(self) -> None:
        """In a forked child: take nothing more."""
        self._lock = threading.Lock()
        self._is_closed = True

    def _tell(self, messages: list[bytes]) -> None:
        # The driver may be gone: then this process is about to end, and the step need not hear of it.
        with uninterrupted(), self._lock, contextlib.suppress(OSError):
            for message in messages:
                if not self._is_closed:
                    self._connection.send_bytes(message)


def add_told(log: OutgoingLog, message: bytes) -> None:
    """Add what a worker has told to the log of its step."""
    if message[:1] == PRINTED:
        log.add(LogSource.ValueType(message[1]), message[2:])
    else:
        log.add_record(*pickle.loads(message[1:]))  # noqa: S301 - from our own process
