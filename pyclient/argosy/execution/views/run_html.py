"""A run as a tree for notebooks: a table that is what it was when the run was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from argosy.execution.failure import error_text
from argosy.execution.states import run_status
from argosy.execution.views.amounts import format_seconds
from argosy.execution.views.recorded_rows import recorded_branches, recorded_states
from argosy.execution.views.run_rows import StepState, row_texts
from argosy.execution.views.run_tree import Branch
from argosy.v1.pipeline_pb2 import Run

_COLOURS = {
    "completed": "#2da44e",
    "cached": "#1b9aaa",
    "running": "#2f81f7",
    "failed": "#e5534b",
    "abandoned": "#e5534b",
    "cancelled": "#c69026",
}
"""Of a middle brightness: they hold on light and dark ground."""
_BAR_WIDTH, _BAR_HEIGHT = 160, 10
_LEFT = "text-align:left"


def run_html(run: Run) -> str:
    """Return the run as HTML that loads nothing and leads nowhere; everything a user chose is escaped."""
    status = run_status(run.state)
    took = f", {format_seconds(_duration(run))}" if run.HasField("end_time") else ""
    states = recorded_states(run)
    begun = min((state.began for state in states.values() if state.began is not None), default=0.0)
    ended = max((state.ended for state in states.values() if state.ended is not None), default=begun)
    rows = "".join(_row(branch, states, begun, ended) for branch in recorded_branches(run))
    head = "".join(f'<th style="{_LEFT}">{title}</th>' for title in ("step", "status", "time", "", ""))
    return (
        f"<div><p><b>{escape(run.name)}</b> of pipeline <b>{escape(run.pipeline_name)}</b>: "
        f"{status}{took}</p>{_error(run)}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(branch: Branch, states: Mapping[str, StepState], begun: float, ended: float) -> str:
    members: Sequence[StepState] = [states[member] for member in branch.members]
    now = max((state.ended or state.began or 0.0 for state in members), default=0.0)
    texts = row_texts(branch, members, now)
    name = f'<span style="white-space:pre;font-family:monospace">{escape(texts.guide + texts.name)}</span>'
    when = "".join(_bar(state, begun, ended) for state in members)
    bars = f'<svg width="{_BAR_WIDTH}" height="{_BAR_HEIGHT}">{when}</svg>' if when else ""
    cells = (name, _coloured(texts.status), escape(texts.took), bars, escape(texts.note))
    return f"<tr>{''.join(f'<td style={_quoted(_LEFT)}>{cell}</td>' for cell in cells)}</tr>"


def _bar(state: StepState, begun: float, ended: float) -> str:
    """Return when a step ran between the first and the last moment of all, as a part of an SVG."""
    if state.began is None or state.ended is None or ended <= begun:
        return ""
    scale = (_BAR_WIDTH - 2) / (ended - begun)
    start, length = (state.began - begun) * scale, max((state.ended - state.began) * scale, 2)
    colour = _COLOURS.get(state.status, "#888888")
    return f'<rect x="{start:.1f}" width="{length:.1f}" height="{_BAR_HEIGHT}" rx="2" fill="{colour}" opacity=".8"/>'


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
