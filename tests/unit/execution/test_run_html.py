"""A run as a table in a notebook."""

from __future__ import annotations

from typing import Any

from argosy.execution.run_record import PipelineRun
from argosy.v1.pipeline_pb2 import Run, RunError, RunState, StepRun, StepState

NO_CONNECTION: Any = None
"""Showing a run asks nothing of the store."""


def test_everything_a_user_chose_is_escaped() -> None:
    run = Run(
        name="<b>",
        pipeline_name="a&b",
        state=RunState.RUN_STATE_FAILED,
        error=RunError(type="builtins:ValueError", message="<script>", invocation="<i>"),
        steps=[StepRun(invocation="<i>", state=StepState.STEP_STATE_FAILED)],
    )
    html = PipelineRun(run, NO_CONNECTION)._repr_html_()
    assert "<b>&lt;b&gt;</b> of pipeline <b>a&amp;b</b>: failed" in html
    assert "ValueError: &lt;script&gt;" in html
    assert "<td>&lt;i&gt;</td><td>failed</td>" in html
    assert "<script>" not in html


def test_an_error_reads_as_one_line() -> None:
    run = Run(error=RunError(type="m:Own", message="why", invocation="fit"))
    assert str(PipelineRun(run, NO_CONNECTION).error) == "step 'fit': Own: why"
    assert str(PipelineRun(Run(error=RunError(type="m:Own")), NO_CONNECTION).error) == "Own"
    assert PipelineRun(Run(), NO_CONNECTION).error is None
