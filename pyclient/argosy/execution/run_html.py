"""A run as a table for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from argosy.execution.progress import format_seconds

if TYPE_CHECKING:
    from argosy.execution.run_record import PipelineRun, StepRunRecord


def run_html(run: PipelineRun) -> str:
    """Return the run as HTML; everything a user chose is escaped."""
    rows = "".join(map(_row, run.steps.values()))
    error = f"<p>{escape(str(run.error))}</p>" if run.error else ""
    return (
        f"<div><p><b>{escape(run.name)}</b> of pipeline <b>{escape(run.pipeline_name)}</b>: {run.status}"
        f"{_after(', ', run.duration)}</p>{error}"
        f"<table><thead><tr><th>step</th><th>status</th><th>time</th><th>outputs</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(step: StepRunRecord) -> str:
    outputs = "<br>".join(escape(f"{version.name}, version {version.version}") for version in step.outputs.values())
    cells = (escape(step.invocation), step.status, _after("", step.duration), outputs)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _after(separator: str, seconds: float | None) -> str:
    return "" if seconds is None else f"{separator}{format_seconds(seconds)}"
