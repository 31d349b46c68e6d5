"""The calls of PipelineService about what steps print."""

from __future__ import annotations

from collections.abc import Iterable

from argosy.transport.rpc.calls import Calls
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from argosy.v1.step_logs_pb2 import (
    AppendStepLogsRequest,
    AppendStepLogsResponse,
    GetStepLogsRequest,
    GetStepLogsResponse,
    LogEntry,
)


class StepLogCalls:
    """Sends what a step prints, and reads it back."""

    _stub: PipelineServiceStub
    _calls: Calls

    def append_step_logs(
        self,
        step_run_id: str,
        attempt_token: str,
        batch: int,
        entries: Iterable[LogEntry],
        *,
        dropped_lines: int = 0,
        is_last: bool = False,
        deadline: float | None = None,
    ) -> AppendStepLogsResponse:
        """Send a batch; a number that was sent before changes nothing.

        Raises:
            ConflictError: another attempt took over.
            NotFoundError: no such step run.
        """
        request = AppendStepLogsRequest(
            project=self._calls.project,
            step_run_id=step_run_id,
            attempt_token=attempt_token,
            batch=batch,
            entries=entries,
            dropped_lines=dropped_lines,
            is_last=is_last,
        )
        return self._calls.unary(self._stub.AppendStepLogs, request, deadline)

    def get_step_logs(self, step_run_id: str, position: str = "") -> GetStepLogsResponse:
        """Return what a step printed behind a position, a part at a time.

        Raises:
            NotFoundError: no such step run.
            OutOfRangeError: the position is not of this log.
        """
        request = GetStepLogsRequest(project=self._calls.project, step_run_id=step_run_id, position=position)
        return self._calls.unary(self._stub.GetStepLogs, request)
