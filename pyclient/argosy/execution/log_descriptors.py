"""Captures what is written past Python: by C libraries and by programs that a step starts.

That goes to the file descriptors 1 and 2, of which a process has one pair. So this is for processes that run one step
at a time, as workers do; threads of one process share them. What stands in for a descriptor is a file in memory and
not a pipe: a C library may write without end while it holds the interpreter's lock, and nobody could empty a pipe then.
What was read is cut out of the file. Whoever started the process shares the file, and shows what is left in it when
the process dies: that is often why.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

from argosy.execution.log_capture import before_the_end, only_capture_add
from argosy.v1.step_logs_pb2 import LogSource

INTERVAL = 0.1
"""Seconds after which what was written is shown."""
_PIECE = 64 << 10
_PUNCH_HOLE_KEEP_SIZE = 3
_SOURCES = (LogSource.LOG_SOURCE_STDOUT, LogSource.LOG_SOURCE_STDERR)


def make_spools() -> tuple[int, ...]:
    """Return open files to stand in for the descriptors 1 and 2, to be passed to a process; none where they cannot."""
    if not (sys.platform == "linux" and hasattr(ctypes.CDLL(None), "fallocate")):
        return ()
    import fcntl

    spools = tuple(os.memfd_create(f"argosy-{name}") for name in ("stdout", "stderr"))
    for spool in spools:
        fcntl.fcntl(spool, fcntl.F_SETFL, os.O_APPEND)
    return spools


def show_rest(spools: tuple[int, ...], add: Callable[[LogSource.ValueType, bytes], object]) -> None:
    """Show what a process that died had written and not shown, and ``add`` it to the log of the step that ran."""
    for descriptor, (source, spool) in enumerate(zip(_SOURCES, spools, strict=False), 1):
        with contextlib.suppress(OSError):  # there is no data, or nobody to read it
            start = os.lseek(spool, 0, os.SEEK_DATA)
            rest = os.pread(spool, os.fstat(spool).st_size - start, start).lstrip(b"\0")
            add(source, rest)
            _write_all(descriptor, rest)


def close_spools(spools: tuple[int, ...]) -> None:
    """Close what :func:`make_spools` opened."""
    for spool in spools:
        os.close(spool)


@contextlib.contextmanager
def captured_descriptors(spools: tuple[int, ...]) -> Iterator[None]:
    """See all that is written to the descriptors 1 and 2 until the block ends, and pass it on.

    What is written while ``captured_logs`` captures a step is added to that step's log. ``sys.stdout`` and
    ``sys.stderr`` write past this: what goes through them is seen by ``captured_logs`` itself.
    """
    if not spools:
        yield
        return
    channels = [_Channel(descriptor, *pair) for descriptor, pair in enumerate(zip(_SOURCES, spools, strict=True), 1)]
    streams = sys.stdout, sys.stderr
    ended = threading.Event()

    def take_all() -> None:
        ctypes.CDLL(None).fflush(None)  # what C libraries hold back
        for channel in channels:
            channel.take()

    def read() -> None:
        while not ended.wait(INTERVAL):
            for channel in channels:
                channel.take()

    sys.stdout, sys.stderr = channels[0].beside(streams[0]), channels[1].beside(streams[1])
    reader = threading.Thread(target=read, name="argosy-descriptors", daemon=True)
    reader.start()
    try:
        with before_the_end(take_all):
            yield
    finally:
        ended.set()
        reader.join()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the step may have closed or replaced it
                stream.flush()
        sys.stdout, sys.stderr = streams
        take_all()
        for channel in channels:
            channel.close()


class _Channel:
    """Stands in for a descriptor; what arrives goes where that went, and to the log."""

    def __init__(self, descriptor: int, source: LogSource.ValueType, spool: int) -> None:
        self._descriptor, self._source, self._spool = descriptor, source, spool
        self._lock = threading.Lock()
        # Programs that an earlier step left running may have gone on writing; that is nobody's.
        self._position = os.fstat(spool).st_size
        self._original = os.dup(descriptor)
        os.dup2(spool, descriptor)
        _open.append(self)

    def beside(self, stream: TextIO) -> TextIO:
        """Return a stream like ``stream`` that goes where that went."""
        if not isinstance(stream, io.TextIOWrapper):
            return stream
        stream.flush()
        file = io.FileIO(self._original, "w", closefd=False)
        return io.TextIOWrapper(
            io.BufferedWriter(file),
            stream.encoding,
            stream.errors,
            line_buffering=stream.line_buffering or stream.write_through,
        )

    def take(self) -> None:
        """Take what is there."""
        with self._lock:
            while data := os.pread(self._spool, _PIECE, self._position):
                only_capture_add(self._source, data)
                with contextlib.suppress(OSError):  # nobody reads it any more: the log still does
                    _write_all(self._original, data)
                self._position += len(data)
                ctypes.CDLL(None).fallocate(
                    self._spool, _PUNCH_HOLE_KEEP_SIZE, ctypes.c_long(0), ctypes.c_long(self._position)
                )

    def enter_child(self) -> None:
        """In a forked child, whose Python code nobody captures: let that write where programs do."""
        os.dup2(self._descriptor, self._original)

    def close(self) -> None:
        """Let the descriptor be what it was."""
        _open.remove(self)
        os.dup2(self._original, self._descriptor)
        self.take()
        os.close(self._original)


_open: list[_Channel] = []


def _enter_child() -> None:
    for channel in _open:
        channel.enter_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_enter_child)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
