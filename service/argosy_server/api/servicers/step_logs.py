"""The calls of PipelineService about what steps print."""

from __future__ import annotations

from datetime import datetime, timezone

import grpc

from argosy.v1 import step_logs_pb2 as wire
from argosy_server.api.messages.field_parsing import parse_enum, parse_text, parse_timestamp, render_timestamp
from argosy_server.domain.errors import InvalidField
from argosy_server.domain.identifiers import parse_id, parse_project
from argosy_server.domain.limits import Limits
from argosy_server.domain.step_log import MAX_LINES, LogBatch, LogEntry, LogPosition, LogSource
from argosy_server.usecases.ports import MetadataStore
from argosy_server.usecases.runs.step_logs import NewBatch, append_logs, read_logs

MAX_BATCH_BYTES = 1 << 20
MAX_TEXT_BYTES = 64 << 10
LOG_SOURCES = {
    wire.LOG_SOURCE_STDOUT: LogSource.STDOUT,
    wire.LOG_SOURCE_STDERR: LogSource.STDERR,
    wire.LOG_SOURCE_LOGGING: LogSource.LOGGING,
}
_WIRE_SOURCES = {source: number for number, source in LOG_SOURCES.items()}


class StepLogCalls:
    """Keeps and returns logs."""

    _metadata: MetadataStore
    _limits: Limits

    def AppendStepLogs(
        self, request: wire.AppendStepLogsRequest, context: grpc.ServicerContext
    ) -> wire.AppendStepLogsResponse:
        """See the contract. No reply is kept: the number of the batch tells what came already."""
        project = parse_project(request.project)
        step_run_id = parse_id("step_run_id", request.step_run_id)
        token = parse_text("attempt_token", request.attempt_token, required=True)
        batch = _parse_batch(request)
        with self._metadata.write() as tx:
            is_full = append_logs(tx, self._limits, project, step_run_id, token, batch)
        return wire.AppendStepLogsResponse(is_full=is_full)

    def GetStepLogs(self, request: wire.GetStepLogsRequest, context: grpc.ServicerContext) -> wire.GetStepLogsResponse:
        """See the contract."""
        project = parse_project(request.project)
        step_run_id = parse_id("step_run_id", request.step_run_id)
        log = f"{self._metadata.store_id}/{step_run_id}"
        page = read_logs(self._metadata, self._limits, project, step_run_id, LogPosition.parse(request.position, log))
        return wire.GetStepLogsResponse(
            batches=map(_render_batch, page.batches),
            position=page.position.to_text(log),
            is_complete=page.is_complete,
        )


def _parse_batch(request: wire.AppendStepLogsRequest) -> NewBatch:
    if (size := request.ByteSize()) > MAX_BATCH_BYTES:
        raise InvalidField(
            "entries", f"the batch has {size} bytes; at most {MAX_BATCH_BYTES} are allowed, send several"
        )
    for field in ("batch", "dropped_lines"):
        if not 0 <= (number := getattr(request, field)) < MAX_LINES:
            raise InvalidField(field, f"{number} is out of range; count from 0 on")
    if not (request.entries or request.dropped_lines or request.is_last):
        raise InvalidField("entries", "is empty; send at least one unless lines were dropped or nothing follows")
    entries = [_parse_entry(f"entries[{index}]", entry) for index, entry in enumerate(request.entries)]
    return NewBatch(request.batch, entries, request.dropped_lines, request.is_last)


def _parse_entry(field: str, entry: wire.LogEntry) -> LogEntry:
    if len(entry.text) > MAX_TEXT_BYTES or len(entry.text.encode()) > MAX_TEXT_BYTES:
        raise InvalidField(f"{field}.text", f"has more than {MAX_TEXT_BYTES} bytes; cut it")
    return LogEntry(
        time=parse_timestamp(f"{field}.log_time", entry, "log_time") or datetime.now(timezone.utc),
        source=parse_enum(f"{field}.source", entry.source, LOG_SOURCES),
        text=entry.text,
        level=parse_text(f"{field}.level", entry.level),
        logger=parse_text(f"{field}.logger", entry.logger),
    )


def _render_batch(batch: LogBatch) -> wire.LogBatch:
    message = wire.LogBatch(attempt=batch.attempt, dropped_lines=batch.dropped_lines)
    for entry in batch.entries:
        message.entries.add(
            log_time=render_timestamp(entry.time),
            source=_WIRE_SOURCES[entry.source],
            level=entry.level,
            logger=entry.logger,
            text=entry.text,
        )
    return message
