"""Reading versions: rows and what belongs to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, literal_column, select

from argosy_server.adapters.metadata.connections.session import Session, batches
from argosy_server.adapters.metadata.rows.texts import load_mapping, load_texts
from argosy_server.adapters.metadata.rows.times import moment
from argosy_server.adapters.metadata.schema.tables import (
    aliases,
    artifacts,
    runs,
    step_runs,
    step_versions,
    version_files,
    versions,
)
from argosy_server.domain.artifact import ArtifactFile, ArtifactKind, ArtifactVersion, Producer, VersionSelector
from argosy_server.domain.identifiers import Digest
from argosy_server.domain.pipeline import RunState

_POINTING = aliases.alias("pointing")
# No alias has a comma. A str would be put into the text of the statement anew for each execution.
_COMMA: Any = literal_column("','")
_ALIASES = select(func.aggregate_strings(_POINTING.c.alias, _COMMA)).where(_POINTING.c.version_seq == versions.c.seq)
VERSIONS: Select[Any] = (
    select(
        versions,
        artifacts.c.name,
        _ALIASES.scalar_subquery().label("aliases"),
        step_runs.c.run_id,
        step_runs.c.invocation,
    )
    .select_from(versions)
    .join(artifacts, artifacts.c.seq == versions.c.artifact_seq)
    .outerjoin(step_runs, (step_runs.c.project == versions.c.project) & (step_runs.c.id == versions.c.step_run_id))
)
"""Every version with its artifact's name and its producer; :func:`assemble` makes values of the rows."""

LIVE = versions.c.deleted_at.is_(None)
OF_NAME = (artifacts.c.project == bindparam("project")) & (artifacts.c.name == bindparam("name"))

# Most versions have one file, which comes with them, so that most loads need no statement for files.
_WITH_FILE = VERSIONS.outerjoin(
    version_files, (version_files.c.version_seq == versions.c.seq) & (versions.c.file_count == 1)
).add_columns(
    version_files.c.path, version_files.c.digest.label("file_digest"), version_files.c.size.label("file_size")
)
_BY_ID = _WITH_FILE.where(versions.c.project == bindparam("project"), versions.c.id == bindparam("id"))
_BY_IDS = VERSIONS.where(
    versions.c.project == bindparam("project"), versions.c.id.in_(bindparam("ids", expanding=True))
)
_NAMED = artifacts.alias("named")
# As a value and not by a join, of which PostgreSQL would sort all versions to find the last one.
_OF_NAMED = versions.c.artifact_seq == (
    select(_NAMED.c.seq)
    .where(_NAMED.c.project == bindparam("project"), _NAMED.c.name == bindparam("name"))
    .scalar_subquery()
)
_LATEST = _WITH_FILE.where(_OF_NAMED, LIVE).order_by(versions.c.ordinal.desc()).limit(1)
_BY_LABEL = _WITH_FILE.where(OF_NAME, LIVE, versions.c.label == bindparam("label"))
_BY_ALIAS = _WITH_FILE.join(
    aliases, (aliases.c.artifact_seq == artifacts.c.seq) & (aliases.c.version_seq == versions.c.seq)
).where(OF_NAME, LIVE, aliases.c.alias == bindparam("alias"))
_LAST_RUN = (
    select(runs.c.id)
    .where(
        runs.c.project == bindparam("project"),
        runs.c.pipeline_name == bindparam("pipeline_name"),
        runs.c.state == RunState.COMPLETED.value,
    )
    .order_by(runs.c.ended_at.desc(), runs.c.seq.desc())
    .limit(1)
    .scalar_subquery()
)
_RUN_STEPS = step_runs.alias("run_steps")
_MADE_BY_LAST_RUN = (
    select(step_versions.c.version_id)
    .join(
        _RUN_STEPS,
        (_RUN_STEPS.c.project == step_versions.c.project) & (_RUN_STEPS.c.id == step_versions.c.step_run_id),
    )
    .where(
        _RUN_STEPS.c.project == bindparam("project"),
        _RUN_STEPS.c.run_id == _LAST_RUN,
        step_versions.c.role.in_(["output", "saved"]),
    )
)
_BY_PIPELINE = (
    _WITH_FILE.where(OF_NAME, LIVE, versions.c.project == bindparam("project"), versions.c.id.in_(_MADE_BY_LAST_RUN))
    .order_by(versions.c.ordinal.desc())
    .limit(1)
)
_DIGESTS = (
    select(versions.c.id, version_files.c.digest)
    .outerjoin(version_files, version_files.c.version_seq == versions.c.seq)
    .where(versions.c.project == bindparam("project"), versions.c.id.in_(bindparam("ids", expanding=True)), LIVE)
)
_FILES = (
    select(version_files.c.path, version_files.c.digest, version_files.c.size)
    .where(version_files.c.version_seq == bindparam("seq"))
    .order_by(version_files.c.path)
)


