"""Ending a step: its outputs, its state and its lineage become visible together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from argosy_server.domain.artifact import ArtifactKind, ArtifactSpec, Producer
from argosy_server.domain.errors import InvalidField, Superseded
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import (
    LoadedInput,
    Run,
    RunError,
    StepOutput,
    StepRun,
    StepState,
    check_step_transition,
)
from argosy_server.usecases.create_version import insert_version
from argosy_server.usecases.ports import Transaction
from argosy_server.usecases.staging import StagedFile
from argosy_server.usecases.track_runs import running

FAILED_STATES = frozenset({StepState.FAILED, StepState.CANCELLED})


@dataclass(frozen=True)
class NewOutput:
    """One output a step returned, its bytes staged."""

    name: str
    spec: ArtifactSpec
    staged: Sequence[StagedFile]


def complete_step(
    tx: Transaction,
    limits: Limits,
    project: str,
    step_run_id: str,
    attempt_token: str,
    outputs: Sequence[NewOutput],
    loaded: Sequence[LoadedInput],
) -> StepRun:
    """End a step that returned; the versions of its outputs are in the answer, with files.

    Raises:
        InvalidField: two outputs have the same name.
        RunNotFound: no such step run.
        LeaseExpired: the run is abandoned.
        Superseded: the attempt token is not the current one.
        IllegalTransition: the step does not run.
        DomainError: as ``create_version`` for each output.
    """
    run, step = _current_attempt(tx, project, step_run_id, attempt_token, StepState.COMPLETED)
    names = [output.name for output in outputs]
    if len(set(names)) < len(names):
        raise InvalidField("outputs.name", f"{', '.join(names)}: an output stands twice; each name is one output")
    made: list[StepOutput] = []
    for output in outputs:
        producer = Producer(run.id, step.id, run.pipeline_name, step.invocation, output.name)
        spec = replace(output.spec, kind=ArtifactKind.STEP_OUTPUT, step_run_id=step.id)
        version = insert_version(tx, limits, project, spec, output.staged, producer)
        made.append(StepOutput(output.name, version))
    tx.runs.add_outputs(step, [(output.name, output.version.id) for output in made])
    tx.runs.add_loaded(step, loaded)
    tx.runs.end_step(step, StepState.COMPLETED, None)
    return replace(tx.runs.load_step(project, step.id), outputs=tuple(made))


def fail_step(
    tx: Transaction,
    project: str,
    step_run_id: str,
    attempt_token: str,
    state: StepState,
    error: RunError | None,
    loaded: Sequence[LoadedInput],
) -> StepRun:
    """End a step that raised or was stopped; what its code saved stays.

    Raises:
        InvalidField: ``state`` is neither FAILED nor CANCELLED.
        RunNotFound: no such step run.
        LeaseExpired: the run is abandoned.
        Superseded: the attempt token is not the current one.
        IllegalTransition: the step does not run.
    """
    if state not in FAILED_STATES:
        raise InvalidField("state", f"{state.value} is no failure; use failed or cancelled")
    _, step = _current_attempt(tx, project, step_run_id, attempt_token, state)
    tx.runs.add_loaded(step, loaded)
    tx.runs.end_step(step, state, error)
    return tx.runs.load_step(project, step.id)


def _current_attempt(
    tx: Transaction, project: str, step_run_id: str, attempt_token: str, target: StepState
) -> tuple[Run, StepRun]:
    run, step = tx.runs.get_step(project, step_run_id)
    if attempt_token != step.attempt_token:
        raise Superseded(f"another attempt of step {step.invocation!r} took over", resource=f"step run {step.id}")
    running(run)
    check_step_transition(step, target)
    return run, step
