"""Captures what is written past Python: by C libraries and by programs that a step starts.

That goes to the file descriptors 1 and 2, of which a process has one pair. So this is for processes that run one step
at a time, as workers do; threads of one process share them.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import select
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

from argosy.execution.log_capture import before_the_end, only_capture_add
from argosy.v1.step_logs_pb2 import LogSource

_PIECE = 64 << 10


@contextlib.contextmanager
def captured_descriptors() -> Iterator[None]:
    """See all that is written to the descriptors 1 and 2 until the block ends, and pass it on.

    What is written while ``captured_logs`` captures a step is added to that step's log. ``sys.stdout`` and
    ``sys.stderr`` write past the pipes: what goes through them is seen by ``captured_logs`` itself.
    """
    pipes = [_Pipe(1, LogSource.LOG_SOURCE_STDOUT), _Pipe(2, LogSource.LOG_SOURCE_STDERR)]
    streams = sys.stdout, sys.stderr
    ended = threading.Event()
    reader = threading.Thread(target=_read, args=(pipes, ended), name="argosy-descriptors", daemon=True)

    def take_all() -> None:
        with contextlib.suppress(Exception):  # no C library of that name: nothing is held back in one
            ctypes.CDLL(None).fflush(None)
        for pipe in pipes:
            pipe.take()

    sys.stdout, sys.stderr = pipes[0].beside(streams[0]), pipes[1].beside(streams[1])
    reader.start()
    try:
        with before_the_end(take_all):
            yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = streams
        take_all()
        for pipe in pipes:
            pipe.restore()
        ended.set()
        reader.join()
        for pipe in pipes:
            pipe.close()


class _Pipe:
    """Stands in for a descriptor; what arrives goes where that went, and to the log."""

    def __init__(self, descriptor: int, source: LogSource.ValueType) -> None:
        self._descriptor, self._source = descriptor, source
        self._lock = threading.Lock()
        self._original = os.dup(descriptor)
        self.end, writer = os.pipe()
        os.dup2(writer, descriptor)
        os.close(writer)

    def beside(self, stream: TextIO) -> TextIO:
        """Return a stream like ``stream`` that writes past the pipe."""
        if not isinstance(stream, io.TextIOWrapper):
            return stream
        stream.flush()
        return io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(self._original, "w", closefd=False)),
            stream.encoding,
            stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def take(self) -> None:
        """Take what is there."""
        with self._lock:
            while select.select([self.end], [], [], 0)[0]:
                data = os.read(self.end, _PIECE)
                if not data:
                    return
                only_capture_add(self._source, data)
                _write_all(self._original, data)

    def restore(self) -> None:
        """Let the descriptor be what it was. Programs that still run keep the pipe, which nobody reads then."""
        os.dup2(self._original, self._descriptor)

    def close(self) -> None:
        """Close what only the pipe needed."""
        os.close(self.end)
        os.close(self._original)


def _read(pipes: list[_Pipe], ended: threading.Event) -> None:
    while not ended.is_set():
        # Wakes now and then to see whether it is over; data wakes it at once.
        ready = select.select([pipe.end for pipe in pipes], [], [], 0.1)[0]
        for pipe in pipes:
            if pipe.end in ready:
                pipe.take()


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
