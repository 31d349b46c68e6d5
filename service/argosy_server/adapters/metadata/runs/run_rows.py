"""Rows of runs and step runs, read with what time has made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select

from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.rows.texts import load_entry_point, load_error, load_mapping, load_texts
from argosy_server.adapters.metadata.rows.times import moment, optional_moment
from argosy_server.adapters.metadata.schema.tables import runs
from argosy_server.domain.pipeline import Run, RunState, StepRun, StepState

_RUNS = select(runs).where(runs.c.project == bindparam("project"), runs.c.id.in_(bindparam("ids", expanding=True)))


def run_state(stored: str, lease_expires_at: int, now: int) -> RunState:
    """Return the state of a run: a running one whose lease has expired is abandoned."""
    state = RunState(stored)
    return RunState.ABANDONED if state is RunState.RUNNING and lease_expires_at < now else state


def to_run(row: Row[Any], now: int, steps: tuple[StepRun, ...] = ()) -> Run:
    """Return the run of a row of ``runs``."""
    state = run_state(row.state, row.lease_expires_at, now)
    # An abandoned run ended when its lease did, whether or not somebody has written that down.
    ended_at = row.lease_expires_at if state is RunState.ABANDONED else row.ended_at
    return Run(
        id=row.id,
        project=row.project,
        pipeline_name=row.pipeline_name,
        name=row.name,
        state=state,
        parameters=load_mapping(row.parameters),
        error=load_error(row.error),
        created_at=moment(row.created_at),
        ended_at=optional_moment(ended_at),
        lease_expires_at=moment(row.lease_expires_at),
        cancel_requested=row.cancel_requested,
        steps=steps,
        driver_token=row.driver_token,
        epoch=row.epoch,
        entry_point=load_entry_point(row.entry_point),
        resumed_at=optional_moment(row.resumed_at),
    )


def to_step(row: Row[Any], run: Run) -> StepRun:
    """Return the step run of a row of ``step_runs``, without inputs and outputs."""
    state = StepState(row.state)
    ended_at = optional_moment(row.ended_at)
    if state is StepState.RUNNING and run.state is RunState.ABANDONED:
        state, ended_at = StepState.ABANDONED, run.ended_at
    return StepRun(
        id=row.id,
        run_id=row.run_id,
        invocation=row.invocation,
        step_name=row.step_name,
        state=state,
        attempt_token=row.attempt_token,
        parameters=load_mapping(row.parameters),
        cache_key=row.cache_key,
        cache_key_parts=load_mapping(row.cache_key_parts),
        cached_from=row.cached_from,
        cache_miss=load_texts(row.cache_miss),
        error=load_error(row.error),
        started_at=moment(row.started_at),
        ended_at=ended_at,
        attempt=row.attempt,
        epoch=row.epoch,
        metadata=load_mapping(row.metadata),
        upstream=load_texts(row.upstream),
        evicted_at=optional_moment(row.evicted_at),
    )


def steps_of(session: Session, project: str, rows: Sequence[Row[Any]]) -> list[StepRun]:
    """Return the step runs of rows of ``step_runs``, of whichever runs, without inputs and outputs."""
    if not rows:
        return []
    now = session.now()
    ids = sorted({row.run_id for row in rows})
    found = {row.id: to_run(row, now) for row in session.execute(_RUNS, {"project": project, "ids": ids})}
    return [to_step(row, found[row.run_id]) for row in rows]
