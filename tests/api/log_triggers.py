"""Calls about logs that provoke each refusal the contract lists for them."""

from __future__ import annotations

import random

from argosy.v1 import step_logs_pb2
from tests.api import calls
from tests.api.conftest import Service


def append_logs(stubs: Service, project: str, *, token: str = "", step_run_id: str = "", size: int = 1) -> object:
    """Append so many bytes that nothing compresses to the log of a new step."""
    started = calls.start_step(stubs, calls.start_run(stubs, project))
    text = random.Random(size).randbytes(size).hex()
    lines = [text[at : at + 60_000] for at in range(0, len(text), 60_000)]
    return stubs.pipelines.AppendStepLogs(
        step_logs_pb2.AppendStepLogsRequest(
            project=project,
            step_run_id=step_run_id or started.step_run.id,
            attempt_token=token or started.attempt_token,
            entries=[step_logs_pb2.LogEntry(source=step_logs_pb2.LOG_SOURCE_STDOUT, text=line) for line in lines],
        )
    )


def get_logs(stubs: Service, project: str, *, step_run_id: str = "", position: str = "") -> object:
    step_run_id = step_run_id or calls.start_step(stubs, calls.start_run(stubs, project)).step_run.id
    return stubs.pipelines.GetStepLogs(
        step_logs_pb2.GetStepLogsRequest(project=project, step_run_id=step_run_id, position=position)
    )


def append_until_full(stubs: Service, project: str) -> object:
    for _ in range(16):
        append_logs(stubs, project, size=1 << 18)
    return None
