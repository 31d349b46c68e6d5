"""A run as a tree for notebooks: a table that is what it was when the run was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from argosy.execution.amounts import format_seconds
from argosy.execution.failure import error_text
from argosy.execution.recorded_rows import recorded_branches, recorded_states
from argosy.execution.run_rows import StepState, row_texts
from argosy.execution.run_tree import Branch
from argosy.v1.pipeline_pb2 import Run, RunState

_COLOURS = {
    "completed": "#1a7f37",
    "cached": "#0a7a8a",
    "running": "#0550ae",
    "failed": "#cf222e",
    "abandoned": "#cf222e",
    "cancelled": "#9a6700",
}
_LEFT = "text-align:left"


def run_html(run: Run) -> str:
    """Return the run as HTML that loads nothing and leads nowhere; everything a user chose is escaped."""
    status = RunState.Name(run.state).removeprefix("RUN_STATE_").lower()
    took = f", {format_seconds(_duration(run))}" if run.HasField("end_time") else ""
    states = recorded_states(run)
    rows = "".join(_row(branch, states) for branch in recorded_branches(run))
    head = "".join(f'<th style="{_LEFT}">{title}</th>' for title in ("step", "status", "time", ""))
    return (
        f"<div><p><b>{escape(run.name)}</b> of pipeline <b>{escape(run.pipeline_name)}</b>: "
        f"{status}{took}</p>{_error(run)}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(branch: Branch, states: Mapping[str, StepState]) -> str:
    members: Sequence[StepState] = [states[member] for member in branch.members]
    now = max((state.ended or state.began or 0.0 for state in members), default=0.0)
    texts = row_texts(branch, members, now)
    name = f'<span style="white-space:pre;font-family:monospace">{escape(texts.guide + texts.name)}</span>'
    cells = (name, _coloured(texts.status), escape(texts.took), escape(texts.note))
    return f"<tr>{''.join(f'<td style={_quoted(_LEFT)}>{cell}</td>' for cell in cells)}</tr>"


def _error(run: Run) -> str:
    if not run.HasField("error"):
        return ""
    text = error_text(run.error.type, run.error.message, run.error.invocation)
    return f'<pre style="color:{_COLOURS["failed"]}">{escape(text)}</pre>'


def _coloured(status: str) -> str:
    return f'<span style="color:{_COLOURS[status]}">{status}</span>' if status in _COLOURS else status


def _quoted(text: str) -> str:
    return f'"{text}"'


def _duration(run: Run) -> float:
    return (run.end_time.ToNanoseconds() - run.create_time.ToNanoseconds()) / 1e9
