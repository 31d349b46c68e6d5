"""Lineage as the database has it: which step runs made and used which versions. Rows are lean: answers are long."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import BindParameter, Select, and_, bindparam, select

from argosy_server.adapters.metadata.near_names import not_found
from argosy_server.adapters.metadata.run_rows import run_state
from argosy_server.adapters.metadata.session import Session, fetch_tuples, listed
from argosy_server.adapters.metadata.step_lineage import Role
from argosy_server.adapters.metadata.tables import artifacts, runs, step_inputs, step_runs, step_versions, versions
from argosy_server.adapters.metadata.times import moment
from argosy_server.adapters.metadata.version_queries import find_row
from argosy_server.domain.artifact import ArtifactKind, VersionSelector
from argosy_server.domain.lineage import LineageEdge, LineageRelation, LineageStep, LineageVersion
from argosy_server.domain.pipeline import InputKind, RunState, StepState
from argosy_server.usecases.lineage_repository import Side

_MADE_BY = {Role.OUTPUT.value: LineageRelation.RETURNED, Role.SAVED.value: LineageRelation.SAVED}
_KINDS = {kind.value: kind for kind in ArtifactKind}
_STATES = {state.value: state for state in StepState}
_GIVEN_AS = {
    InputKind.STEP_OUTPUT.value: LineageRelation.STEP_OUTPUT,
    InputKind.EXTERNAL.value: LineageRelation.EXTERNAL,
}
_ROLES = {Side.MADE: [Role.OUTPUT.value, Role.SAVED.value], Side.USED: [Role.INPUT.value, Role.LOADED.value]}

_LOADED = Role.LOADED.value
_FORGOTTEN = (LineageRelation.STEP_OUTPUT, 0)
"""An input that only an earlier attempt was given: that it was is kept, what kind of input it was is not."""
_edge = LineageEdge._make  # takes half as long as calling the class
_Link = tuple[str, str, str, int, str, int]
_VERSION_ID: Final = 0
_STEP_RUN_ID: Final = 1
_ROLE: Final = 2
_LINK_COLUMNS = (
    step_versions.c.version_id,
    step_versions.c.step_run_id,
    step_versions.c.role,
    step_versions.c.position,
    step_versions.c.name,
    step_versions.c.attempt,
)
_INPUT_COLUMNS = (step_inputs.c.step_run_id, step_inputs.c.position, step_inputs.c.kind, step_inputs.c.attempt)
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
    inputs: Select[Any]
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
        # What belongs to a step is read once a step: joined to each of its links it would take most of the time.
        inputs=select(*_INPUT_COLUMNS).where(step_inputs.c.project == project, step_inputs.c.step_run_id.in_(ids)),
        versions=select(*_VERSION_COLUMNS)
        .join(artifacts, artifacts.c.seq == versions.c.artifact_seq)
        .where(versions.c.project == project, versions.c.id.in_(ids)),
        steps=select(*_STEP_COLUMNS)
        .join(runs, run_of_step)
        .where(step_runs.c.project == project, step_runs.c.id.in_(ids)),
    )


class SqlLineageRepository:
    """The graph of versions and step runs."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session
        self._ask = _statements(session.dialect)
        self._read_steps: dict[tuple[str, str], tuple[LineageStep, int]] = {}

    def find(self, project: str, selector: VersionSelector) -> LineageVersion:
        """Return the one version a selector names."""
        row = find_row(self._session, project, selector)
        if row is None:
            raise not_found(self._session, project, selector)
        return self.versions(project, [row.id])[0]

    def edges_of_versions(self, project: str, version_ids: Sequence[str], side: Side, limit: int) -> list[LineageEdge]:
        """Return edges from versions to the step runs that made or used them."""
        links = self._links(self._ask.of_versions, project, version_ids, side, limit)
        ordered = _in_order(version_ids, links, _VERSION_ID)
        return self._made(project, ordered) if side is Side.MADE else self._used(project, ordered)

    def edges_of_steps(self, project: str, step_run_ids: Sequence[str], side: Side, limit: int) -> list[LineageEdge]:
        """Return edges from step runs to the versions they made or used."""
        links = _in_order(
            step_run_ids, self._links(self._ask.of_steps, project, step_run_ids, side, limit), _STEP_RUN_ID
        )
        return self._made(project, links) if side is Side.MADE else self._used(project, links, replaced=False)

    def versions(self, project: str, ids: Sequence[str]) -> list[LineageVersion]:
        """Return versions of the project in the order asked for."""
        found = {row[0]: _version(row) for row in self._rows(self._ask.versions, project, ids)}
        return [found[version_id] for version_id in ids]

    def steps(self, project: str, ids: Sequence[str]) -> list[LineageStep]:
        """Return step runs of the project in the order asked for, with their state now."""
        return [step for step, _ in self._steps(project, ids)]

    def _steps(self, project: str, ids: Sequence[str]) -> list[tuple[LineageStep, int]]:
        """Return step runs and their attempts. Edges need the states, answers the rest: each is read once."""
        unread = [step_run_id for step_run_id in ids if (project, step_run_id) not in self._read_steps]
        if unread:
            now = self._session.now()
            for row in self._rows(self._ask.steps, project, unread):
                self._read_steps[project, row[0]] = _step(row, now)
        return [self._read_steps[project, step_run_id] for step_run_id in ids]

    def _links(self, statement: Select[Any], project: str, ids: Sequence[str], side: Side, limit: int) -> list[_Link]:
        key = {"project": project, "roles": _ROLES[side], "ids": json.dumps(ids), "rows": limit}
        return cast("list[_Link]", fetch_tuples(self._session.execute(statement, key)))

    def _made(self, project: str, links: list[_Link]) -> list[LineageEdge]:
        made, reused = [], []
        steps = self._steps(project, _steps_of(links))
        cached = {step.id: last for step, last in steps if step.state is StepState.CACHED}
        for version_id, step_run_id, role, _, name, attempt in links:
            # What attempts saved before the one that was cached is the step's own.
            if cached.get(step_run_id) == attempt:
                reused.append(_edge((version_id, step_run_id, LineageRelation.REUSED, name)))
            else:
                made.append(_edge((version_id, step_run_id, _MADE_BY[role], name)))
        return made + reused

    def _used(self, project: str, links: list[_Link], *, replaced: bool = True) -> list[LineageEdge]:
        """Return the edges, with ``replaced`` those to inputs that a resumed step was not given again too."""
        steps = _steps_of(links)
        given: dict[str, dict[int, tuple[LineageRelation, int]]] = {step_run_id: {} for step_run_id in steps}
        for step_run_id, position, kind, attempt in self._rows(self._ask.inputs, project, steps):
            given[step_run_id][position] = (_GIVEN_AS[kind], attempt)
        edges: list[LineageEdge] = []
        for version_id, step_run_id, role, position, name, attempt in links:
            if role == _LOADED:
                edges.append(_edge((version_id, step_run_id, LineageRelation.LOADED, name)))
                continue
            relation, last = given[step_run_id].get(position, _FORGOTTEN)
            if replaced or attempt == last:
                edges.append(_edge((version_id, step_run_id, relation, name)))
        return list(dict.fromkeys(edges))

    def _rows(self, statement: Select[Any], project: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        if not ids:
            return []
        return fetch_tuples(self._session.execute(statement, {"project": project, "ids": json.dumps(ids)}))


def _in_order(ids: Iterable[str], links: Iterable[_Link], column: int) -> list[_Link]:
    """Return the links in the order in which their versions or steps were asked for."""
    by_id: dict[object, list[_Link]] = {one: [] for one in ids}
    for link in links:
        by_id[link[column]].append(link)
    return [link for found in by_id.values() for link in found]


def _steps_of(links: Iterable[_Link]) -> list[str]:
    return list(dict.fromkeys(link[_STEP_RUN_ID] for link in links))


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


def _step(row: tuple[Any, ...], now: int) -> tuple[LineageStep, int]:
    step_run_id, run_id, pipeline_name, invocation, step_name, step_state, attempt, run_name, run, expires_at = row
    state = _STATES[step_state]
    if state is StepState.RUNNING and run_state(run, expires_at, now) is RunState.ABANDONED:
        state = StepState.ABANDONED
    step = LineageStep(
        id=step_run_id,
        run_id=run_id,
        run_name=run_name,
        pipeline_name=pipeline_name,
        invocation=invocation,
        step_name=step_name,
        state=state,
    )
    return step, attempt
