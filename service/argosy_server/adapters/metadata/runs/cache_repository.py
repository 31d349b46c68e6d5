"""Completed step runs with a cache key: found for reuse, listed, evicted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Result, bindparam, exists, func, literal_column, select, update

from argosy_server.adapters.metadata.connections.session import Session, batches
from argosy_server.adapters.metadata.rows.page_cut import after, fetch
from argosy_server.adapters.metadata.rows.times import microseconds
from argosy_server.adapters.metadata.runs.run_rows import steps_of
from argosy_server.adapters.metadata.schema.tables import KEYED, REUSABLE, runs, step_runs, step_versions, versions
from argosy_server.domain.paging import Page, PageRequest
from argosy_server.domain.pipeline import StepRun
from argosy_server.usecases.ports.cache_repository import CacheEntry, EntryFilter

_OF_PROJECT = step_runs.c.project == bindparam("project")
_KEPT = step_runs.c.evicted_at.is_(None)
_OF_KEY = select(step_runs).where(_OF_PROJECT, step_runs.c.cache_key == bindparam("cache_key"), REUSABLE)
_CANDIDATES = (
    _OF_KEY.where(_KEPT, step_runs.c.ended_at >= bindparam("ended_since"))
    .order_by(step_runs.c.seq.desc())
    .limit(bindparam("rows"))
)
_NEWEST = _OF_KEY.order_by(step_runs.c.evicted_at.is_not(None), step_runs.c.seq.desc()).limit(1)
_PREVIOUS = (
    select(step_runs)
    .where(
        _OF_PROJECT,
        step_runs.c.pipeline_name == bindparam("pipeline_name"),
        step_runs.c.step_name == bindparam("step_name"),
        step_runs.c.run_id != bindparam("run_id"),
        step_runs.c.ended_at <= bindparam("started_at"),
        KEYED,
    )
    .order_by(step_runs.c.seq.desc())
    .limit(1)
)
_PREVIOUS_INVOCATION = _PREVIOUS.where(step_runs.c.invocation == bindparam("invocation"))
_PREVIOUS_OF_KEY = (
    _OF_KEY.where(step_runs.c.id != bindparam("id"), step_runs.c.ended_at <= bindparam("started_at"))
    .order_by(step_runs.c.seq.desc())
    .limit(1)
)
_BY_ID = select(step_runs).where(_OF_PROJECT, step_runs.c.id == bindparam("id"))
_MADE = (
    (step_versions.c.project == step_runs.c.project)
    & (step_versions.c.step_run_id == step_runs.c.id)
    & (versions.c.project == step_versions.c.project)
    & (versions.c.id == step_versions.c.version_id)
)
_LOST = exists().where(
    _MADE,
    versions.c.deleted_at.is_not(None),
    (step_versions.c.role == "output")
    | ((step_versions.c.role == "saved") & (step_versions.c.attempt == step_runs.c.attempt)),
)
_TAKER = step_runs.alias("taker")
# Written as in the condition of the index, which is not used otherwise.
_HITS = select(func.count()).where(
    _TAKER.c.project == step_runs.c.project,
    _TAKER.c.cached_from == step_runs.c.id,
    _TAKER.c.cached_from != literal_column("''"),
)
_SIZE = select(func.coalesce(func.sum(versions.c.size), 0)).where(_MADE, step_versions.c.role == "output")
_RUN_NAME = select(runs.c.name).where(runs.c.project == step_runs.c.project, runs.c.id == step_runs.c.run_id)
# Nothing is joined: the condition REUSABLE names columns without their table.
_ENTRIES = (
    select(
        step_runs,
        _RUN_NAME.scalar_subquery().label("run_name"),
        _HITS.scalar_subquery().label("hit_count"),
        _SIZE.scalar_subquery().label("size"),
    )
    .where(_OF_PROJECT, REUSABLE, _KEPT, ~_LOST)
    .order_by(step_runs.c.seq.desc())
)


class SqlCacheRepository:
    """Completed step runs with a cache key."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session

    def candidates(self, project: str, cache_key: str, limit: int, ended_since: datetime | None) -> list[StepRun]:
        """Return the newest that have this key and were not evicted, newest first."""
        since = 0 if ended_since is None else microseconds(ended_since)
        key = {"project": project, "cache_key": cache_key, "rows": limit, "ended_since": since}
        return steps_of(self._session, project, list(self._session.execute(_CANDIDATES, key)))

    def newest(self, project: str, cache_key: str) -> StepRun | None:
        """Return the newest that has this key and was not evicted, or else the newest that was."""
        return self._one(project, self._session.execute(_NEWEST, {"project": project, "cache_key": cache_key}))

    def previous_step(self, project: str, pipeline_name: str, step: StepRun) -> StepRun | None:
        """Return the newest of an earlier run of the same pipeline that ended before the step started."""
        key = {
            "project": project,
            "pipeline_name": pipeline_name,
            "step_name": step.step_name,
            "run_id": step.run_id,
            "started_at": self._session.now() if step.started_at is None else microseconds(step.started_at),
        }
        found = self._one(project, self._session.execute(_PREVIOUS_INVOCATION, {**key, "invocation": step.invocation}))
        return found or self._one(project, self._session.execute(_PREVIOUS, key))

    def previous_of_key(self, project: str, step: StepRun) -> StepRun | None:
        """Return the newest with the key of the step that ended before the step started, evicted or not."""
        key = {
            "project": project,
            "cache_key": step.cache_key,
            "id": step.id,
            "started_at": self._session.now() if step.started_at is None else microseconds(step.started_at),
        }
        return self._one(project, self._session.execute(_PREVIOUS_OF_KEY, key))

    def source_of(self, project: str, step: StepRun) -> StepRun | None:
        """Return the step run a cached one took its outputs from."""
        return self._one(project, self._session.execute(_BY_ID, {"project": project, "id": step.cached_from}))

    def list_entries(self, project: str, entries: EntryFilter, page: PageRequest) -> Page[CacheEntry]:
        """Return those that may be reused, newest first."""
        statement = _ENTRIES.where(*_conditions(entries))
        if (start := after(page, int)) is not None:
            statement = statement.where(step_runs.c.seq < start)
        rows, last = fetch(
            self._session, statement, {"project": project}, page.size, lambda row: (row.seq,), lambda _: ()
        )
        steps = steps_of(self._session, project, rows)
        return Page(
            [
                CacheEntry(step, row.run_name, row.pipeline_name, row.hit_count, int(row.size))
                for step, row in zip(steps, rows, strict=True)
            ],
            last,
        )

    def evict(self, project: str, entries: EntryFilter) -> int:
        """Let those of the entries be reused no more, and return how many."""
        parts = batches(entries.step_run_ids) if entries.step_run_ids else [()]
        return sum(self._evict(project, replace(entries, step_run_ids=tuple(part))) for part in parts)

    def _evict(self, project: str, entries: EntryFilter) -> int:
        statement = update(step_runs).where(
            step_runs.c.project == bindparam("p_project"), REUSABLE, _KEPT, ~_LOST, *_conditions(entries)
        )
        statement = statement.values(evicted_at=bindparam("now"))
        return self._session.execute(statement, {"p_project": project, "now": self._session.now()}).rowcount

    def _one(self, project: str, result: Result[Any]) -> StepRun | None:
        row = result.one_or_none()
        return None if row is None else steps_of(self._session, project, [row])[0]


def _conditions(entries: EntryFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if entries.step_run_ids:
        conditions.append(step_runs.c.id.in_(entries.step_run_ids))
    if entries.step_name:
        conditions.append(step_runs.c.step_name == entries.step_name)
    if entries.pipeline_name:
        conditions.append(step_runs.c.pipeline_name == entries.pipeline_name)
    if entries.ended_before is not None:
        conditions.append(step_runs.c.ended_at < microseconds(entries.ended_before))
    return conditions
