"""Runs: created with a lease, renewed, finished, cancelled. A run whose lease expired is abandoned for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from argosy_server.domain.errors import IllegalTransition, InvalidField, LeaseExpired
from argosy_server.domain.identifiers import new_id
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import Run, RunError, RunState, StepRun, StepState, check_run_transition
from argosy_server.usecases.ports import Transaction

UNFINISHED_STEPS = frozenset({StepState.RUNNING, StepState.ABANDONED})
FAILED_STEPS = frozenset({StepState.FAILED, StepState.CANCELLED, StepState.SKIPPED})
FINAL_RUN_STATES = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED})


def create_run(
    tx: Transaction, limits: Limits, project: str, pipeline_name: str, name: str, parameters: Mapping[str, str]
) -> Run:
    """Start a run; without a name it gets one of pipeline, time and a few random characters.

    Raises:
        RunExists: a run of this name exists that was not abandoned.
    """
    name = name or f"{pipeline_name[:200]}-{tx.now():%Y_%m_%d-%H_%M_%S}-{new_id()[:6]}"
    run = tx.runs.add(project, pipeline_name, name, parameters, limits.run_lease)
    tx.events.append(project, "run_started", {"id": run.id, "name": run.name, "pipeline": pipeline_name})
    return run


def renew_run(tx: Transaction, limits: Limits, project: str, run_id: str) -> Run:
    """Extend the lease of a run.

    Raises:
        RunNotFound: no such run.
        LeaseExpired: the run is abandoned.
        IllegalTransition: the run has ended.
    """
    return tx.runs.renew(running(tx.runs.get(project, run_id)), limits.run_lease)


def finish_run(
    tx: Transaction,
    project: str,
    run_id: str,
    state: RunState,
    error: RunError | None,
    skipped: Sequence[tuple[str, str]],
) -> Run:
    """End a run and record the steps (invocation, step) that never started.

    Raises:
        InvalidField: ``state`` is not final.
        RunNotFound: no such run.
        LeaseExpired: the run is abandoned.
        IllegalTransition: the run has ended, a step still runs, or it cannot be COMPLETED with failed steps.
    """
    if state not in FINAL_RUN_STATES:
        raise InvalidField("state", f"{state.value} does not end a run; use completed, failed or cancelled")
    run = running(tx.runs.get(project, run_id, steps=True))
    check_run_transition(run, state)
    _check_steps(run, state, skipped)
    for invocation, step_name in skipped:
        step = StepRun(id=new_id(), run_id=run.id, invocation=invocation, step_name=step_name, state=StepState.SKIPPED)
        tx.runs.add_step(run, step, [])
    run = tx.runs.finish(run, state, error)
    facts = {"id": run.id, "name": run.name, "pipeline": run.pipeline_name, "state": state.value}
    tx.events.append(project, "run_finished", facts)
    return run


def cancel_run(tx: Transaction, project: str, run_id: str) -> Run:
    """Ask a run to stop.

    Raises:
        RunNotFound: no such run.
        IllegalTransition: the run has ended or is abandoned.
    """
    run = tx.runs.get(project, run_id)
    check_run_transition(run, RunState.CANCELLED)
    tx.events.append(project, "run_cancel_requested", {"id": run.id, "name": run.name})
    return tx.runs.request_cancel(run)


def running(run: Run) -> Run:
    """Return the run if it is alive.

    Raises:
        LeaseExpired: it is abandoned.
        IllegalTransition: it has ended.
    """
    if run.state is RunState.ABANDONED:
        raise LeaseExpired(
            f"the lease of run {run.name!r} expired at {run.lease_expires_at:%H:%M:%S} UTC; it is abandoned",
            resource=f"run {run.id}",
        )
    if run.state is not RunState.RUNNING:
        raise IllegalTransition(
            f"run {run.name!r} is {run.state.value}", resource=f"run {run.id}", state=run.state.value
        )
    return run


def _check_steps(run: Run, state: RunState, skipped: Sequence[tuple[str, str]]) -> None:
    for step in run.steps:
        if step.state in UNFINISHED_STEPS:
            raise IllegalTransition(
                f"step {step.invocation!r} of run {run.name!r} still runs; end it first", resource=f"run {run.id}"
            )
        if state is RunState.COMPLETED and step.state in FAILED_STEPS:
            raise IllegalTransition(
                f"step {step.invocation!r} of run {run.name!r} is {step.state.value}; the run did not complete",
                resource=f"run {run.id}",
            )
    if state is RunState.COMPLETED and skipped:
        raise InvalidField("skipped", "a completed run has no skipped steps")
