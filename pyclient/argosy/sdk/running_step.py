"""``current_step``: what code inside a step may ask about the run it is part of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from argosy.execution import context


@dataclass(frozen=True)
class RunningStep:
    """The step whose code is being executed.

    Attributes:
        run_id: the pipeline run; ``argosy.Client().get_run(run_id)`` has its name and the steps before.
        step_run_id: this step's part of it.
        pipeline: the pipeline's name.
        name: the step's name.
        invocation: what this call of the step is called in the run: ``fit``, ``fit_2``, ….
        attempt: 1 unless it is tried again.
        outputs: output -> the artifact it will be kept as.
    """

    run_id: str
    step_run_id: str
    pipeline: str
    name: str
    invocation: str
    attempt: int
    outputs: Mapping[str, str]


def current_step() -> RunningStep | None:
    """Return the step that is running here, ``None`` outside of one and where a step is called as a function.

    Threads that a step starts are part of it.
    """
    step = context.current_step()
    if step is None:
        return None
    return RunningStep(
        run_id=step.run_id,
        step_run_id=step.step_run_id,
        pipeline=step.pipeline_name,
        name=step.step_name,
        invocation=step.invocation,
        attempt=step.attempt,
        outputs=MappingProxyType(dict(step.outputs)),
    )
