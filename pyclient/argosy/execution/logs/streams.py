"""What stands in for ``sys.stdout`` and ``sys.stderr`` while steps run: all that is written still arrives there.

Of two ways to see what a step writes the faster one costs next to nothing. Where the stream collects blocks anyway, as
it does for a file or a pipe, the step gets a stream of its own, as fast as the original, and the blocks it gives away
are seen on their way. Elsewhere (a terminal, a notebook) each write is made and seen one by one.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TextIO

from argosy.execution.stream_likeness import class_like
from argosy.v1.step_logs_pb2 import LogSource

BLOCK = 64 << 10
_TEXT_ENCODINGS = frozenset({"utf-8", "utf8", "ascii", "us-ascii"})
_SET_BY_THREAD = frozenset({"original", "source", "write", "flush", "_ways", "_bound"})
Add = Callable[[LogSource.ValueType, bytes], None]


class TakesOthers(Protocol):
    """Adds what was written past Python."""

    def __call__(self, *, wait: bool, is_last: bool = False) -> bool:
        """Add it, and at last also what libraries hold back.

        Without ``wait``, leave it to another thread that is just doing so, and return ``False``.
        """
        ...


class Tee(Protocol):
    """The way of one step's writes to one stream."""

    write: Callable[[str], int]
    flush: Callable[[], object]

    def collect(self) -> None:
        """Let whatever is held back be seen; the stream itself is not flushed."""
        ...

    def collect_shown(self) -> None:
        """Take that part of it which people have seen already."""
        ...

    def see(self, data: bytes) -> None:
        """See what goes another way."""
        ...


class Ways(Protocol):
    """Knows which step runs in a thread."""

    def find(self, source: LogSource.ValueType, original: TextIO) -> Tee | None:
        """Return the way of the step that runs in this thread, ``None`` outside of one."""
        ...

    def renew(self, source: LogSource.ValueType) -> None:
        """Let the step that runs in this thread have another way from now on."""
        ...


class WriteByWrite:
    """Sees each write, made at once as it always was."""

    def __init__(self, original: TextIO, source: LogSource.ValueType, add: Add, take: TakesOthers) -> None:
        """See what is written to ``original``; standard output in blocks, other streams as it comes."""
        write = original.write
        self._source, self._add = source, add
        self._seen: io.TextIOWrapper | None = None
        if source == LogSource.LOG_SOURCE_STDOUT:
            # Collecting is ten times faster than adding each write; what must come behind it collects it first.
            self._seen = _stream_above(_LowerEnd(source, add), "utf-8", "replace")
            see: Callable[[str], object] = self._seen.write
        else:

            def see(text: str) -> object:
                add(source, text.encode(errors="replace"))
                return None

        def written(text: str) -> int:
            length = write(text)
            take(wait=True)
            see(text)
            return length

        def flushed() -> None:
            self.collect()  # what others write from now on comes behind
            original.flush()

        self.write: Callable[[str], int] = written
        self.flush: Callable[[], object] = flushed

    def collect(self) -> None:
        """Take what was seen."""
        if self._seen is not None:
            self._seen.flush()

    collect_shown = collect

    def see(self, data: bytes) -> None:
        """See bytes, behind what was written before."""
        self.collect()
        self._add(self._source, data)


class BlockByBlock:
    """Sees blocks of what is written."""

    def __init__(self, original: io.TextIOWrapper, source: LogSource.ValueType, add: Add, take: TakesOthers) -> None:
        """See what is written to ``original``."""
        original.flush()  # what was written before comes before
        self._source, self._add = source, add
        self._bridge = _Bridge(original, source, add, take)
        self._stream = _stream_above(self._bridge, original.encoding, original.errors)
        self.write: Callable[[str], int] = self._stream.write
        self.flush: Callable[[], object] = self._stream.flush

    def collect(self) -> None:
        """Take what the stream has collected."""
        thread = threading.get_ident()
        self._bridge.collecting.add(thread)
        try:
            self._stream.flush()
        finally:
            self._bridge.collecting.discard(thread)

    def collect_shown(self) -> None:
        """Do nothing: what is shown was seen before."""

    def see(self, data: bytes) -> None:
        """See bytes, behind what was written before."""
        self.collect()
        self._add(self._source, data)


