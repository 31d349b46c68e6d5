"""Lineage as the database has it: which step runs made and used which versions. Rows are lean: answers are long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, or_, select

from argosy_server.adapters.metadata.near_names import not_found
from argosy_server.adapters.metadata.run_rows import run_state
from argosy_server.adapters.metadata.session import Session, batches
from argosy_server.adapters.metadata.step_lineage import Role
from argosy_server.adapters.metadata.tables import artifacts, runs, step_inputs, step_runs, step_versions, versions
from argosy_server.adapters.metadata.times import moment
from argosy_server.adapters.metadata.version_queries import find_row
from argosy_server.domain.artifact import ArtifactKind, VersionSelector
from argosy_server.domain.lineage import LineageEdge, LineageRelation, LineageStep, LineageVersion
from argosy_server.domain.pipeline import RunState, StepState
from argosy_server.usecases.lineage_repository import Side

_MADE_BY = {Role.OUTPUT.value: LineageRelation.RETURNED, Role.SAVED.value: LineageRelation.SAVED}
_KINDS = {kind.value: kind for kind in ArtifactKind}
_STATES = {state.value: state for state in StepState}
_RELATIONS = {relation.value: relation for relation in LineageRelation}

_CACHED = step_runs.c.state == StepState.CACHED.value
_STEP = and_(step_runs.c.project == step_versions.c.project, step_runs.c.id == step_versions.c.step_run_id)
_INPUT = and_(
    step_inputs.c.project == step_versions.c.project,
    step_inputs.c.step_run_id == step_versions.c.step_run_id,
    step_inputs.c.position == step_versions.c.position,
)
_EDGE = (step_versions.c.version_id, step_versions.c.step_run_id, step_versions.c.role, step_versions.c.name)
# A step may load a version twice, or be given it twice in a list: that is one edge.
_MADE = (
    select(*_EDGE, step_runs.c.state.label("fact"))
    .join(step_runs, _STEP)
    .where(step_versions.c.role.in_([Role.OUTPUT.value, Role.SAVED.value]))
    .group_by(*_EDGE, step_runs.c.state)
    .order_by(_CACHED, func.min(step_versions.c.seq))
)
_USED = (
    select(*_EDGE, step_inputs.c.kind.label("fact"))
    .outerjoin(step_inputs, _INPUT)
    .where(
        or_(
            step_versions.c.role == Role.LOADED.value,
            and_(step_versions.c.role == Role.INPUT.value, step_inputs.c.kind.is_not(None)),
        )
    )
    .group_by(*_EDGE, step_inputs.c.kind)
    .order_by(func.min(step_versions.c.seq))
)


def _among(column: ColumnElement[str]) -> dict[Side, Select[Any]]:
    wanted = and_(step_versions.c.project == bindparam("project"), column.in_(bindparam("ids", expanding=True)))
    return {side: part.where(wanted).limit(bindparam("rows")) for side, part in _PARTS.items()}


_PARTS = {Side.MADE: _MADE, Side.USED: _USED}
_OF_VERSIONS = _among(step_versions.c.version_id)
_OF_STEPS = _among(step_versions.c.step_run_id)
_VERSIONS = (
    select(
        versions.c.id,
        artifacts.c.name,
        versions.c.label,
        versions.c.data_type,
        versions.c.format,
        versions.c.kind,
        versions.c.size,
        versions.c.created_at,
        versions.c.deleted_at,
        versions.c.named,
    )
    .join(artifacts, artifacts.c.seq == versions.c.artifact_seq)
    .where(versions.c.project == bindparam("project"), versions.c.id.in_(bindparam("ids", expanding=True)))
)
_STEPS = (
    select(
        step_runs.c.id,
        step_runs.c.run_id,
        step_runs.c.pipeline_name,
        step_runs.c.invocation,
        step_runs.c.step_name,
        step_runs.c.state.label("step_state"),
        runs.c.name,
        runs.c.state,
        runs.c.lease_expires_at,
    )
    .join(runs, and_(runs.c.project == step_runs.c.project, runs.c.id == step_runs.c.run_id))
    .where(step_runs.c.project == bindparam("project"), step_runs.c.id.in_(bindparam("ids", expanding=True)))
)


class SqlLineageRepository:
    """The graph of versions and step runs."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session

    def find(self, project: str, selector: VersionSelector) -> LineageVersion:
        """Return the one version a selector names."""
        row = find_row(self._session, project, selector)
        if row is None:
            raise not_found(self._session, project, selector)
        return _version(row)

    def edges_of_versions(self, project: str, version_ids: Sequence[str], side: Side, limit: int) -> list[LineageEdge]:
        """Return edges from versions to the step runs that made or used them, each once."""
        return self._edges(_OF_VERSIONS[side], project, version_ids, side, limit)

    def edges_of_steps(self, project: str, step_run_ids: Sequence[str], side: Side, limit: int) -> list[LineageEdge]:
        """Return edges from step runs to the versions they made or used, each once."""
        return self._edges(_OF_STEPS[side], project, step_run_ids, side, limit)

    def versions(self, project: str, ids: Sequence[str]) -> list[LineageVersion]:
        """Return versions of the project in the order asked for."""
        found = {row.id: _version(row) for row in self._rows(_VERSIONS, project, ids)}
        return [found[version_id] for version_id in ids]

    def steps(self, project: str, ids: Sequence[str]) -> list[LineageStep]:
        """Return step runs of the project in the order asked for, with their state now."""
        now = self._session.now()
        found = {row.id: _step(row, now) for row in self._rows(_STEPS, project, ids)}
        return [found[step_run_id] for step_run_id in ids]

    def _edges(
        self, statement: Select[Any], project: str, ids: Sequence[str], side: Side, limit: int
    ) -> list[LineageEdge]:
        edges: list[LineageEdge] = []
        relation_of = _made if side is Side.MADE else _used
        for part in batches(ids):
            rows = self._session.execute(statement, {"project": project, "ids": part, "rows": limit - len(edges)})
            edges += [
                LineageEdge(row.version_id, row.step_run_id, relation_of(row.role, row.fact), row.name) for row in rows
            ]
            if len(edges) >= limit:
                break
        return edges

    def _rows(self, statement: Select[Any], project: str, ids: Sequence[str]) -> Iterable[Row[Any]]:
        for part in batches(ids):
            yield from self._session.execute(statement, {"project": project, "ids": part})


def _made(role: str, state: str) -> LineageRelation:
    reused = state == StepState.CACHED.value and role == Role.OUTPUT.value
    return LineageRelation.REUSED if reused else _MADE_BY[role]


def _used(role: str, kind: str) -> LineageRelation:
    return LineageRelation.LOADED if role == Role.LOADED.value else _RELATIONS[kind]


def _version(row: Row[Any]) -> LineageVersion:
    return LineageVersion(
        id=row.id,
        name=row.name,
        version=row.label,
        data_type=row.data_type,
        format=row.format,
        kind=_KINDS[row.kind],
        size=row.size,
        created_at=moment(row.created_at),
        deleted=row.deleted_at is not None,
        named=row.named,
    )


def _step(row: Row[Any], now: int) -> LineageStep:
    state = _STATES[row.step_state]
    if state is StepState.RUNNING and run_state(row, now) is RunState.ABANDONED:
        state = StepState.ABANDONED
    return LineageStep(
        id=row.id,
        run_id=row.run_id,
        run_name=row.name,
        pipeline_name=row.pipeline_name,
        invocation=row.invocation,
        step_name=row.step_name,
        state=state,
    )
