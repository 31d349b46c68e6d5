"""The record of a run in the form in which runs are shown."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from argosy.execution.failure import error_text
from argosy.execution.states import step_status
from argosy.execution.views.amounts import format_bytes
from argosy.execution.views.cache_sentences import cache_note
from argosy.execution.views.run_rows import StepState
from argosy.execution.views.run_tree import Branch, PlannedStep, lay_out
from argosy.execution.views.terminal_text import first_line
from argosy.v1.pipeline_pb2 import Run, StepRun

_ERROR_WIDTH = 200


def recorded_branches(run: Run) -> list[Branch]:
    """Return the tree of the steps that are recorded."""
    return lay_out(PlannedStep(step.invocation, step.step_name, tuple(step.upstream)) for step in run.steps)


def recorded_states(run: Run) -> dict[str, StepState]:
    """Return what is known of the steps, with times in seconds since 1970."""
    return {step.invocation: _state(step) for step in run.steps}


def _state(step: StepRun) -> StepState:
    status = step_status(step.state)
    notes = [cache_note(step.cache_miss), _error(step), _made(step)]
    return StepState(
        status=status,
        began=_seconds(step.start_time) if step.HasField("start_time") and status != "skipped" else None,
        ended=_seconds(step.end_time) if step.HasField("end_time") else None,
        attempt=step.attempt,
        note="; ".join(filter(None, notes)),
    )


def _error(step: StepRun) -> str:
    if not step.HasField("error"):
        return ""
    return error_text(step.error.type, first_line(step.error.message, _ERROR_WIDTH))


def _made(step: StepRun) -> str:
    if not step.outputs:
        return ""
    # The name of an unnamed one only says again which step it is of.
    made = [
        f"{output.version.name if output.version.named else output.name} {output.version.version}"
        for output in step.outputs
    ]
    size = sum(output.version.size_bytes for output in step.outputs)
    return f"{', '.join(made)} ({format_bytes(size)})"


def _seconds(stamp: Timestamp) -> float:
    return stamp.ToNanoseconds() / 1e9
