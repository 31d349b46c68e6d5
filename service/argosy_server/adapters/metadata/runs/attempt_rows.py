"""Attempts of step runs that were followed by another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from argosy_server.adapters.metadata.connections.session import Session, batches
from argosy_server.adapters.metadata.rows.texts import dump_error, load_error
from argosy_server.adapters.metadata.rows.times import microseconds, moment
from argosy_server.adapters.metadata.schema.tables import step_attempts
from argosy_server.domain.pipeline import RunError, StepAttempt, StepRun

_INSERT = step_attempts.insert()
_TAKE_BACK = (
    delete(step_attempts)
    .where(
        step_attempts.c.project == bindparam("p_project"),
        step_attempts.c.step_run_id == bindparam("p_id"),
        step_attempts.c.attempt == bindparam("p_attempt"),
    )
    .returning(step_attempts.c.attempt, step_attempts.c.error, step_attempts.c.started_at)
)
_OF_STEPS = (
    select(step_attempts)
    .where(
        step_attempts.c.project == bindparam("project"),
        step_attempts.c.step_run_id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(step_attempts.c.attempt)
)


def keep_attempt(session: Session, project: str, step: StepRun, error: RunError | None, ended_at: datetime) -> None:
    """Record that the attempt of a step run now is over and another one follows."""
    assert step.started_at is not None
    session.execute(
        _INSERT,
        {
            "project": project,
            "step_run_id": step.id,
            "attempt": step.attempt,
            "error": dump_error(error),
            "started_at": microseconds(step.started_at),
            "ended_at": microseconds(ended_at),
        },
    )


def take_back(session: Session, project: str, step: StepRun) -> StepRun | None:
    """Return a step run as it was in the attempt before, which is no longer one of the past; ``None`` without one."""
    key = {"p_project": project, "p_id": step.id, "p_attempt": step.attempt - 1}
    row = session.execute(_TAKE_BACK, key).one_or_none()
    if row is None:
        return None
    return replace(step, attempt=row.attempt, error=load_error(row.error), started_at=moment(row.started_at))


def with_attempts(session: Session, project: str, steps: Sequence[StepRun]) -> list[StepRun]:
    """Return step runs with the attempts before their current or last one."""
    # Most have none, and then nothing is asked.
    found: dict[str, list[StepAttempt]] = {step.id: [] for step in steps if step.attempt > 1}
    for part in batches(list(found)):
        for row in session.execute(_OF_STEPS, {"project": project, "ids": part}):
            attempt = StepAttempt(row.attempt, load_error(row.error), moment(row.started_at), moment(row.ended_at))
            found[row.step_run_id].append(attempt)
    return [replace(step, attempts=tuple(found[step.id])) if found.get(step.id) else step for step in steps]
