"""Ending a step, or an attempt of it.

The outputs, the state and the lineage of a step that returned become visible together or not at all. An attempt that
failed may be followed by another one: the step goes on running under a new token, and keeps its reservation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

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
from argosy_server.usecases.artifacts.create_version import Save, insert_versions
from argosy_server.usecases.blobs.staging import StagedFile
from argosy_server.usecases.ports import Transaction
from argosy_server.usecases.runs.track_runs import running, step_changed

NO_METADATA: Mapping[str, str] = MappingProxyType({})
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
    metadata: Mapping[str, str] = NO_METADATA,
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
    if outputs:
        tx.artifacts.take_turn(project, [output.spec.name for output in outputs])
    run, step = _current_attempt(tx, project, step_run_id, attempt_token, StepState.COMPLETED)
    names = [output.name for output in outputs]
    if len(set(names)) < len(names):
        raise InvalidField("outputs.name", f"{', '.join(names)}: an output stands twice; each name is one output")
    saves = [_save_of(run, step, output) for output in outputs]
    versions = insert_versions(tx, limits, project, saves) if saves else []
    made = [StepOutput(name, version) for name, version in zip(names, versions, strict=True)]
    tx.runs.add_outputs(project, step, [(output.name, output.version.id) for output in made])
    tx.runs.add_loaded(project, step, loaded)
    _end(tx, run, step, StepState.COMPLETED, None, metadata)
    return replace(tx.runs.load_step(project, step.id), outputs=tuple(made))


def fail_step(
    tx: Transaction,
    project: str,
    step_run_id: str,
    attempt_token: str,
    state: StepState,
    error: RunError | None,
    loaded: Sequence[LoadedInput],
    metadata: Mapping[str, str] = NO_METADATA,
    *,
    retry: bool = False,
    never_began: bool = False,
) -> StepRun:
    """End a step that raised or was stopped, or with ``retry`` only its attempt; what its code saved stays.

    With ``never_began`` the attempt does not count: the step ends in the one before, with the error of that.

    Raises:
        InvalidField: ``state`` is neither FAILED nor CANCELLED, or is not FAILED although another attempt follows; or
            the attempt that never began follows none, or shall be followed by one, or has loaded something.
        RunNotFound: no such step run.
        LeaseExpired: the run is abandoned.
        Superseded: the attempt token is not the current one.
        IllegalTransition: the step does not run.
    """
    if state not in FAILED_STATES:
        raise InvalidField("state", f"{state.value} is no failure; use failed or cancelled")
    if retry and state is not StepState.FAILED:
        raise InvalidField("retry", f"a step that is {state.value} is not tried again; leave it out, or use failed")
    if never_began and (retry or loaded):
        raise InvalidField(
            "never_began", "an attempt that never began loads nothing, and none follows it; leave it out"
        )
    run, step = _current_attempt(tx, project, step_run_id, attempt_token, state)
    if never_began:
        step, error = _attempt_before(tx, run, step, error)
    tx.runs.add_loaded(project, step, loaded)
    if retry:
        tx.runs.retry_step(run, step, error, metadata)
        step_changed(tx, run, step)
    else:
        _end(tx, run, step, state, error, metadata)
    return tx.runs.load_step(project, step.id)


def _save_of(run: Run, step: StepRun, output: NewOutput) -> Save:
    producer = Producer(run.id, step.id, run.pipeline_name, step.invocation, output.name, step.attempt)
    spec = replace(output.spec, kind=ArtifactKind.STEP_OUTPUT, step_run_id=step.id)
    return Save(spec, output.staged, producer)


def _attempt_before(
    tx: Transaction, run: Run, step: StepRun, error: RunError | None
) -> tuple[StepRun, RunError | None]:
    before = tx.runs.take_back_attempt(run, step)
    if before is None:
        raise InvalidField("never_began", f"step {step.invocation!r} is in its first attempt; leave it out")
    return before, error or before.error


def _end(
    tx: Transaction, run: Run, step: StepRun, state: StepState, error: RunError | None, metadata: Mapping[str, str]
) -> None:
    tx.runs.end_step(run.project, step, state, error, metadata)
    if step.cache_key:
        tx.reservations.release(run.project, [step.id])
    step_changed(tx, run, step)


def _current_attempt(
    tx: Transaction, project: str, step_run_id: str, attempt_token: str, target: StepState
) -> tuple[Run, StepRun]:
    run, step = tx.runs.get_step(project, step_run_id)
    if attempt_token != step.attempt_token:
        raise Superseded(f"another attempt of step {step.invocation!r} took over", resource=f"step run {step.id}")
    running(run)
    check_step_transition(step, target)
    return run, step
