"""What steps were given, returned, saved and loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from enum import Enum
from itertools import repeat
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, bindparam, delete, insert, literal, select
from sqlalchemy.exc import IntegrityError

from argosy_server.adapters.metadata.artifacts.version_queries import load_versions
from argosy_server.adapters.metadata.connections.session import Session, batches
from argosy_server.adapters.metadata.schema.tables import step_inputs, step_runs, step_versions
from argosy_server.domain.artifact import ArtifactVersion, VersionSelector
from argosy_server.domain.errors import ArtifactNotFound, RunNotFound
from argosy_server.domain.pipeline import InputKind, InputSpec, LoadedInput, StepInput, StepOutput, StepRun


class Role(Enum):
    """How a version belongs to a step run; an input is the output of another step, or comes from outside."""

    INPUT = "input"
    EXTERNAL = "external"
    OUTPUT = "output"
    SAVED = "saved"
    LOADED = "loaded"


_Link: TypeAlias = tuple[Role, int, str, str, "str | None"]
"""Role, number of the input, name, id of the version, and the selector that loaded it."""
_INSERT_INPUTS = step_inputs.insert()
_FORGET_INPUTS = delete(step_inputs).where(
    step_inputs.c.project == bindparam("project"), step_inputs.c.step_run_id == bindparam("step_run_id")
)
_INSERT = step_versions.insert()
_GIVEN = {InputKind.STEP_OUTPUT: Role.INPUT, InputKind.EXTERNAL: Role.EXTERNAL}
_KINDS = {role: kind for kind, role in _GIVEN.items()}
_COLUMNS = ("project", "step_run_id", "role", "position", "name", "version_id", "attempt")
_INSERT_SAVED = (
    insert(step_versions)
    .from_select(
        _COLUMNS,
        select(
            step_runs.c.project,
            step_runs.c.id,
            literal(Role.SAVED.value),
            literal(0),
            literal(""),
            bindparam("version_id"),
            bindparam("attempt", type_=BigInteger),
        ).where(step_runs.c.project == bindparam("project"), step_runs.c.id == bindparam("step_run_id")),
    )
    .returning(step_versions.c.seq)
)
_GIVE_AGAIN = insert(step_versions).from_select(
    _COLUMNS,
    select(
        step_versions.c.project,
        step_versions.c.step_run_id,
        step_versions.c.role,
        step_versions.c.position,
        step_versions.c.name,
        step_versions.c.version_id,
        step_versions.c.attempt + 1,
    )
    .where(
        step_versions.c.project == bindparam("project"),
        step_versions.c.step_run_id == bindparam("step_run_id"),
        step_versions.c.attempt == bindparam("attempt"),
        step_versions.c.role.in_([role.value for role in _GIVEN.values()]),
    )
    .order_by(step_versions.c.seq),
)
_TAKE_BACK = delete(step_versions).where(
    step_versions.c.project == bindparam("p_project"),
    step_versions.c.step_run_id == bindparam("p_step_run_id"),
    step_versions.c.attempt == bindparam("p_attempt"),
    step_versions.c.role.in_([role.value for role in _KINDS]),
)
_INPUTS = (
    select(step_inputs)
    .where(
        step_inputs.c.project == bindparam("project"),
        step_inputs.c.step_run_id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(step_inputs.c.position)
)
_VERSIONS = (
    select(step_versions)
    .where(
        step_versions.c.project == bindparam("project"),
        step_versions.c.step_run_id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(step_versions.c.seq)
)
_LOADS = (
    select(step_versions.c.selector, step_versions.c.version_id)
    .join(step_runs, (step_runs.c.project == step_versions.c.project) & (step_runs.c.id == step_versions.c.step_run_id))
    .where(
        step_runs.c.project == bindparam("project"),
        step_runs.c.id == bindparam("step_run_id"),
        step_versions.c.role == Role.LOADED.value,
        step_versions.c.attempt == step_runs.c.attempt,
    )
    .order_by(step_versions.c.seq)
)


def link_inputs(session: Session, project: str, step: StepRun, inputs: Sequence[InputSpec]) -> None:
    """Record what a step is given by its attempt now.

    Raises:
        ArtifactNotFound: a version does not exist in this project.
    """
    key = {"project": project, "step_run_id": step.id, "attempt": step.attempt}
    heads = [
        {**key, "position": position, "name": spec.name, "kind": spec.kind.value, "is_list": spec.is_list}
        for position, spec in enumerate(inputs)
    ]
    if heads:
        session.execute(_INSERT_INPUTS, heads)
    given: list[_Link] = [
        (_GIVEN[kind], position, spec.name, version_id, None)
        for position, spec in enumerate(inputs)
        for version_id, kind in zip(spec.version_ids, spec.kinds or repeat(spec.kind), strict=False)
    ]
    _link(session, project, step, given)


def give_again(session: Session, project: str, step_run_id: str, attempt: int) -> None:
    """Record that the attempt after this one is given what this one was."""
    session.execute(_GIVE_AGAIN, {"project": project, "step_run_id": step_run_id, "attempt": attempt})


def take_back(session: Session, project: str, step_run_id: str, attempt: int) -> None:
    """Record that an attempt was given nothing, because it never began."""
    session.execute(_TAKE_BACK, {"p_project": project, "p_step_run_id": step_run_id, "p_attempt": attempt})


def forget_inputs(session: Session, project: str, step_run_id: str) -> None:
    """Let a step be given its inputs anew; that it was given others before stays in the lineage."""
    session.execute(_FORGET_INPUTS, {"project": project, "step_run_id": step_run_id})


def link_outputs(session: Session, project: str, step: StepRun, outputs: Sequence[tuple[str, str]]) -> None:
    """Record what a step returned: (output name, version id), in order.

    Raises:
        ArtifactNotFound: a version does not exist in this project.
    """
    _link(session, project, step, [(Role.OUTPUT, 0, name, version_id, None) for name, version_id in outputs])


def link_loaded(session: Session, project: str, step: StepRun, loaded: Sequence[LoadedInput]) -> None:
    """Record what a step's code loaded in its attempt now, by the name of the artifact, also where an id was asked for.

    Raises:
        ArtifactNotFound: a version does not exist in this project.
    """
    by_id = load_versions(session, project, [load.version_id for load in loaded if not load.selector.name])
    names = {version_id: version.name for version_id, version in by_id.items()}
    given: list[_Link] = [
        (
            Role.LOADED,
            0,
            load.selector.name or names.get(load.version_id, ""),
            load.version_id,
            json.dumps(asdict(load.selector)),
        )
        for load in loaded
    ]
    _link(session, project, step, given)


def link_saved(session: Session, project: str, step_run_id: str, version_id: str, attempt: int) -> None:
    """Record a version saved inside an attempt of a step.

    Raises:
        ArtifactNotFound: the version does not exist in this project.
        RunNotFound: no such step run in this project.
    """
    with _known_versions():
        given = {"project": project, "step_run_id": step_run_id, "version_id": version_id, "attempt": attempt}
        row = session.execute(_INSERT_SAVED, given).one_or_none()
    if row is None:
        raise RunNotFound(
            f"step run {step_run_id} does not exist in project {project!r}", resource=f"step run {step_run_id}"
        )


def loads(session: Session, project: str, step_run_id: str) -> list[LoadedInput]:
    """Return what a step's code loaded in its last attempt, with the selectors it used."""
    rows = session.execute(_LOADS, {"project": project, "step_run_id": step_run_id})
    return [LoadedInput(VersionSelector(**json.loads(row.selector)), row.version_id) for row in rows]


