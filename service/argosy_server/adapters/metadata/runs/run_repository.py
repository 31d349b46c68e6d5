"""Runs: created, renewed, ended, found and listed. Their steps lie beside."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from argosy_server.adapters.metadata.connections.session import Insert, upsert
from argosy_server.adapters.metadata.rows.page_cut import after, fetch
from argosy_server.adapters.metadata.rows.texts import dump, dump_entry_point, dump_error
from argosy_server.adapters.metadata.runs.attempt_repository import SqlAttemptRepository
from argosy_server.adapters.metadata.runs.run_rows import to_run
from argosy_server.adapters.metadata.schema.error_translation import has_moved
from argosy_server.adapters.metadata.schema.tables import runs
from argosy_server.domain.errors import IllegalTransition, RunExists, RunNotFound
from argosy_server.domain.identifiers import is_id, new_id
from argosy_server.domain.paging import Page, PageRequest
from argosy_server.domain.pipeline import EntryPoint, PipelineSummary, Run, RunError, RunState

_RUNNING = runs.c.state == RunState.RUNNING.value
_EXPIRED = runs.c.lease_expires_at < bindparam("now")
_BY_ID = select(runs).where(runs.c.project == bindparam("project"), runs.c.id == bindparam("run"))
_BY_NAME = (
    select(runs)
    .where(runs.c.project == bindparam("project"), runs.c.name == bindparam("run"))
    .order_by(runs.c.seq.desc())
    .limit(1)
)
_GIVE_UP = (
    update(runs)
    .where(runs.c.project == bindparam("p_project"), runs.c.name == bindparam("p_name"), _RUNNING, _EXPIRED)
    .values(state=RunState.ABANDONED.value, ended_at=runs.c.lease_expires_at)
)
_THIS = (runs.c.project == bindparam("p_project")) & (runs.c.id == bindparam("p_id"))
_RENEW = update(runs).where(_THIS, _RUNNING).values(lease_expires_at=bindparam("until"))
_CANCEL = update(runs).where(_THIS, _RUNNING).values(cancel_requested=True)
_FINISH = (
    update(runs)
    .where(_THIS, _RUNNING)
    .values(state=bindparam("new_state"), error=bindparam("new_error"), ended_at=bindparam("now"))
)
_RESUME = (
    update(runs)
    .where(_THIS)
    .values(
        state=RunState.RUNNING.value,
        error=None,
        ended_at=None,
        cancel_requested=False,
        epoch=runs.c.epoch + 1,
        driver_token=bindparam("new_token"),
        lease_expires_at=bindparam("until"),
        resumed_at=bindparam("now"),
    )
)
_PIPELINES = (
    select(runs.c.pipeline_name, func.max(runs.c.seq).label("latest"), func.count().label("run_count"))
    .where(runs.c.project == bindparam("project"))
    .group_by(runs.c.pipeline_name)
    .subquery()
)
_SUMMARIES = (
    select(runs, _PIPELINES.c.run_count)
    .join(_PIPELINES, runs.c.seq == _PIPELINES.c.latest)
    .order_by(runs.c.pipeline_name)
)


@cache
def _insert(dialect: str) -> Insert:
    kept = upsert(dialect, runs).on_conflict_do_nothing()
    result: Insert = kept.returning(runs)  # type: ignore[assignment]  # the same statement with its columns typed
    return result


class SqlRunRepository(SqlAttemptRepository):
    """Runs and step runs."""

    def add(
        self,
        project: str,
        pipeline_name: str,
        name: str,
        parameters: Mapping[str, str],
        lease: timedelta,
        entry_point: EntryPoint | None = None,
    ) -> Run:
        """Insert a running run. The name of an abandoned run is free."""
        now = self._session.now()
        self._session.execute(_GIVE_UP, {"p_project": project, "p_name": name, "now": now})
        row = self._session.execute(
            _insert(self._session.dialect),
            {
                "id": new_id(),
                "project": project,
                "pipeline_name": pipeline_name,
                "name": name,
                "state": RunState.RUNNING.value,
                "parameters": dump(parameters),
                "error": None,
                "created_at": now,
                "ended_at": None,
                "lease_expires_at": self._session.after(lease),
                "cancel_requested": False,
                "driver_token": secrets.token_hex(16),
                "entry_point": dump_entry_point(entry_point),
            },
        ).one_or_none()
        if row is None:
            raise _name_taken(
                project, name, f"a run named {name!r} exists", "choose another name, or none to get a new one"
            )
        return to_run(row, now)

    def get(self, project: str, run: str, *, steps: bool = False) -> Run:
        """Return a run by id or name (the newest of that name)."""
        statement, wanted = (_BY_ID, run.lower()) if is_id(run) else (_BY_NAME, run)
        row = self._session.execute(self._session.locked(statement), {"project": project, "run": wanted}).one_or_none()
        if row is None:
            raise RunNotFound(f"run {run!r} does not exist in project {project!r}", resource=f"run {run}")
        found = to_run(row, self._session.now())
        return self._with_steps(found) if steps else found

    def renew(self, run: Run, lease: timedelta) -> Run:
        """Extend the lease of a running run from now on."""
        self._change(run, _RENEW, {"until": self._session.after(lease)})
        return self.get(run.project, run.id)

    def resume(self, run: Run, lease: timedelta) -> Run:
        """Let a run that ended without completing run again under a new lease, epoch and driver token."""
        self._abandon_steps(run)
        try:
            self._session.execute(
                _RESUME,
                {
                    "p_project": run.project,
                    "p_id": run.id,
                    "new_token": secrets.token_hex(16),
                    "now": self._session.now(),
                    "until": self._session.after(lease),
                },
            )
        except IntegrityError as error:
            if has_moved(error):
                raise
            raise _name_taken(
                run.project,
                run.name,
                f"run {run.id} was abandoned, and another run is named {run.name!r} now",
                "start the pipeline anew: what completed is taken from cache",
            ) from error
        return self.get(run.project, run.id, steps=True)

    def request_cancel(self, run: Run) -> Run:
        """Remember that the run shall stop."""
        self._change(run, _CANCEL, {})
        return self.get(run.project, run.id)

    def finish(self, run: Run, state: RunState, error: RunError | None) -> Run:
        """End a run; returns it with its steps."""
        changes = {"new_state": state.value, "new_error": dump_error(error), "now": self._session.now()}
        self._change(run, _FINISH, changes)
        return self.get(run.project, run.id, steps=True)

    def list_runs(self, project: str, pipeline_name: str, state: RunState | None, page: PageRequest) -> Page[Run]:
        """Return runs newest first, without steps."""
        now = self._session.now()
        statement = select(runs).where(runs.c.project == bindparam("project")).order_by(runs.c.seq.desc())
        if pipeline_name:
            statement = statement.where(runs.c.pipeline_name == pipeline_name)
        if state is not None:
            statement = statement.where(_reads_as(state, now))
        if (start := after(page, int)) is not None:
            statement = statement.where(runs.c.seq < start)
        rows, last = fetch(
            self._session, statement, {"project": project}, page.size, lambda row: (row.seq,), _long_texts
        )
        return Page([to_run(row, now) for row in rows], last)

    def list_pipelines(self, project: str, page: PageRequest) -> Page[PipelineSummary]:
        """Return a row for each pipeline, sorted by name."""
        now = self._session.now()
        statement = _SUMMARIES
        if (start := after(page, str)) is not None:
            statement = statement.where(runs.c.pipeline_name > start)
        rows, last = fetch(
            self._session, statement, {"project": project}, page.size, lambda row: (row.pipeline_name,), _long_texts
        )
        return Page([PipelineSummary(row.pipeline_name, to_run(row, now), row.run_count) for row in rows], last)

    def _change(self, run: Run, statement: Any, params: dict[str, Any]) -> None:
        result = self._session.execute(statement, {"p_project": run.project, "p_id": run.id, **params})
        if result.rowcount == 0:
            raise IllegalTransition(
                f"run {run.name!r} has ended meanwhile", resource=f"run {run.id}", state=run.state.value
            )


def _name_taken(project: str, name: str, what: str, cure: str) -> RunExists:
    return RunExists(f"{what} in project {project!r}; {cure}", resource=f"run {name!r}")


def _reads_as(state: RunState, now: int) -> ColumnElement[bool]:
    """Return the condition for runs that read as ``state`` now."""
    is_state: ColumnElement[bool] = runs.c.state == state.value
    expired: ColumnElement[bool] = runs.c.lease_expires_at < now
    if state is RunState.ABANDONED:
        return is_state | (_RUNNING & expired)
    if state is RunState.RUNNING:
        return is_state & ~expired
    return is_state


def _long_texts(row: Row[Any]) -> tuple[str, ...]:
    return row.parameters, row.error or ""
