"""Captures what is written past Python: by C libraries and by programs that a step starts.

That goes to the file descriptors 1 and 2, of which a process has one pair. So this is for processes that run one step
at a time, as workers do; threads of one process share them. What stands in for a descriptor is a file without a name
and not a pipe: a C library may write without end while it holds the interpreter's lock, and nobody could empty a pipe
then. What was read is cut out of the file. It is read before Python writes to the same place, so the order stays.
Whoever started the process shares the file, and shows what is left in it when the process dies: that is often why.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import math
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from argosy.execution.logs.buffer import HEAD_BYTES, TAIL_BYTES
from argosy.execution.logs.capture import added_before, only_capture
from argosy.transport.rpc.uninterrupted import uninterrupted
from argosy.v1.step_logs_pb2 import LogSource

INTERVAL = 0.1
"""Seconds after which what was written is shown."""
_AT_MOST = 1.0
"""Seconds Python's own output waits for its turn."""
_PIECE = 256 << 10
_PUNCH_HOLE_KEEP_SIZE = 3
_SOURCES = (LogSource.LOG_SOURCE_STDOUT, LogSource.LOG_SOURCE_STDERR)


def make_spools() -> tuple[int, ...]:
    """Return open files to stand in for the descriptors 1 and 2, to be passed to a process; none where they cannot."""
    if not (sys.platform == "linux" and hasattr(ctypes.CDLL(None), "fallocate")):
        return ()
    return tuple(_make_spool(name) for name in ("stdout", "stderr"))


def _make_spool(name: str) -> int:
    import fcntl

    # On a disk, where what nobody reads fast enough takes no memory for good.
    try:
        spool = _unnamed_file()
    except OSError:  # no folder for such files can be written
        spool = os.memfd_create(f"argosy-{name}")
    fcntl.fcntl(spool, fcntl.F_SETFL, os.O_APPEND)
    return spool


def _unnamed_file() -> int:
    """Return a file that gives back what is cut out of it.

    Raises:
        OSError: there is none.
    """
    with tempfile.TemporaryFile() as file:
        _cut_out(file.fileno(), 1)
        return os.dup(file.fileno())


def _cut_out(spool: int, end: int) -> None:
    """Give the room back that the first bytes of a file take.

    Raises:
        OSError: this kind of file cannot do it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.fallocate(spool, _PUNCH_HOLE_KEEP_SIZE, ctypes.c_long(0), ctypes.c_long(end)):
        raise OSError(ctypes.get_errno(), "fallocate")


def show_rest(spools: tuple[int, ...], add: Callable[[LogSource.ValueType, bytes], object]) -> None:
    """Show what a process that died had written and not shown, and ``add`` it to the log of the step that ran."""
    for descriptor, (source, spool) in enumerate(zip(_SOURCES, spools, strict=False), 1):
        for piece in _left_in(spool):
            add(source, piece)
            with contextlib.suppress(OSError):  # nobody reads it any more: the log still does
                _write_all(descriptor, piece)


def _left_in(spool: int) -> Iterator[bytes]:
    """Yield what was not cut out of a file, which may be more than memory has room for."""
    with contextlib.suppress(OSError):  # there is no data
        at, end, is_first = os.lseek(spool, 0, os.SEEK_DATA), os.fstat(spool).st_size, True
        while piece := os.pread(spool, min(_PIECE, end - at), at):
            at += len(piece)
            # Room is given back in blocks; what is cut out of the first one is zeros.
            yield piece.lstrip(b"\0") if is_first else piece
            is_first = False


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

    def read() -> None:
        while not ended.wait(INTERVAL):
            take_written()

    def take_written(*, wait: bool = True, is_last: bool = False) -> bool:
        if is_last:
            ctypes.CDLL(None).fflush(None)  # what C libraries hold back
        taken = [channel.take(math.inf if wait else 0) for channel in channels]
        return all(taken)

    sys.stdout, sys.stderr = channels[0].beside(streams[0]), channels[1].beside(streams[1])
    reader = threading.Thread(target=read, name="argosy-descriptors", daemon=True)
    reader.start()
    try:
        with added_before(take_written):
            yield
    finally:
        ended.set()
        reader.join()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the step may have closed or replaced it
                stream.flush()
        sys.stdout, sys.stderr = streams
        take_written(is_last=True)
        for channel in channels:
            channel.close()


class _Channel:
    """Stands in for a descriptor; what arrives goes where that went, and to the log."""

    def __init__(self, descriptor: int, source: LogSource.ValueType, spool: int) -> None:
        self._descriptor, self._source, self._spool = descriptor, source, spool
        self._lock = threading.Lock()
        self._taker = 0
        self._is_parent = True
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
        return io.TextIOWrapper(
            io.BufferedWriter(_Beside(self._original, self.take)),
            stream.encoding,
            stream.errors,
            line_buffering=stream.line_buffering or stream.write_through,
        )

    @property
    def has_more(self) -> bool:
        """Whether something was written that is not taken yet."""
        return os.fstat(self._spool).st_size > self._position

    def take(self, patience: float = math.inf) -> bool:
        """Take what is there, and tell whether it is taken.

        Args:
            patience: seconds to wait for another thread that is just doing so.
        """
        # A signal handler that prints may interrupt the very taking.
        if not (self._is_parent and self.has_more) or self._taker == threading.get_ident():
            return True
        with uninterrupted():
            if not self._lock.acquire(timeout=min(patience, threading.TIMEOUT_MAX)):
                return False
            self._taker = threading.get_ident()
            try:
                if (capture := only_capture()) is not None:
                    capture.collect_shown()  # since Python wrote last, others have written this
                self._take_until(os.fstat(self._spool).st_size)
            finally:
                self._taker = 0
                self._lock.release()
        return True

    def _take_until(self, end: int) -> None:
        """Pass everything on; of more than the log keeps, add the beginning and the end only."""
        first, last = self._position + HEAD_BYTES, end - TAIL_BYTES
        while data := os.pread(self._spool, min(_PIECE, end - self._position), self._position):
            if (capture := only_capture()) is not None:
                if first <= self._position and self._position + len(data) <= last:
                    is_open = not data.endswith(b"\n")
                    capture.log.lose(self._source, len(data), data.count(b"\n"), is_open=is_open)
                else:
                    capture.log.add(self._source, data)
            with contextlib.suppress(OSError):  # nobody reads it any more: the log still does
                _write_all(self._original, data)
            self._position += len(data)
            _cut_out(self._spool, self._position)

    def enter_child(self) -> None:
        """In a forked child, whose Python code nobody captures: let that write where programs do."""
        self._is_parent = False
        os.dup2(self._descriptor, self._original)

    def close(self) -> None:
        """Let the descriptor be what it was."""
        _open.remove(self)
        os.dup2(self._original, self._descriptor)
        self.take()
        os.close(self._original)


class _Beside(io.FileIO):
    """Writes where a descriptor went, behind what was written to that before."""

    def __init__(self, descriptor: int, take: Callable[[float], object]) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._take = take

    def write(self, data: Any) -> int:
        """Write bytes."""
        # The one who takes may, over some others, wait for the buffer that is being written here.
        self._take(_AT_MOST)
        return super().write(data)


_open: list[_Channel] = []


def _enter_child() -> None:
    for channel in _open:
        channel.enter_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_enter_child)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
