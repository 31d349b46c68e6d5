"""Which running step computes which cache key."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sqlalchemy import bindparam, delete, select, update

from argosy_server.adapters.metadata.connections.session import Insert, Session, batches, upsert
from argosy_server.adapters.metadata.schema.tables import reservations, runs, step_runs
from argosy_server.domain.pipeline import Run, RunState, StepState
from argosy_server.usecases.ports.cache_repository import Holder

_THIS = (reservations.c.project == bindparam("p_project")) & (reservations.c.cache_key == bindparam("p_cache_key"))
_LOCK = select(reservations.c.step_run_id).where(_THIS)
_HOLDER = (
    select(
        step_runs.c.id,
        step_runs.c.invocation,
        step_runs.c.run_id,
        runs.c.name.label("run_name"),
        runs.c.lease_expires_at,
    )
    .select_from(reservations)
    .join(
        step_runs,
        (step_runs.c.project == reservations.c.project) & (step_runs.c.id == reservations.c.step_run_id),
    )
    .join(runs, (runs.c.project == step_runs.c.project) & (runs.c.id == step_runs.c.run_id))
    .where(_THIS, step_runs.c.state == StepState.RUNNING.value, runs.c.state == RunState.RUNNING.value)
)
_EXPIRED_RUN = select(runs.c.id).where(
    runs.c.project == bindparam("p_project"),
    runs.c.id == bindparam("run_id"),
    runs.c.lease_expires_at < bindparam("now"),
)
_TAKE_OVER = update(reservations).where(_THIS).values(step_run_id=bindparam("new_holder"))
_RELEASE = delete(reservations).where(
    reservations.c.project == bindparam("p_project"),
    reservations.c.step_run_id.in_(bindparam("ids", expanding=True)),
)


@cache
def _insert(dialect: str) -> Insert:
    kept = upsert(dialect, reservations).on_conflict_do_nothing()
    result: Insert = kept.returning(reservations.c.step_run_id)  # type: ignore[assignment]  # the same statement
    return result


class SqlReservationRepository:
    """Reservations of cache keys."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session

    def holder(self, project: str, cache_key: str) -> Holder | None:
        """Return who computes the key now."""
        row = self._session.execute(_HOLDER, {"p_project": project, "p_cache_key": cache_key}).one_or_none()
        if row is None or (row.lease_expires_at < self._session.now() and self._has_expired(project, row.run_id)):
            return None
        return Holder(row.id, row.invocation, row.run_id, row.run_name)

    def reserve(self, run: Run, cache_key: str, step_run_id: str) -> Holder | None:
        """Let a step that is about to be added hold the key, unless another one computes it: that one is returned."""
        key = {"p_project": run.project, "p_cache_key": cache_key}
        new = {"project": run.project, "cache_key": cache_key, "step_run_id": step_run_id}
        while self._session.execute(_insert(self._session.dialect), new).one_or_none() is None:
            if self._session.execute(self._session.locked(_LOCK), key).one_or_none() is None:
                continue  # Given up since.
            holder = self.holder(run.project, cache_key)
            if holder is None or holder.step_run_id == step_run_id:
                self._session.execute(_TAKE_OVER, {**key, "new_holder": step_run_id})
                return None
            return holder
        return None

    def release(self, project: str, step_run_ids: Sequence[str]) -> None:
        """Give up what these step runs hold."""
        for part in batches(step_run_ids):
            self._session.execute(_RELEASE, {"p_project": project, "ids": list(part)})

    def _has_expired(self, project: str, run_id: str) -> bool:
        """Tell whether the lease of a run is over and will stay so.

        The row is locked, so that no renewal that began in time commits behind our back. When it is locked already,
        something happens to the run, which makes it count as alive: waiting for it could have others wait for us.
        """
        statement = _EXPIRED_RUN
        if self._session.locks:
            statement = statement.with_for_update(skip_locked=True)
        key = {"p_project": project, "run_id": run_id, "now": self._session.now()}
        return self._session.execute(statement, key).one_or_none() is not None
