"""What is drawn of a run: a box for each step, an arrow from each step to those that wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argosy.execution.views.amounts import format_seconds
from argosy.execution.views.drawing import Arrow, Box, Drawing
from argosy.execution.views.recorded_rows import recorded_states

if TYPE_CHECKING:
    from argosy.execution.views.run_rows import StepState
    from argosy.v1.pipeline_pb2 import Run, StepRun

_KINDS = frozenset({"completed", "cached", "running", "failed"})


def draw_run(run: Run) -> Drawing:
    """Return what is drawn; an arrow is named by the inputs that came along it, and dashed where none did."""
    states = recorded_states(run)
    position = {step.invocation: number for number, step in enumerate(run.steps)}
    boxes = tuple(_box(step.invocation, states[step.invocation]) for step in run.steps)
    made = {step.invocation: {output.version.id for output in step.outputs} for step in run.steps}
    arrows = tuple(
        _arrow(position[earlier], position[step.invocation], step, made[earlier])
        for step in run.steps
        for earlier in step.upstream
        if earlier in position
    )
    return Drawing(boxes, arrows)


def _box(invocation: str, state: StepState) -> Box:
    seconds = format_seconds(state.ended - state.began) if state.began is not None and state.ended is not None else ""
    again = f"attempt {state.attempt}" if state.attempt > 1 else ""
    detail = ", ".join(filter(None, [state.status, again, seconds]))
    return Box(state.status if state.status in _KINDS else "waiting", invocation, detail)


def _arrow(start: int, end: int, step: StepRun, made: set[str]) -> Arrow:
    names = [item.name for item in step.inputs if any(version.id in made for version in item.versions)]
    return Arrow(start, end, ", ".join(names), "solid" if names else "dashed")
