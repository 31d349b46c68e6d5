"""A run as a tree in a notebook."""

from __future__ import annotations

import math
import re
from typing import Any

from argosy.execution.records.run_record import PipelineRun
from argosy.graph.canonical_json import canonical_json
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
    assert ">&lt;i&gt;</span></td>" in html
    assert "<script>" not in html
    assert "<i>" not in html


def test_a_run_is_a_tree_with_what_became_of_each_step() -> None:
    run = Run(name="monday", pipeline_name="training", state=RunState.RUN_STATE_COMPLETED)
    load = run.steps.add(invocation="load", step_name="load", state=StepState.STEP_STATE_CACHED)
    fit = run.steps.add(invocation="fit", step_name="fit", state=StepState.STEP_STATE_COMPLETED, upstream=["load"])
    fit.cache_miss.append("parameter:rate")
    for step, seconds in ((load, 1), (fit, 75)):
        step.start_time.FromSeconds(1000)
        step.end_time.FromSeconds(1000 + seconds)
    html = PipelineRun(run, NO_CONNECTION)._repr_html_()
    texts = [text for text in re.split(r"<[^>]*>", html.partition("<tbody>")[2]) if text]
    assert texts == ["load", "cached", "1.00 s", "└─ fit", "completed", "1 min 15 s", "parameter rate changed"]
    assert "href" not in html
    assert "src=" not in html


def test_a_run_without_steps_is_shown_too() -> None:
    assert "running" in PipelineRun(Run(state=RunState.RUN_STATE_RUNNING), NO_CONNECTION)._repr_html_()


def test_an_error_reads_as_one_line() -> None:
    run = Run(error=RunError(type="m:Own", message="why", invocation="fit"))
    assert str(PipelineRun(run, NO_CONNECTION).error) == "step 'fit': Own: why"
    assert str(PipelineRun(Run(error=RunError(type="m:Own")), NO_CONNECTION).error) == "Own"
    assert PipelineRun(Run(), NO_CONNECTION).error is None


def test_a_parameter_that_json_cannot_say_is_the_number_it_was() -> None:
    run = Run(parameters={"limit": canonical_json(float("inf")), "rates": canonical_json([float("nan"), 1.5])})
    parameters = PipelineRun(run, NO_CONNECTION).parameters
    assert parameters["limit"] == float("inf")
    assert math.isnan(parameters["rates"][0])
