"""The first and the last lines a run prints."""

from __future__ import annotations

from argosy.execution.artifact_version import ArtifactVersion
from argosy.execution.progress import format_seconds
from argosy.execution.run_record import PipelineRun
from argosy.transport.connection import Connection
from argosy.v1.pipeline_pb2 import Run


def opening_line(run: Run) -> str:
    """Return what is printed when a run begins."""
    return f"Run {run.name} of pipeline {run.pipeline_name}"


def closing_lines(run: PipelineRun, seconds: float, connection: Connection) -> list[str]:
    """Return what is printed when a run is over: how it ended, where it is, how to load what it made."""
    where = f"project {connection.project}, store {connection.address}"
    lines = [f"Run {run.status} in {format_seconds(seconds)} ({where})"]
    if run.status == "completed":
        made = _last_output(run)
        lines += [f"  {made.load_line}"] if made is not None else []
    return lines


def _last_output(run: PipelineRun) -> ArtifactVersion | None:
    """Return the last version that has a name of the user's own, else the last one."""
    versions = [version for step in run.steps.values() for version in step.outputs.values()]
    named = [version for version in versions if version.named]
    found = named or versions
    return found[-1] if found else None
