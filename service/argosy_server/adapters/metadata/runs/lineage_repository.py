"""Lineage as the database has it: which attempts made and used which versions. Rows are lean: answers are long."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Select, and_, bindparam, select

from argosy_server.adapters.metadata.artifacts.near_names import not_found
from argosy_server.adapters.metadata.artifacts.version_queries import find_row
from argosy_server.adapters.metadata.connections.session import Session, fetch_tuples, listed
from argosy_server.adapters.metadata.rows.times import moment
from argosy_server.adapters.metadata.runs.run_rows import run_state
from argosy_server.adapters.metadata.runs.step_lineage import Role
from argosy_server.adapters.metadata.schema.tables import artifacts, runs, step_runs, step_versions, versions
from argosy_server.domain.artifact import ArtifactKind, VersionSelector
from argosy_server.domain.lineage import Attempt, LineageEdge, LineageRelation, LineageStep, LineageVersion
from argosy_server.domain.pipeline import RunState, StepState
from argosy_server.usecases.ports.lineage_repository import Side

_RELATIONS = {
    Role.INPUT.value: LineageRelation.STEP_OUTPUT,
    Role.EXTERNAL.value: LineageRelation.EXTERNAL,
    Role.LOADED.value: LineageRelation.LOADED,
    Role.OUTPUT.value: LineageRelation.RETURNED,
    Role.SAVED.value: LineageRelation.SAVED,
}
_ROLES = {
    Side.MADE: [Role.OUTPUT.value, Role.SAVED.value],
    Side.USED: [Role.INPUT.value, Role.EXTERNAL.value, Role.LOADED.value],
}
_KINDS = {kind.value: kind for kind in ArtifactKind}
_STATES = {state.value: state for state in StepState}
_edge: Callable[[tuple[Any, ...]], LineageEdge] = partial(tuple.__new__, LineageEdge)
"""Takes a third as long as calling the class."""
_LINK_COLUMNS = (
    step_versions.c.version_id,
    step_versions.c.step_run_id,
    step_versions.c.attempt,
    step_versions.c.role,
    step_versions.c.name,
)
_VERSION_COLUMNS = (
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
_STEP_COLUMNS = (
    step_runs.c.id,
    step_runs.c.run_id,
    step_runs.c.pipeline_name,
    step_runs.c.invocation,
    step_runs.c.step_name,
    step_runs.c.state,
    step_runs.c.attempt,
    runs.c.name,
    runs.c.state,
    runs.c.lease_expires_at,
)


class _Statements(NamedTuple):
    """What is asked, each for any number of ids."""

    of_versions: Select[Any]
    of_steps: Select[Any]
    versions: Select[Any]
    steps: Select[Any]


@cache
def _statements(dialect: str) -> _Statements:
    project: BindParameter[str] = bindparam("project")
    ids = listed(dialect, "ids")
    roles = step_versions.c.role.in_(bindparam("roles", expanding=True))
    links = select(*_LINK_COLUMNS).where(step_versions.c.project == project, roles).limit(bindparam("rows"))
    run_of_step = and_(runs.c.project == step_runs.c.project, runs.c.id == step_runs.c.run_id)
    return _Statements(
        # The order is that of an index; any other would cost a sort.
        of_versions=links.where(step_versions.c.version_id.in_(ids)).order_by(
            step_versions.c.version_id, step_versions.c.seq
        ),
        of_steps=links.where(step_versions.c.step_run_id.in_(ids)).order_by(
            step_versions.c.step_run_id, step_versions.c.seq
        ),
        versions=select(*_VERSION_COLUMNS)
        .join(artifacts, artifacts.c.seq == versions.c.artifact_seq)
        .where(versions.c.project == project, versions.c.id.in_(ids)),
        steps=select(*_STEP_COLUMNS)
        .join(runs, run_of_step)
        .where(step_runs.c.project == project, step_runs.c.id.in_(ids)),
    )


class SqlLineageRepository:
    """The graph of versions and attempts."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session
        self._ask = _statements(session.dialect)
        self._read_steps: dict[tuple[str, str], LineageStep] = {}

    def find(self, project: str, selector: VersionSelector) -> LineageVersion:
        """Return the one version a selector names."""
        row = find_row(self._session, project, selector)
        if row is None:
            raise not_found(self._session, project, selector)
        return self.versions(project, [row.id])[0]

    def edges_of_versions(self, project: str, version_ids: Sequence[str], side: Side, limit: int) -> list[LineageEdge]:
        """Return edges from versions to the attempts that made or used them."""
        of_version: dict[str, list[LineageEdge]] = {version_id: [] for version_id in version_ids}
        read = partial(self._links, self._ask.of_versions, project, version_ids, side)
        for edge in _distinct(read, limit):
            of_version[edge.version_id].append(edge)
        edges = [edge for found in of_version.values() for edge in found]
        return self._reused_last(project, edges) if side is Side.MADE else edges

    def edges_of_attempts(self, project: str, attempts: Sequence[Attempt], side: Side, limit: int) -> list[LineageEdge]:
        """Return edges from attempts to the versions they made or used."""
        of_attempt: dict[Attempt, list[LineageEdge]] = {attempt: [] for attempt in attempts}
        step_run_ids = list(dict.fromkeys(step_run_id for step_run_id, _ in attempts))
        read = partial(self._links, self._ask.of_steps, project, step_run_ids, side)
        for edge in _distinct(read, limit, of_attempt):
            of_attempt[edge.attempt].append(edge)
        edges = [edge for found in of_attempt.values() for edge in found]
        return self._reused_last(project, edges) if side is Side.MADE else edges

    def versions(self, project: str, ids: Sequence[str]) -> list[LineageVersion]:
        """Return versions of the project in the order asked for."""
        found = {row[0]: _version(row) for row in self._rows(self._ask.versions, project, ids)}
        return [found[version_id] for version_id in ids]

    def steps(self, project: str, attempts: Sequence[Attempt]) -> list[LineageStep]:
        """Return attempts in the order asked for, with their state now: one that another one followed has failed."""
        last = self._last_attempts(project, [step_run_id for step_run_id, _ in attempts])
        return [
            last[step_run_id]
            if last[step_run_id].attempt == attempt
            else last[step_run_id]._replace(attempt=attempt, state=StepState.FAILED)
            for step_run_id, attempt in attempts
        ]

    def _reused_last(self, project: str, edges: list[LineageEdge]) -> list[LineageEdge]:
        """Tell what steps took from cache apart from what they made, and put it last."""
        last = self._last_attempts(project, [edge.attempt[0] for edge in edges])
        # Attempts before the one that was taken from cache made what they saved.
        reused = {(step.id, step.attempt) for step in last.values() if step.state is StepState.CACHED}
        if not reused:
            return edges
        made = [edge for edge in edges if edge.attempt not in reused]
        return made + [edge._replace(relation=LineageRelation.REUSED) for edge in edges if edge.attempt in reused]

    def _last_attempts(self, project: str, step_run_ids: Sequence[str]) -> dict[str, LineageStep]:
        """Return step runs as their last attempt. Edges need the states, answers the rest: each is read once."""
        ids = dict.fromkeys(step_run_ids)
        unread = [step_run_id for step_run_id in ids if (project, step_run_id) not in self._read_steps]
        if unread:
            now = self._session.now()
            for row in self._rows(self._ask.steps, project, unread):
                self._read_steps[project, row[0]] = _step(row, now)
        return {step_run_id: self._read_steps[project, step_run_id] for step_run_id in ids}

    def _links(
        self, statement: Select[Any], project: str, ids: Sequence[str], side: Side, rows: int
    ) -> list[tuple[Any, ...]]:
        key = {"project": project, "roles": _ROLES[side], "ids": json.dumps(ids), "rows": rows}
        return fetch_tuples(self._session.execute(statement, key))

    def _rows(self, statement: Select[Any], project: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        if not ids:
            return []
        return fetch_tuples(self._session.execute(statement, {"project": project, "ids": json.dumps(ids)}))


def _distinct(
    read: Callable[[int], list[tuple[Any, ...]]], limit: int, wanted: Container[Attempt] | None = None
) -> list[LineageEdge]:
    """Return the first edges, each once, and only those of the attempts that are wanted.

    That rows tell what was told before, or are of other attempts, is seen once they are read; then more are.
    """
    rows = limit
    while True:
        links = read(rows)
        edges = [
            _edge((version_id, (step_run_id, attempt), _RELATIONS[role], name))
            for version_id, step_run_id, attempt, role, name in dict.fromkeys(links)
            if wanted is None or (step_run_id, attempt) in wanted
        ]
        if len(edges) >= limit or len(links) < rows:
            return edges[:limit]
        rows *= 2


def _version(row: tuple[Any, ...]) -> LineageVersion:
    version_id, name, label, data_type, file_format, kind, size, created_at, deleted_at, named = row
    return LineageVersion(
        id=version_id,
        name=name,
        version=label,
        data_type=data_type,
        format=file_format,
        kind=_KINDS[kind],
        size=size,
        created_at=moment(created_at),
        deleted=deleted_at is not None,
        named=named,
    )


def _step(row: tuple[Any, ...], now: int) -> LineageStep:
    step_run_id, run_id, pipeline_name, invocation, step_name, step_state, attempt, run_name, run, expires_at = row
    state = _STATES[step_state]
    if state is StepState.RUNNING and run_state(run, expires_at, now) is RunState.ABANDONED:
        state = StepState.ABANDONED
    return LineageStep(
        id=step_run_id,
        run_id=run_id,
        run_name=run_name,
        pipeline_name=pipeline_name,
        invocation=invocation,
        step_name=step_name,
        state=state,
        attempt=attempt,
    )