def find_row(session: Session, project: str, selector: VersionSelector) -> Row[Any] | None:
    """Return the row a selector names, with its file if it has just one; by id also of a deleted version."""
    params = {"project": project}
    if selector.id:
        return session.execute(_BY_ID, {**params, "id": selector.id}).one_or_none()
    params["name"] = selector.name
    if selector.version:
        return session.execute(_BY_LABEL, {**params, "label": selector.version}).one_or_none()
    if selector.alias:
        return session.execute(_BY_ALIAS, {**params, "alias": selector.alias}).one_or_none()
    if selector.pipeline_name:
        return session.execute(_BY_PIPELINE, {**params, "pipeline_name": selector.pipeline_name}).one_or_none()
    return session.execute(_LATEST, params).one_or_none()


def with_files(session: Session, row: Row[Any]) -> ArtifactVersion:
    """Return the version of a row from :func:`find_row`, with its files."""
    if row.file_count != 1:
        rows = session.execute(_FILES, {"seq": row.seq})
        return assemble(row, tuple(ArtifactFile(file.path, Digest(file.digest), file.size) for file in rows))
    # Of a deleted version only the count is left.
    files = () if row.path is None else (ArtifactFile(row.path, Digest(row.file_digest), row.file_size),)
    return assemble(row, files)


def load_versions(session: Session, project: str, ids: Iterable[str]) -> dict[str, ArtifactVersion]:
    """Return those of the versions that exist, deleted ones included, without files."""
    rows: list[Row[Any]] = []
    for part in batches(sorted(set(ids))):
        rows.extend(session.execute(_BY_IDS, {"project": project, "ids": part}))
    return {row.id: assemble(row) for row in rows}


def live_digests(session: Session, project: str, ids: Iterable[str]) -> dict[str, frozenset[Digest]]:
    """Return the digests of the files of those of the versions that are live."""
    found: dict[str, set[Digest]] = {}
    for part in batches(sorted(set(ids))):
        for row in session.execute(_DIGESTS, {"project": project, "ids": part}):
            digests = found.setdefault(row.id, set())
            if row.digest is not None:
                digests.add(Digest(row.digest))
    return {version_id: frozenset(digests) for version_id, digests in found.items()}


def assemble(row: Row[Any], files: tuple[ArtifactFile, ...] = ()) -> ArtifactVersion:
    """Return the version of a row."""
    return ArtifactVersion(
        id=row.id,
        project=row.project,
        name=row.name,
        version=row.label,
        ordinal=row.ordinal,
        data_type=row.data_type,
        format=row.format,
        materializer=row.materializer,
        kind=ArtifactKind(row.kind),
        metadata=load_mapping(row.metadata),
        tags=load_texts(row.tags),
        aliases=tuple(sorted(row.aliases.split(","))) if row.aliases else (),
        files=files,
        file_count=row.file_count,
        size=row.size,
        content_digest=Digest(row.content_digest),
        created_at=moment(row.created_at),
        revision=row.revision,
        producer=_producer(row),
        deleted=row.deleted_at is not None,
        named=row.named,
        description=row.description,
    )


def _producer(row: Row[Any]) -> Producer | None:
    if row.step_run_id is None:
        return None
    # Rows from before attempts were counted have 0.
    attempt = max(1, row.step_attempt)
    return Producer(row.run_id, row.step_run_id, row.pipeline_name, row.invocation, row.output_name, attempt)
