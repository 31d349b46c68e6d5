"""What a step printed and has not been sent yet: bounded, so that no log costs more memory than that.

The first 4 MiB of an attempt wait until they are sent, whatever happens. What follows them waits too, but of it the
oldest is dropped, line by line counted, once more than 4 MiB wait: of a log larger than the store keeps, its beginning
and its end arrive.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from argosy.execution.logs.lines import MAX_LINE_BYTES, LineAssembler, texts_of
from argosy.v1.step_logs_pb2 import LogEntry, LogSource

HEAD_BYTES = TAIL_BYTES = 4 << 20
BATCH_BYTES = 256 << 10
"""About what is sent at once; undecodable bytes may triple, and must still fit into a message."""
BATCH_BLOCKS = 2000
_BLOCK_COST = 64
_SMALL = 8 << 10
_TOGETHER = 0.1
"""Seconds in which small writes count as one."""
_LARGE = 1 << 20

_REUSED = 32 << 10
_pool: list[bytearray] = []
"""Memory of large blocks that were sent, to be used again: fresh memory costs more than what is done with it."""
_POOL = (HEAD_BYTES + TAIL_BYTES) // (64 << 10)


@dataclass
class _Block:
    """What was written at once, or nearly; ``level`` and ``logger`` only of what was logged, which is whole lines."""

    time: float
    source: LogSource.ValueType
    data: bytes | bytearray
    level: str = ""
    logger: str = ""

    @property
    def cost(self) -> int:
        return len(self.data) + _BLOCK_COST


@dataclass
class _Gap:
    """What was dropped of a source: how many bytes and line ends, and whether it ended within a line."""

    size: int = 0
    line_ends: int = 0
    is_open: bool = False


@dataclass(frozen=True)
class Batch:
    """Some entries, and how many lines are missing before them."""

    entries: list[LogEntry]
    dropped_lines: int


class LogBuffer:
    """Takes what a step prints in any number of threads, and gives it away in batches to one."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._lock = threading.Lock()
        self._head: deque[_Block] = deque()
        self._tail: deque[_Block] = deque()
        self._head_room = HEAD_BYTES
        self._tail_cost = 0
        self._gaps: dict[LogSource.ValueType, _Gap] = {}
        self._lines: dict[LogSource.ValueType, LineAssembler] = {}
        self._closed = False
        self.dropped_lines = 0

    @property
    def is_at_end(self) -> bool:
        """Whether the beginning was given away: from now on there is no hurry."""
        return self._head_room <= 0 and not self._head

    def add(self, source: LogSource.ValueType, data: bytes) -> None:
        """Take what was written to a stream, lines or parts of lines."""
        with self._lock:
            if self._closed or not data:
                return
            now = time.time()
            if len(data) > _LARGE:
                self._put_large(now, source, data)
                return
            last = self._tail[-1] if self._tail else self._head[-1] if self._head else None
            joins = last is not None and last.source == source and not last.level and len(last.data) < _SMALL
            if last is not None and joins and len(data) < _SMALL and now - last.time < _TOGETHER:
                if not isinstance(last.data, bytearray):
                    last.data = bytearray(last.data)
                last.data += data
                self._count(len(data))
            else:
                self._put(_Block(now, source, _copy(data)))

    def add_record(self, moment: float, level: str, logger: str, text: str) -> None:
        """Take what was logged."""
        with self._lock:
            if not self._closed:
                data = text.encode(errors="replace")[:_LARGE]
                self._put(_Block(moment, LogSource.LOG_SOURCE_LOGGING, data, level, logger))

    def lose(self, source: LogSource.ValueType, size: int, line_ends: int, *, is_open: bool) -> None:
        """Take note of a part so large that none of what waits behind the beginning would be kept with it."""
        with self._lock:
            if not self._closed:
                self._lose_tail()
                self._widen(source, size, line_ends, is_open=is_open)

    def take(self) -> Batch | None:
        """Give the next lines away, ``None`` when no whole line waits."""
        with self._lock:
            gaps, blocks = ({}, self._from(self._head)) if self._head else (self._gaps, self._from(self._tail))
            if gaps:
                self._gaps = {}
        dropped = sum(
            self._assembler(source).gap(gap.size, gap.line_ends, is_open=gap.is_open) for source, gap in gaps.items()
        )
        entries = [entry for block in blocks for entry in self._entries(block)]
        _pool.extend([block.data for block in blocks if _is_reusable(block.data)])  # type: ignore[misc]  # looked at
        self.dropped_lines += dropped
        return Batch(entries, dropped) if entries or dropped or blocks else None

    def close(self) -> None:
        """Take nothing more."""
        with self._lock:
            self._closed = True

    def drop_all(self) -> int:
        """Forget what waits, and return how many lines that were."""
        with self._lock:
            self._closed = True
            for block in (*self._head, *self._tail):
                self._lose(block.source, block.data, 0, len(block.data), is_record=bool(block.level))
            lines = sum(gap.line_ends + gap.is_open for gap in self._gaps.values())
            self._head.clear()
            self._tail.clear()
            self._gaps.clear()
        return lines

    def take_rest(self) -> Batch | None:
        """Give the lines away that never ended; call it when nothing else waits."""
        entries = [
            _entry(time.time(), source, text)
            for source, assembler in self._lines.items()
            for text in assembler.finish()
        ]
        return Batch(entries, 0) if entries else None

    def forget_threads(self) -> None:
        """In a forked child: take nothing more, and trust no lock another thread may have held."""
        self._lock = threading.Lock()
        self._closed = True

    def _put(self, block: _Block) -> None:
        if self._head_room > 0:
            self._head_room -= block.cost
            self._head.append(block)
        else:
            self._tail.append(block)
            self._tail_cost += block.cost
            self._shrink()

    def _count(self, size: int) -> None:
        """Account for what was added to the last block."""
        if self._tail:
            self._tail_cost += size
            self._shrink()
        else:
            self._head_room -= size

    def _shrink(self) -> None:
        while self._tail_cost > TAIL_BYTES and len(self._tail) > 1:
            block = self._tail.popleft()
            self._tail_cost -= block.cost
            self._lose(block.source, block.data, 0, len(block.data), is_record=bool(block.level))

    def _put_large(self, now: float, source: LogSource.ValueType, data: bytes) -> None:
        """Keep the ends of a large piece, not the piece: it may have any size."""
        at = 0
        while at < len(data) and self._head_room > 0:
            self._put(_Block(now, source, data[at : at + _LARGE]))
            at += _LARGE
        start = max(at, len(data) - TAIL_BYTES)
        if start > at:
            self._lose_tail()
            self._lose(source, data, at, start)
        for begin in range(start, len(data), _LARGE):
            self._put(_Block(now, source, data[begin : begin + _LARGE]))

    def _lose_tail(self) -> None:
        for block in self._tail:
            self._lose(block.source, block.data, 0, len(block.data), is_record=bool(block.level))
        self._tail.clear()
        self._tail_cost = 0

    def _lose(
        self, source: LogSource.ValueType, data: bytes | bytearray, start: int, end: int, *, is_record: bool = False
    ) -> None:
        line_ends = data.count(b"\n", start, end) + is_record
        self._widen(source, end - start, line_ends, is_open=not is_record and data[end - 1 : end] != b"\n")

    def _widen(self, source: LogSource.ValueType, size: int, line_ends: int, *, is_open: bool) -> None:
        gap = self._gaps.setdefault(source, _Gap())
        gap.size += size
        gap.line_ends += line_ends
        gap.is_open = is_open

    def _from(self, blocks: deque[_Block]) -> list[_Block]:
        taken: list[_Block] = []
        size = 0
        while blocks and len(taken) < BATCH_BLOCKS and (not taken or size + len(blocks[0].data) <= BATCH_BYTES):
            block = blocks.popleft()
            if blocks is self._tail:
                self._tail_cost -= block.cost
            if len(block.data) > BATCH_BYTES:
                rest = _Block(block.time, block.source, block.data[BATCH_BYTES:], block.level, block.logger)
                block.data = block.data[:BATCH_BYTES]
                blocks.appendleft(rest)
                if blocks is self._tail:
                    self._tail_cost += rest.cost
            size += len(block.data)
            taken.append(block)
        return taken

    def _assembler(self, source: LogSource.ValueType) -> LineAssembler:
        return self._lines.setdefault(source, LineAssembler())

    def _entries(self, block: _Block) -> Iterator[LogEntry]:
        if not block.level:
            for text in self._assembler(block.source).feed(block.data):
                yield _entry(block.time, block.source, text)
            return
        for text in texts_of(block.data):
            yield _entry(block.time, block.source, text, block.level, block.logger)


def _copy(data: bytes) -> bytes | bytearray:
    """Return a large block in memory that was used before, where there is any."""
    if len(data) < _REUSED:
        return data
    try:
        memory = _pool.pop()
    except IndexError:
        return bytearray(data)
    memory[:] = data
    return memory


def _is_reusable(data: bytes | bytearray) -> bool:
    return isinstance(data, bytearray) and len(data) >= _REUSED and len(_pool) < _POOL


def _entry(moment: float, source: LogSource.ValueType, text: str, level: str = "", logger: str = "") -> LogEntry:
    assert len(text) <= MAX_LINE_BYTES
    entry = LogEntry(source=source, text=text, level=level, logger=logger)
    entry.log_time.FromMicroseconds(int(moment * 1_000_000))
    return entry