class _LowerEnd:
    """The lower end of a stream: what arrives is seen."""

    closed = False

    def __init__(self, source: LogSource.ValueType, add: Add) -> None:
        self._source, self._add = source, add

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: bytes) -> int:
        self._add(self._source, data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: all was seen."""

    def close(self) -> None:
        """Do nothing: there is nothing below that would be ours."""


class _Bridge(_LowerEnd):
    """The lower end of a stream: what arrives is seen and passed on."""

    def __init__(self, original: io.TextIOWrapper, source: LogSource.ValueType, add: Add, take: TakesOthers) -> None:
        super().__init__(source, add)
        self.collecting: set[int] = set()
        self._original = original
        self._take = take

    def write(self, data: bytes) -> int:
        # Who collects has taken it before, and may be the one that others wait for.
        self._take(wait=threading.get_ident() not in self.collecting)
        self._add(self._source, data)
        self._original.buffer.write(data)
        return len(data)

    def flush(self) -> None:
        if threading.get_ident() not in self.collecting:
            self._original.flush()


def _stream_above(end: Any, encoding: str, errors: str | None) -> io.TextIOWrapper:
    newline = None if isinstance(end, _Bridge) else "\n"  # what is only seen keeps its line ends
    stream = io.TextIOWrapper(end, encoding, errors, newline)
    stream._CHUNK_SIZE = BLOCK  # type: ignore[attr-defined]  # how much it collects; the usual 8 KiB cost a fifth more
    return stream


def tee_to(original: TextIO, source: LogSource.ValueType, add: Add, take: TakesOthers) -> Tee:
    """Return the fastest way to see what is written to a stream; ``take`` adds what others wrote there before."""
    if (
        type(original) is io.TextIOWrapper
        and not original.line_buffering
        and not original.write_through
        and original.encoding.lower() in _TEXT_ENCODINGS
    ):
        return BlockByBlock(original, source, add, take)
    return WriteByWrite(original, source, add, take)


class StepStream(threading.local):
    """Looks like the stream it stands in for; each thread has its own way to write, found out when it first does.

    The thread that runs a step is bound to the step's tee, so that writing there costs no more than the tee does.
    """

    def __init__(self, original: TextIO, source: LogSource.ValueType, ways: Ways) -> None:
        """Stand in for ``original``; called again in every thread."""
        self.original = original
        self.source = source
        self._ways = ways
        self._bound = 0
        self.write: Callable[[str], int] = self._write_as_found
        self.flush: Callable[[], object] = self._flush_as_found

    def bind(self, tee: Tee) -> None:
        """Let this thread write to ``tee``; where a step runs within a step, each write finds its own way."""
        self._bound += 1
        if self._bound == 1:
            self.write, self.flush = tee.write, tee.flush
        else:
            self._unbind()

    def release(self) -> None:
        """End what :meth:`bind` began."""
        self._bound -= 1
        self._unbind()

    def swap(self, write: Callable[[str], int], flush: Callable[[], object]) -> tuple[Any, Any]:
        """Let this thread write in another way, and return the way it had."""
        before = self.write, self.flush
        self.write, self.flush = write, flush
        return before

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines."""
        for line in lines:
            self.write(line)

    def see(self, data: Any) -> None:
        """See bytes that are written past this."""
        if (tee := self._ways.find(self.source, self.original)) is not None:
            tee.see(bytes(data))

    def reconfigure(self, **options: Any) -> None:
        """Change the stream, which may then need another way to see what is written."""
        self.flush()
        self._ways.renew(self.source)
        self._unbind()
        self.original.reconfigure(**options)  # type: ignore[attr-defined]  # only where there is such a method

    def _unbind(self) -> None:
        self.write, self.flush = self._write_as_found, self._flush_as_found

    def _write_as_found(self, text: str) -> int:
        tee = self._ways.find(self.source, self.original)
        return self.original.write(text) if tee is None else tee.write(text)

    def _flush_as_found(self) -> None:
        tee = self._ways.find(self.source, self.original)
        if tee is None:
            self.original.flush()
        else:
            tee.flush()

    def __iter__(self) -> Any:
        return iter(self.original)


class _SeenBuffer:
    """Looks like the binary stream below one of text; what is written to it is seen, too."""

    def __init__(self, stream: StepStream) -> None:
        self._stream = stream

    def write(self, data: Any) -> int:
        """Write bytes."""
        self._stream.see(data)
        return self._stream.original.buffer.write(data)

    def writelines(self, lines: Iterable[Any]) -> None:
        """Write several pieces."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream.original.buffer, name)


def stand_in(original: TextIO, source: LogSource.ValueType, ways: Ways) -> StepStream:
    """Return what stands in for a stream and has whatever else it has."""
    made: StepStream = class_like(StepStream, original, _SET_BY_THREAD, _below)(original, source, ways)
    return made


_below = property(_SeenBuffer)
