"""How the attempt of a step that did not end well is recorded, and whether another one follows."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from argosy.errors import ArgosyError, PreconditionError, RunCancelledError
from argosy.execution.running.active_run import ActiveRun
from argosy.execution.running.held_interrupt import held_interrupt
from argosy.execution.running.program_signals import ProgramTerminated
from argosy.execution.running.step_task import Failed, StepTask
from argosy.v1.pipeline_pb2 import StepRun, StepState


def is_cancelled(error: BaseException) -> bool:
    """Tell whether an exception means that a person stopped the step."""
    return isinstance(error, (KeyboardInterrupt, ProgramTerminated, RunCancelledError))


def end_attempt(run: ActiveRun, task: StepTask, outcome: Failed, *, never_began: bool = False) -> StepRun | None:
    """Record the end of a step; when the store is away the run's lease will end it.

    Args:
        run: the run.
        task: the attempt.
        outcome: how it ended.
        never_began: whether the attempt was only announced; what it loaded and told is that of the one before.

    Returns:
        The step run where it completed after all: a worker may be lost, or given up, in the very moment.
    """
    cancelled = is_cancelled(outcome.error)
    with contextlib.suppress(ArgosyError), held_interrupt():
        try:
            run.pipelines.fail_step(
                task.step_run_id,
                task.attempt_token,
                None if cancelled else outcome.details,
                state=StepState.STEP_STATE_CANCELLED if cancelled else StepState.STEP_STATE_FAILED,
                loaded=() if never_began else outcome.loaded,
                never_began=never_began,
                metadata=outcome.metadata,
            )
        except PreconditionError:
            return _completed(run, task)
    return None


def next_attempt(run: ActiveRun, task: StepTask, outcome: Failed) -> StepTask | StepRun:
    """Record the end of an attempt and begin the next one.

    Returns:
        The task of the next attempt; the step run where it completed after all.

    Raises:
        ArgosyError: the store does not take it: the run was lost, or the store is away.
    """
    try:
        answer = run.pipelines.fail_step(
            task.step_run_id,
            task.attempt_token,
            outcome.details,
            loaded=outcome.loaded,
            retry=True,
            metadata=outcome.metadata,
        )
    except PreconditionError:
        completed = _completed(run, task)
        if completed is None:
            raise
        return completed
    return replace(task, attempt_token=answer.attempt_token, attempt=answer.step_run.attempt)


def _completed(run: ActiveRun, task: StepTask) -> StepRun | None:
    for step in run.pipelines.get_run(task.run_id).steps:
        if step.id == task.step_run_id and step.state == StepState.STEP_STATE_COMPLETED:
            return step
    return None
