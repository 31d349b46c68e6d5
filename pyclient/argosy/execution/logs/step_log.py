"""Logs of steps as people read them: lines, in whatever order and amount they are wanted."""

from __future__ import annotations

import bisect
import functools
import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from html import escape
from typing import overload

from argosy.transport.connection import Connection
from argosy.transport.rpc.retry import FEW_ATTEMPTS, retrying
from argosy.v1.step_logs_pb2 import LogBatch, LogEntry, LogSource

_HTML_LINES = 1000
"""A notebook shows so many lines of the end."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line a step printed or logged.

    Attributes:
        text: the line.
        time: when, by the clock of the machine the step ran on, in UTC.
        source: ``stdout``, ``stderr`` or ``logging``.
        level: the level of what was logged (``WARNING``), else empty.
        logger: the name of its logger, else empty.
        step: the invocation.
        attempt: the attempt, 1 for the first.
        dropped_lines: how many lines are missing directly before it.
    """

    text: str
    time: datetime
    source: str
    level: str = ""
    logger: str = ""
    step: str = ""
    attempt: int = 1
    dropped_lines: int = 0


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Lines that came together, as they are stored: a log has millions of lines, but not so many pieces.

    Attributes:
        entry: what is stored.
        step: the invocation.
        attempt: the attempt, 1 for the first.
        dropped_lines: how many lines are missing directly before it.
    """

    entry: LogEntry
    step: str
    attempt: int
    dropped_lines: int

    @property
    def count(self) -> int:
        """How many lines it has."""
        return self.entry.text.count("\n") + 1

    def lines(self, first: int = 0) -> Iterator[LogLine]:
        """Yield its lines, from the one with this index on."""
        entry = self.entry
        time = entry.log_time.ToDatetime(tzinfo=timezone.utc)
        source = LogSource.Name(entry.source).removeprefix("LOG_SOURCE_").lower()
        dropped = 0 if first else self.dropped_lines
        for text in entry.text.split("\n")[first:]:
            yield LogLine(text, time, source, entry.level, entry.logger, self.step, self.attempt, dropped)
            dropped = 0

    def text(self) -> str:
        """Return its lines as people read them."""
        entry = self.entry
        text = entry.text
        if entry.level:
            text = "\n".join(f"{entry.level}:{entry.logger}: {line}" for line in text.split("\n"))
        return f"{missing_text(self.dropped_lines)}\n{text}" if self.dropped_lines else text


class StepLog(Sequence[LogLine]):
    """What a step has printed so far: its lines, and with ``str()`` its text."""

    def __init__(self, pieces: Iterable[LogPiece], dropped_lines: int) -> None:
        """Hold pieces, and how many lines are missing in all."""
        self._pieces = tuple(pieces)
        self._ends = tuple(itertools.accumulate(piece.count for piece in self._pieces))
        self.dropped_lines = dropped_lines

    @overload
    def __getitem__(self, index: int) -> LogLine: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LogLine, ...]: ...
    def __getitem__(self, index: int | slice) -> LogLine | tuple[LogLine, ...]:
        numbers = range(len(self))[index]
        if isinstance(numbers, int):
            return next(self._lines_from(numbers))
        if numbers.step == 1:
            return tuple(itertools.islice(self._lines_from(numbers.start), len(numbers)))
        return tuple(self)[index]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[LogLine]:
        return self._lines_from(0)

    def __reversed__(self) -> Iterator[LogLine]:
        return (line for piece in reversed(self._pieces) for line in reversed(list(piece.lines())))

    def __str__(self) -> str:
        return "\n".join([*(piece.text() for piece in self._pieces), *self._missing_at_the_end()])

    def __repr__(self) -> str:
        missing = f", {self.dropped_lines:,} more are missing" if self.dropped_lines else ""
        return f"<StepLog of {len(self):,} lines{missing}>"

    def _repr_html_(self) -> str:
        shown = self[-_HTML_LINES:]
        hidden = len(self) - len(shown)
        note = f"<p>the last {len(shown):,} of {len(self):,} lines</p>" if hidden else ""
        text = "\n".join([*(text for line in shown for text in _texts(line)), *self._missing_at_the_end()])
        return f"<div>{note}<pre>{escape(text)}</pre></div>"

    def _lines_from(self, number: int) -> Iterator[LogLine]:
        first = bisect.bisect_right(self._ends, number)
        skipped = number - (self._ends[first - 1] if first else 0)
        for piece in itertools.islice(self._pieces, first, None):
            yield from piece.lines(skipped)
            skipped = 0

    def _missing_at_the_end(self) -> list[str]:
        missing = self.dropped_lines - sum(piece.dropped_lines for piece in self._pieces)
        return [missing_text(missing)] if missing else []


class LogReader:
    """Reads the log of one step run from its beginning on, as far as it goes when it is asked."""

    def __init__(self, connection: Connection, step_run_id: str, step: str) -> None:
        """Begin.

        Args:
            connection: where the log is.
            step_run_id: the step run; ``""`` for one that never started, whose log is empty.
            step: the invocation.
        """
        self._connection = connection
        self._step_run_id = step_run_id
        self._step = step
        self._position = ""
        self.is_complete = not step_run_id
        self.dropped_lines = 0
        self._dropped = 0

    def page(self) -> list[LogPiece]:
        """Return what follows, nothing when there is no more now. A server that restarts is waited for.

        Raises:
            NotFoundError: no such step run.
            UnavailableError: the server stays away.
        """
        pieces: list[LogPiece] = []
        while not (pieces or self.is_complete):
            get = functools.partial(self._connection.pipelines.get_step_logs, self._step_run_id, self._position)
            page = retrying(f"log of step {self._step}", get, FEW_ATTEMPTS)
            self._position, self.is_complete = page.position, page.is_complete
            if not page.batches:
                break
            pieces = [piece for batch in page.batches for piece in self._pieces(batch)]
        return pieces

    def rest(self) -> Iterator[LogPiece]:
        """Yield all there is now."""
        while pieces := self.page():
            yield from pieces

    def _pieces(self, batch: LogBatch) -> Iterator[LogPiece]:
        self.dropped_lines += batch.dropped_lines
        self._dropped += batch.dropped_lines
        for entry in batch.entries:
            yield LogPiece(entry, self._step, batch.attempt, self._dropped)
            self._dropped = 0


def lines_in_time(runs: Iterable[Iterable[LogPiece]]) -> Iterator[LogLine]:
    """Yield the lines of several steps in the order of time, reading no further ahead than that takes."""
    return heapq.merge(*[_lines(pieces) for pieces in runs], key=lambda line: line.time)


def _lines(pieces: Iterable[LogPiece]) -> Iterator[LogLine]:
    for piece in pieces:
        yield from piece.lines()


def read_log(connection: Connection, step_run_id: str, step: str) -> StepLog:
    """Return what a step has printed so far, also what this process has not sent yet."""
    from argosy.execution.logs.sender import settle_logs

    settle_logs()
    reader = LogReader(connection, step_run_id, step)
    return StepLog(list(reader.rest()), reader.dropped_lines)


def missing_text(count: int) -> str:
    """Return what stands in the place of missing lines."""
    return f"[… {count:,} line{'s' if count > 1 else ''} missing]"


def _texts(line: LogLine) -> Iterator[str]:
    if line.dropped_lines:
        yield missing_text(line.dropped_lines)
    yield f"{line.level}:{line.logger}: {line.text}" if line.level else line.text
