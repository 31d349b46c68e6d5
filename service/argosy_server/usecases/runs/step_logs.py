"""Logs of steps: appended by the runner in numbered batches, read by anybody, also while the step runs.

Every line of an attempt has a number, those that were dropped too, so that a reader knows what is missing wherever
it is. The beginning and the end of a log are kept, each up to half of the limit; what lies between is dropped part by
part as more arrives. Small batches are merged into the part before, so that a step that prints a line now and then for
days has few parts, and a position, being a number of a line, stays right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from argosy_server.domain.errors import Superseded
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import StepRun, StepState
from argosy_server.domain.step_log import LogBatch, LogEntry, LogPart, LogPosition
from argosy_server.usecases.ports import MetadataStore, Transaction
from argosy_server.usecases.runs.log_content import Numbered, pack, unpack

SMALL_PART = 32 << 10
"""Bytes up to which a part still grows."""
PAGE_PARTS = 16
LATE = timedelta(seconds=5)
"""How long after its end the last lines of a step may arrive."""
_SILENT = frozenset({StepState.CACHED, StepState.SKIPPED})


@dataclass(frozen=True)
class NewBatch:
    """What a runner sends at once."""

    number: int
    entries: Sequence[LogEntry]
    dropped_lines: int
    is_last: bool


@dataclass(frozen=True)
class LogPage:
    """Some of a log, and where it goes on."""

    batches: Sequence[LogBatch]
    position: LogPosition
    is_complete: bool


def append_logs(
    tx: Transaction, limits: Limits, project: str, step_run_id: str, attempt_token: str, batch: NewBatch
) -> bool:
    """Keep a batch, unless it is stored already; tell whether the log is full.

    The step may have ended, but not have been started again: its lines arrive a little later than its end.

    Raises:
        RunNotFound: no such step run.
        Superseded: the attempt token is not the current one.
    """
    attempt, token = tx.logs.current_attempt(project, step_run_id)
    if attempt_token != token:
        raise Superseded(f"another attempt of step run {step_run_id} took over", resource=f"step run {step_run_id}")
    last = tx.logs.last(project, step_run_id, attempt)
    if last is not None and batch.number <= last.batch:
        return last.end > limits.max_log_bytes
    part, entries = _part_of(attempt, last, batch)
    if last is None or last.size >= SMALL_PART or last.start < limits.max_log_bytes // 2 < part.end:
        tx.logs.add(project, step_run_id, part, pack(entries))
    else:
        merged = replace(part, start=last.start, size=last.size + part.size, first_line=last.first_line)
        before = unpack(tx.logs.content(project, step_run_id, last))
        tx.logs.replace(project, step_run_id, last, merged, pack([*before, *entries]))
    if part.end <= limits.max_log_bytes:
        return False
    half = limits.max_log_bytes // 2
    tx.logs.drop_between(project, step_run_id, attempt, half, part.end - half)
    return True


def read_logs(
    metadata: MetadataStore, limits: Limits, project: str, step_run_id: str, position: LogPosition
) -> LogPage:
    """Return the next part of a log, about a page of it.

    Raises:
        RunNotFound: no such step run.
    """
    with metadata.read() as tx:
        attempt, _ = tx.logs.current_attempt(project, step_run_id)
        _, step = tx.runs.get_step(project, step_run_id)
        found = tx.logs.following(project, step_run_id, position, PAGE_PARTS)
        parts = _page(found, limits.max_page_bytes)
        contents = [tx.logs.content(project, step_run_id, part) for part in parts]
        last = tx.logs.last(project, step_run_id, attempt)
        has_ended = step.state is not StepState.RUNNING and (
            step.state in _SILENT or (last is not None and last.is_last) or _ended_long_ago(tx, step)
        )
    is_all = len(parts) == len(found) and len(found) < PAGE_PARTS
    batches: list[LogBatch] = []
    for part, content in zip(parts, contents, strict=True):
        line = position.line if part.attempt == position.attempt else 0
        batches += _batches(part, line, unpack(content))
        position = LogPosition(part.attempt, part.next_line)
    return LogPage(batches, position, is_all and has_ended)


def _part_of(attempt: int, last: LogPart | None, batch: NewBatch) -> tuple[LogPart, list[Numbered]]:
    first = last.next_line if last else 0
    line = first + batch.dropped_lines
    entries: list[Numbered] = []
    for entry in batch.entries:
        entries.append((line, entry))
        line += entry.lines
    size = sum(entry.size for entry in batch.entries)
    return LogPart(attempt, batch.number, last.end if last else 0, size, first, line, batch.is_last), entries


def _page(parts: Sequence[LogPart], room: int) -> list[LogPart]:
    """Return the first parts that fit, one at least."""
    page: list[LogPart] = []
    for part in parts:
        room -= part.size
        if page and room < 0:
            break
        page.append(part)
    return page


def _batches(part: LogPart, line: int, entries: Sequence[Numbered]) -> Iterator[LogBatch]:
    """Yield what a part has from a line on, cut where lines are missing."""
    together: list[LogEntry] = []
    dropped = 0
    for number, entry in entries:
        if number < line:
            continue
        if number > line:
            if together:
                yield LogBatch(part.attempt, together, dropped)
            together, dropped = [], number - line
        together.append(entry)
        line = number + entry.lines
    if together:
        yield LogBatch(part.attempt, together, dropped)
    if part.next_line > line:
        yield LogBatch(part.attempt, (), part.next_line - line)


def _ended_long_ago(tx: Transaction, step: StepRun) -> bool:
    return step.ended_at is not None and tx.now() - step.ended_at > LATE
