"""Runs: created with a lease, renewed, finished, cancelled, resumed.

A run whose lease expired is abandoned. One that did not complete can be resumed, which gives it a new lease and a new
driver token: whoever ran it before is refused from then on, and so are the attempts of steps it left running. The steps
that completed stay as they are; ``start_step`` lets the others start again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from argosy_server.domain.errors import IllegalTransition, InvalidField, LeaseExpired, Superseded
from argosy_server.domain.identifiers import new_id
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import (
    EntryPoint,
    Run,
    RunError,
    RunState,
    StepRun,
    StepState,
    check_restart,
    check_run_transition,
)
from argosy_server.usecases.ports import Transaction

FAILED_STEPS = frozenset({StepState.FAILED, StepState.CANCELLED, StepState.SKIPPED})
FINAL_RUN_STATES = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED})


@dataclass(frozen=True)
class SkippedStep:
    """A step that never started."""

    invocation: str
    step_name: str
    upstream: tuple[str, ...] = ()


def create_run(
    tx: Transaction,
    limits: Limits,
    project: str,
    pipeline_name: str,
    name: str,
    parameters: Mapping[str, str],
    entry_point: EntryPoint | None = None,
) -> Run:
    """Start a run; without a name it gets one of pipeline, time and a few random characters.

    Raises:
        RunExists: a run of this name exists that was not abandoned.
    """
    name = name or f"{pipeline_name[:200]}-{tx.now():%Y_%m_%d-%H_%M_%S}-{new_id()[:6]}"
    run = tx.runs.add(project, pipeline_name, name, parameters, limits.run_lease, entry_point)
    run_changed(tx, run)
    return run


def renew_run(tx: Transaction, limits: Limits, project: str, run_id: str, driver_token: str = "") -> Run:
    """Extend the lease of a run.

    Raises:
        RunNotFound: no such run.
        LeaseExpired: the run is abandoned.
        Superseded: the run was resumed by another runner.
        IllegalTransition: the run has ended.
    """
    return tx.runs.renew(driven(tx.runs.get(project, run_id), driver_token), limits.run_lease)


def finish_run(
    tx: Transaction,
    project: str,
    run_id: str,
    state: RunState,
    error: RunError | None,
    skipped: Sequence[SkippedStep],
    driver_token: str = "",
) -> Run:
    """End a run and record the steps that never started.

    Of a run that was resumed only the steps count that started since: one that failed before and is no part of the
    pipeline any more keeps nobody from completing it.

    Raises:
        InvalidField: ``state`` is not final.
        RunNotFound: no such run.
        LeaseExpired: the run is abandoned.
        Superseded: the run was resumed by another runner.
        IllegalTransition: the run has ended, a step still runs, or it cannot be COMPLETED with failed steps.
    """
    if state not in FINAL_RUN_STATES:
        raise InvalidField("state", f"{state.value} does not end a run; use completed, failed or cancelled")
    run = driven(tx.runs.get(project, run_id, steps=True), driver_token)
    check_run_transition(run, state)
    _check_steps(run, state, skipped)
    known = {step.invocation: step for step in run.steps}
    for step in skipped:
        if step.invocation in known:
            # It did not start again since the run was resumed, so it stays what it was.
            check_restart(run, known[step.invocation])
        else:
            _add_skipped(tx, run, step)
    run = tx.runs.finish(run, state, error)
    run_changed(tx, run)
    return run


def cancel_run(tx: Transaction, project: str, run_id: str) -> Run:
    """Ask a run to stop.

    Raises:
        RunNotFound: no such run.
        IllegalTransition: the run has ended or is abandoned.
    """
    run = tx.runs.get(project, run_id)
    check_run_transition(run, RunState.CANCELLED)
    run_changed(tx, run)
    return tx.runs.request_cancel(run)


def resume_run(tx: Transaction, limits: Limits, project: str, run_id: str) -> Run:
    """Take a run over that failed, was cancelled or abandoned; returns it with its steps.

    Raises:
        RunNotFound: no such run.
        IllegalTransition: it is running, or has completed; of two that try at once the second hears this.
        RunExists: it was abandoned, and another run has its name now.
    """
    run = tx.runs.get(project, run_id, steps=True)
    if run.state is RunState.RUNNING:
        since = (
            f"another runner resumed it at {run.resumed_at:%H:%M:%S} UTC"
            if run.resumed_at
            else "its runner is alive as far as is known"
        )
        raise IllegalTransition(
            f"run {run.name!r} is running: {since}, with a lease until {run.lease_expires_at:%H:%M:%S} UTC; "
            "only a run that failed, was cancelled or abandoned can be resumed. When its process was killed, wait "
            "until then: the run is abandoned if nobody renews the lease",
            resource=f"run {run.id}",
            state=run.state.value,
            epoch=run.epoch,
        )
    if run.state is RunState.COMPLETED:
        raise IllegalTransition(
            f"run {run.name!r} has completed: nothing is left to resume; call the pipeline for a new run",
            resource=f"run {run.id}",
            state=run.state.value,
        )
    check_run_transition(run, RunState.RUNNING)
    tx.reservations.release(project, [step.id for step in run.steps if step.state is StepState.ABANDONED])
    resumed = tx.runs.resume(run, limits.run_lease)
    run_changed(tx, resumed)
    return resumed


def run_changed(tx: Transaction, run: Run) -> None:
    """Write the event that tells watchers to look at a run again."""
    tx.events.append(run.project, "run_changed", {"run": run.id})


def step_changed(tx: Transaction, run: Run, step: StepRun) -> None:
    """Write the event that tells watchers to look at a step run again."""
    tx.events.append(run.project, "step_changed", {"run": run.id, "step_run": step.id})


def driven(run: Run, driver_token: str) -> Run:
    """Return the run if it is alive and this is its runner; one that sends no token is trusted.

    Raises:
        Superseded: the run was resumed by another runner.
        LeaseExpired: it is abandoned.
        IllegalTransition: it has ended.
    """
    if driver_token and driver_token != run.driver_token:
        when = f" at {run.resumed_at:%H:%M:%S} UTC" if run.resumed_at else ""
        raise Superseded(
            f"run {run.name!r} was resumed by another runner{when}, which has it now; this one must stop",
            resource=f"run {run.id}",
            epoch=run.epoch,
        )
    return running(run)


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


def _add_skipped(tx: Transaction, run: Run, skipped: SkippedStep) -> None:
    step = StepRun(
        id=new_id(),
        run_id=run.id,
        invocation=skipped.invocation,
        step_name=skipped.step_name,
        state=StepState.SKIPPED,
        attempt=0,
        upstream=skipped.upstream,
    )
    tx.runs.add_step(run, step, [])
    step_changed(tx, run, step)


def _check_steps(run: Run, state: RunState, skipped: Sequence[SkippedStep]) -> None:
    for step in run.steps:
        if step.state is StepState.RUNNING:
            raise IllegalTransition(
                f"step {step.invocation!r} of run {run.name!r} still runs; end it first", resource=f"run {run.id}"
            )
        if state is RunState.COMPLETED and step.state in FAILED_STEPS and step.epoch == run.epoch:
            raise IllegalTransition(
                f"step {step.invocation!r} of run {run.name!r} is {step.state.value}; the run did not complete",
                resource=f"run {run.id}",
            )
    if state is RunState.COMPLETED and skipped:
        raise InvalidField("skipped", "a completed run has no skipped steps")