def attach(session: Session, project: str, steps: Sequence[StepRun]) -> list[StepRun]:
    """Return step runs with inputs, outputs, saved and loaded versions (all without files)."""
    heads: dict[str, list[Any]] = {step.id: [] for step in steps}
    links: dict[str, list[Any]] = {step.id: [] for step in steps}
    for part in batches(list(heads)):
        key = {"project": project, "ids": part}
        for row in session.execute(_INPUTS, key):
            heads[row.step_run_id].append(row)
        for row in session.execute(_VERSIONS, key):
            links[row.step_run_id].append(row)
    found = load_versions(session, project, [row.version_id for rows in links.values() for row in rows])
    return [_attached(step, heads[step.id], links[step.id], found) for step in steps]


def _attached(step: StepRun, heads: list[Any], links: list[Any], found: dict[str, ArtifactVersion]) -> StepRun:
    given: dict[tuple[int, int], list[tuple[ArtifactVersion, InputKind]]] = {
        (row.position, row.attempt): [] for row in heads
    }
    outputs: list[StepOutput] = []
    others: dict[Role, list[ArtifactVersion]] = {Role.SAVED: [], Role.LOADED: []}
    for row in links:
        role, version = Role(row.role), found[row.version_id]
        if role in _KINDS:
            # Others were given to an attempt before the run was resumed, or are the same for one that was tried again.
            if (row.position, row.attempt) in given:
                given[row.position, row.attempt].append((version, _KINDS[role]))
        elif role is Role.OUTPUT:
            outputs.append(StepOutput(row.name, version))
        else:
            others[role].append(version)
    inputs = [_input(row, given[row.position, row.attempt]) for row in heads]
    saved, loaded = tuple(others[Role.SAVED]), tuple(others[Role.LOADED])
    return replace(step, inputs=tuple(inputs), outputs=tuple(outputs), saved=saved, loaded=loaded)


def _input(head: Any, given: list[tuple[ArtifactVersion, InputKind]]) -> StepInput:
    kind, kinds = InputKind(head.kind), tuple(kind for _, kind in given)
    versions = tuple(version for version, _ in given)
    return StepInput(head.name, kind, head.is_list, versions, () if set(kinds) <= {kind} else kinds)


def _link(session: Session, project: str, step: StepRun, given: Sequence[_Link]) -> None:
    key = {"project": project, "step_run_id": step.id, "attempt": max(1, step.attempt)}
    rows = [
        {**key, "role": role.value, "position": position, "name": name, "version_id": version_id, "selector": selector}
        for role, position, name, version_id, selector in given
    ]
    if rows:
        with _known_versions():
            session.execute(_INSERT, rows)


@contextmanager
def _known_versions() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise ArtifactNotFound(
            "a version that shall become part of the lineage does not exist in this project", resource="step run"
        ) from error
