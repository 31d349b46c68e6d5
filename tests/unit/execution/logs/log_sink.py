"""A step to be captured, and what takes its log."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from argosy.execution.context import StepContext, entered_step
from argosy.execution.logs.capture import captured_logs
from argosy.execution.logs.sender import OutgoingLog, drain_logs
from argosy.v1.step_logs_pb2 import AppendStepLogsResponse, LogEntry, LogSource


class Sink:
    """Remembers what it was sent; refuses as often as it is told to."""

    def __init__(self, *refusals: Exception) -> None:
        self.batches: dict[int, list[LogEntry]] = {}
        self.is_last = False
        self.dropped = 0
        self._refusals = list(refusals)

    def __call__(
        self,
        batch: int,
        entries: list[LogEntry],
        *,
        dropped_lines: int = 0,
        is_last: bool = False,
        deadline: float | None = None,
    ) -> AppendStepLogsResponse:
        if self._refusals:
            raise self._refusals.pop(0)
        self.batches.setdefault(batch, entries)
        self.is_last = is_last
        self.dropped += dropped_lines
        return AppendStepLogsResponse()

    @property
    def entries(self) -> list[LogEntry]:
        return [entry for batch in sorted(self.batches) for entry in self.batches[batch]]

    def lines(self, source: str = "") -> list[str]:
        chosen = [
            entry for entry in self.entries if not source or entry.source == LogSource.Value(f"LOG_SOURCE_{source}")
        ]
        return [line for entry in chosen for line in entry.text.split("\n")]


@contextlib.contextmanager
def running(sink: Sink, name: str = "fit") -> Iterator[None]:
    """A step whose code is in the block; its log has been sent afterwards."""
    with entered_step(StepContext("run", f"id-{name}", "training", name, name)), captured_logs(OutgoingLog(sink, name)):
        yield
    drain_logs()
