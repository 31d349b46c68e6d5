"""What steps printed, in compressed parts."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, update

from argosy_server.adapters.metadata.connections.session import Insert, Session, upsert
from argosy_server.adapters.metadata.schema.tables import step_logs, step_runs
from argosy_server.domain.errors import RunNotFound
from argosy_server.domain.step_log import LogPart, LogPosition

_FACTS = tuple(column for column in step_logs.c if column.name not in {"project", "step_run_id", "content"})
_OF_STEP = (step_logs.c.project == bindparam("p_project")) & (step_logs.c.step_run_id == bindparam("p_step"))
_OF_ATTEMPT = _OF_STEP & (step_logs.c.attempt == bindparam("p_attempt"))
_THIS = _OF_ATTEMPT & (step_logs.c.batch == bindparam("p_batch"))
_ATTEMPT = select(step_runs.c.attempt, step_runs.c.attempt_token).where(
    step_runs.c.project == bindparam("p_project"), step_runs.c.id == bindparam("p_step")
)
_LAST = select(*_FACTS).where(_OF_ATTEMPT).order_by(step_logs.c.batch.desc()).limit(1)
_CONTENT = select(step_logs.c.content).where(_THIS)
_REPLACE = (
    update(step_logs)
    .where(_THIS)
    .values({column.name: bindparam(column.name) for column in (*_FACTS, step_logs.c.content)})
)
_DROP = delete(step_logs).where(
    _OF_ATTEMPT,
    step_logs.c.start >= bindparam("p_start"),
    step_logs.c.start + step_logs.c.size <= bindparam("p_end"),
)
_FOLLOWING = (
    select(*_FACTS)
    .where(
        _OF_STEP,
        (step_logs.c.attempt > bindparam("p_attempt"))
        | ((step_logs.c.attempt == bindparam("p_attempt")) & (step_logs.c.next_line > bindparam("p_line"))),
    )
    .order_by(step_logs.c.attempt, step_logs.c.batch)
    .limit(bindparam("rows"))
)


@cache
def _insert(dialect: str) -> Insert:
    return upsert(dialect, step_logs).on_conflict_do_nothing()


class SqlLogRepository:
    """The logs of step runs."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session

    def current_attempt(self, project: str, step_run_id: str) -> tuple[int, str]:
        """Return the number and the token of the current attempt, or of the last one."""
        row = self._session.execute(_ATTEMPT, {"p_project": project, "p_step": step_run_id}).one_or_none()
        if row is None:
            raise RunNotFound(
                f"step run {step_run_id} does not exist in project {project!r}", resource=f"step run {step_run_id}"
            )
        return row.attempt, row.attempt_token

    def last(self, project: str, step_run_id: str, attempt: int) -> LogPart | None:
        """Return and lock the last part of an attempt."""
        key = {"p_project": project, "p_step": step_run_id, "p_attempt": attempt}
        row = self._session.execute(self._session.locked(_LAST), key).one_or_none()
        return None if row is None else _part(row)

    def content(self, project: str, step_run_id: str, part: LogPart) -> bytes:
        """Return the content of a part."""
        return bytes(self._session.execute(_CONTENT, _key(project, step_run_id, part)).scalar_one())

    def add(self, project: str, step_run_id: str, part: LogPart, content: bytes) -> None:
        """Insert a part; one that is there already stays as it is."""
        row = {"project": project, "step_run_id": step_run_id, **_facts(part), "content": content}
        self._session.execute(_insert(self._session.dialect), row)

    def replace(self, project: str, step_run_id: str, old: LogPart, part: LogPart, content: bytes) -> None:
        """Put a longer part in the place of one, unless another writer has done so."""
        self._session.execute(_REPLACE, {**_key(project, step_run_id, old), **_facts(part), "content": content})

    def drop_between(self, project: str, step_run_id: str, attempt: int, start: int, end: int) -> None:
        """Remove the parts of an attempt that start at byte ``start`` or later and end at ``end`` or earlier."""
        key = {"p_project": project, "p_step": step_run_id, "p_attempt": attempt}
        self._session.execute(_DROP, {**key, "p_start": start, "p_end": end})

    def following(self, project: str, step_run_id: str, position: LogPosition, limit: int) -> list[LogPart]:
        """Return the parts that have lines behind a position, in order."""
        key = {"p_project": project, "p_step": step_run_id, "p_attempt": position.attempt, "p_line": position.line}
        return [_part(row) for row in self._session.execute(_FOLLOWING, {**key, "rows": limit})]


def _key(project: str, step_run_id: str, part: LogPart) -> dict[str, Any]:
    return {"p_project": project, "p_step": step_run_id, "p_attempt": part.attempt, "p_batch": part.batch}


def _facts(part: LogPart) -> dict[str, Any]:
    return {column.name: getattr(part, column.name) for column in _FACTS}


def _part(row: Row[Any]) -> LogPart:
    return LogPart(**{column.name: getattr(row, column.name) for column in _FACTS})
