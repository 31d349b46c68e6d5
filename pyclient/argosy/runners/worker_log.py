"""What a step in a worker process prints, on its way to the driver, who sends it to the store.

So what was printed outlives the worker: what it has told is the driver's, however the worker ends. Programs and C
libraries print past this, into files that the driver has too (``execution/logs/descriptors.py``).
"""

from __future__ import annotations

import contextlib
import pickle
import select
import threading
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection

from argosy.execution.logs.sender import OutgoingLog
from argosy.transport.rpc.uninterrupted import uninterrupted
from argosy.v1.step_logs_pb2 import LogSource

PRINTED, LOGGED, LOST = b"p", b"l", b"d"
"""The first byte of a message: what follows."""
TOLD = frozenset({PRINTED, LOGGED, LOST})
INTERVAL = 0.1
"""Seconds after which what streams hold back is told."""
WAITING_BYTES = 8 << 20
"""So much may wait for a driver that is busy before a step that goes on printing waits, too."""
_AT_ONCE = 16_000
"""Bytes of a message that the step's thread sends itself, in one system call that no signal handler cuts in two."""
_LARGE = 1 << 20


class WorkerLog:
    """The log of one attempt, in the worker; see :class:`argosy.execution.logs.capture.LogOutlet`.

    What is short is told before the step goes on: it may be its last words. The rest is told by a thread, in messages
    the larger the more waits.
    """

    def __init__(self, connection: Connection) -> None:
        """Tell the driver over ``connection``."""
        self._connection = connection
        self._writable = select.poll()
        self._writable.register(connection, select.POLLOUT)
        self._changed = threading.Condition()
        self._waiting: deque[tuple[bytes, bytes]] = deque()
        self._waiting_bytes = 0
        self._is_sending = self._is_closed = False
        self._collect: Callable[[], object] | None = None
        self._thread = threading.Thread(target=self._run, name="argosy-worker-log", daemon=True)

    def begin(self, collect: Callable[[], object]) -> None:
        """Start the thread."""
        self._collect = collect
        self._thread.start()

    def add(self, source: LogSource.ValueType, data: bytes) -> None:
        """Take what was written to a stream."""
        for at in range(0, len(data), _LARGE):
            self._tell(PRINTED + bytes([source]), data[at : at + _LARGE])

    def lose(self, source: LogSource.ValueType, size: int, line_ends: int, *, is_open: bool) -> None:
        """Take note of a part of a stream that is too large to be kept."""
        self._tell(LOST, pickle.dumps((source, size, line_ends, is_open)))

    def add_record(self, moment: float, level: str, logger: str, text: str) -> None:
        """Take what was logged."""
        self._tell(LOGGED, pickle.dumps((moment, level, logger, text[:_LARGE])))

    def end(self, error: BaseException | None) -> None:
        """Take nothing more, and return when all is told; it is the driver who waits for the store."""
        if self._collect is not None:
            self._collect()
        with self._changed:
            self._changed.wait_for(lambda: not (self._waiting or self._is_sending))
            self._is_closed = True
            self._changed.notify_all()

    def forget_threads(self) -> None:
        """In a forked child: take nothing more."""
        self._changed = threading.Condition()
        self._is_closed = True

    def _tell(self, head: bytes, data: bytes) -> None:
        with uninterrupted(), self._changed:
            if self._is_closed:
                return
            is_behind = self._waiting or self._is_sending
            if not is_behind and len(data) <= _AT_ONCE and self._writable.poll(0):
                self._send(head + data)
                return
            self._waiting.append((head, data))
            self._waiting_bytes += len(data)
            self._changed.notify_all()
            if threading.current_thread() is not self._thread:
                self._changed.wait_for(lambda: self._waiting_bytes <= WAITING_BYTES)

    def _run(self) -> None:
        assert self._collect is not None
        while not self._is_closed:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed, INTERVAL)
                message = self._next()
                self._is_sending = bool(message)
            if not message:
                self._collect()
                continue
            self._send(message)
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()

    def _next(self) -> bytes:
        """Return as much of what waits as may be one message; nothing when nothing waits."""
        if not self._waiting:
            return b""
        head, data = self._waiting.popleft()
        parts, size = [head, data], len(data)
        while head not in {LOGGED, LOST} and self._waiting and self._waiting[0][0] == head and size < _LARGE:
            parts.append(self._waiting.popleft()[1])
            size += len(parts[-1])
        self._waiting_bytes -= size
        return b"".join(parts)

    def _send(self, message: bytes) -> None:
        # The driver may be gone: then this process is about to end, and the step need not hear of it.
        with contextlib.suppress(OSError):
            self._connection.send_bytes(message)


def add_told(log: OutgoingLog, message: bytes) -> None:
    """Add what a worker has told to the log of its step."""
    if message[:1] == PRINTED:
        log.add(LogSource.ValueType(message[1]), message[2:])
    elif message[:1] == LOST:
        source, size, line_ends, is_open = pickle.loads(message[1:])  # noqa: S301 - from our own process
        log.lose(source, size, line_ends, is_open=is_open)
    else:
        log.add_record(*pickle.loads(message[1:]))  # noqa: S301 - from our own process
