"""Logs of steps as people read them: lines, in whatever order and amount they are wanted."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from html import escape
from typing import overload

from argosy.transport.connection import Connection
from argosy.transport.retry import FEW_ATTEMPTS, retrying
from argosy.v1.step_logs_pb2 import LogBatch, LogEntry, LogSource

_HTML_LINES = 1000
"""A notebook shows so many lines of the end."""


@dataclass(frozen=True)
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


class StepLog(Sequence[LogLine]):
    """What a step has printed so far: its lines, and with ``str()`` its text."""

    def __init__(self, lines: Iterable[LogLine], dropped_lines: int) -> None:
        """Hold lines, and how many are missing in all."""
        self._lines = tuple(lines)
        self.dropped_lines = dropped_lines

    @overload
    def __getitem__(self, index: int) -> LogLine: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LogLine, ...]: ...
    def __getitem__(self, index: int | slice) -> LogLine | tuple[LogLine, ...]:
        return self._lines[index]

    def __len__(self) -> int:
        return len(self._lines)

    def __str__(self) -> str:
        return "\n".join(text for line in self._lines for text in _texts(line))

    def __repr__(self) -> str:
        missing = f", {self.dropped_lines:,} more are missing" if self.dropped_lines else ""
        return f"<StepLog of {len(self):,} lines{missing}>"

    def _repr_html_(self) -> str:
        shown = self._lines[-_HTML_LINES:]
        hidden = len(self._lines) - len(shown)
        note = f"<p>the last {len(shown):,} of {len(self):,} lines</p>" if hidden else ""
        text = "\n".join(escape(text) for line in shown for text in _texts(line))
        return f"<div>{note}<pre>{text}</pre></div>"


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

    def page(self) -> list[LogLine]:
        """Return the next lines, none when there are no more now. A server that restarts is waited for.

        Raises:
            NotFoundError: no such step run.
            UnavailableError: the server stays away.
        """
        if self.is_complete:
            return []
        get = functools.partial(self._connection.pipelines.get_step_logs, self._step_run_id, self._position)
        page = retrying(f"log of step {self._step}", get, FEW_ATTEMPTS)
        self._position, self.is_complete = page.position, page.is_complete
        return [line for batch in page.batches for line in self._lines(batch)]

    def rest(self) -> Iterator[LogLine]:
        """Yield all lines there are now."""
        while lines := self.page():
            yield from lines

    def _lines(self, batch: LogBatch) -> Iterator[LogLine]:
        dropped = batch.dropped_lines
        self.dropped_lines += dropped
        for entry in batch.entries:
            for text in entry.text.split("\n"):
                yield self._line(batch, entry, text, dropped)
                dropped = 0

    def _line(self, batch: LogBatch, entry: LogEntry, text: str, dropped: int) -> LogLine:
        return LogLine(
            text=text,
            time=entry.log_time.ToDatetime(tzinfo=timezone.utc),
            source=LogSource.Name(entry.source).removeprefix("LOG_SOURCE_").lower(),
            level=entry.level,
            logger=entry.logger,
            step=self._step,
            attempt=batch.attempt,
            dropped_lines=dropped,
        )


def read_log(connection: Connection, step_run_id: str, step: str) -> StepLog:
    """Return what a step has printed so far, also what this process has not sent yet."""
    from argosy.execution.log_sender import settle_logs

    settle_logs()
    reader = LogReader(connection, step_run_id, step)
    lines = list(reader.rest())
    return StepLog(lines, reader.dropped_lines)


def missing_text(count: int) -> str:
    """Return what stands in the place of missing lines."""
    return f"[… {count:,} line{'s' if count > 1 else ''} missing]"


def _texts(line: LogLine) -> Iterator[str]:
    if line.dropped_lines:
        yield missing_text(line.dropped_lines)
    yield f"{line.level}:{line.logger}: {line.text}" if line.level else line.text
