"""Inserting a version: its number, its rows, its aliases."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, bindparam, case, select, update

from argosy_server.adapters.metadata.blob_repository import SqlBlobRepository
from argosy_server.adapters.metadata.fact_rows import insert_facts
from argosy_server.adapters.metadata.session import Insert, Session, upsert
from argosy_server.adapters.metadata.tables import aliases, artifacts, version_files, version_tags, versions
from argosy_server.adapters.metadata.texts import dump
from argosy_server.adapters.metadata.times import microseconds, moment
from argosy_server.domain.artifact import ArtifactFile, ArtifactSpec, ArtifactVersion, Producer, content_digest
from argosy_server.domain.blob import refuse_missing
from argosy_server.domain.errors import LimitExceeded, VersionExists
from argosy_server.domain.identifiers import Digest, new_id, version_number

LAST_NUMBER = 10**18 - 1
_INSERT_FILES = version_files.insert()
_INSERT_TAGS = version_tags.insert()
_LOSING = select(aliases.c.version_seq).where(
    aliases.c.artifact_seq == bindparam("of_artifact"),
    aliases.c.alias.in_(bindparam("names", expanding=True)),
    aliases.c.version_seq != bindparam("gaining"),
)
_REVISE_LOSING = update(versions).where(versions.c.seq.in_(_LOSING)).values(revision=versions.c.revision + 1)


@cache
def _move_counter(dialect: str, automatic: bool) -> Insert:
    """Lock the artifact's row, or make it, and give the next ordinal; a number given by hand raises the counter."""
    statement = upsert(dialect, artifacts)
    given = statement.excluded.last_number
    raised = case((artifacts.c.last_number < given, given), else_=artifacts.c.last_number)
    moved = statement.on_conflict_do_update(
        index_elements=[artifacts.c.project, artifacts.c.name],
        set_={
            "last_ordinal": artifacts.c.last_ordinal + 1,
            "last_number": artifacts.c.last_number + 1 if automatic else raised,
        },
    )
    result: Insert = moved.returning(  # type: ignore[assignment]  # the same statement with its columns typed
        artifacts.c.seq, artifacts.c.last_number, artifacts.c.last_ordinal
    )
    return result


@cache
def _insert_version(dialect: str) -> Insert:
    kept = upsert(dialect, versions).on_conflict_do_nothing(index_elements=[versions.c.artifact_seq, versions.c.label])
    result: Insert = kept.returning(versions.c.seq)  # type: ignore[assignment]  # the same statement
    return result


@cache
def _point_alias(dialect: str) -> Insert:
    statement = upsert(dialect, aliases)
    return statement.on_conflict_do_update(
        index_elements=[aliases.c.artifact_seq, aliases.c.alias],
        set_={"version_seq": statement.excluded.version_seq},
    )


def lock_blobs(session: Session, project: str, digests: Collection[Digest]) -> None:
    """Keep blobs live until the transaction ends.

    Raises:
        BlobMissing: one of them is not live.
    """
    refuse_missing(project, set(digests) - SqlBlobRepository(session).lock_live(project, digests))


def insert_version(
    session: Session, project: str, spec: ArtifactSpec, files: Sequence[ArtifactFile], producer: Producer | None
) -> ArtifactVersion:
    """Insert a version under the next number or the label of ``spec``, and move its aliases to it.

    Raises:
        VersionExists: the label is taken.
        LimitExceeded: no version number is left.
    """
    artifact = _count(session, project, spec)
    version = _new_version(session, project, spec, files, producer, artifact)
    row = {
        "id": version.id,
        "project": project,
        "artifact_seq": artifact.seq,
        "label": version.version,
        "ordinal": version.ordinal,
        "data_type": spec.data_type,
        "format": spec.format,
        "materializer": spec.materializer,
        "kind": spec.kind.value,
        "named": spec.named,
        "metadata": dump(spec.metadata),
        "tags": dump(version.tags),
        "file_count": version.file_count,
        "size": version.size,
        "content_digest": version.content_digest.text,
        "created_at": microseconds(version.created_at),
        "deleted_at": None,
        "revision": version.revision,
        "step_run_id": producer.step_run_id if producer else None,
        "output_name": producer.output_name if producer else "",
        "step_attempt": producer.attempt if producer else 0,
        "description": spec.description,
        "pipeline_name": producer.pipeline_name if producer else "",
    }
    seq = session.execute(_insert_version(session.dialect), row).scalar_one_or_none()
    if seq is None:
        raise VersionExists(
            f"artifact {spec.name!r} has a version {version.version!r} already; labels "
            "of deleted versions stay taken; choose another label, or none for the next number",
            resource=f"artifact {spec.name!r}",
            version=version.version,
        )
    insert_tags(session, project, seq, version.tags)
    insert_facts(session, project, seq, version.metadata)
    if files:
        key = {"version_seq": seq, "project": project}
        rows = [{**key, "path": file.path, "digest": file.digest.text, "size": file.size} for file in files]
        session.execute(_INSERT_FILES, rows)
    point_aliases(session, artifact.seq, seq, version.aliases)
    return version


def insert_tags(session: Session, project: str, version_seq: int, tags: Iterable[str]) -> None:
    """Write the rows by which tags find a version; ``versions.tags`` is written by the caller."""
    rows = [{"project": project, "tag": tag, "version_seq": version_seq} for tag in tags]
    if rows:
        session.execute(_INSERT_TAGS, rows)


def point_aliases(session: Session, artifact_seq: int, version_seq: int, names: Sequence[str]) -> None:
    """Point aliases of an artifact at a version; versions that lose one are revised. The artifact's row is locked."""
    if not names:
        return
    session.execute(_REVISE_LOSING, {"of_artifact": artifact_seq, "names": list(names), "gaining": version_seq})
    key = {"artifact_seq": artifact_seq, "version_seq": version_seq}
    session.execute(_point_alias(session.dialect), [{**key, "alias": name} for name in names])


def _count(session: Session, project: str, spec: ArtifactSpec) -> Row[Any]:
    number = version_number(spec.version)
    automatic = not spec.version
    row = session.execute(
        _move_counter(session.dialect, automatic),
        {
            "project": project,
            "name": spec.name,
            "folded_name": spec.name.casefold(),
            "last_number": 1 if automatic else number or 0,
            "last_ordinal": 1,
        },
    ).one()
    if row.last_number > LAST_NUMBER:
        raise LimitExceeded(
            f"artifact {spec.name!r} has used version number {LAST_NUMBER}, the highest one; give a label",
            resource=f"artifact {spec.name!r}",
            limit=LAST_NUMBER,
        )
    return row


def _new_version(
    session: Session,
    project: str,
    spec: ArtifactSpec,
    files: Sequence[ArtifactFile],
    producer: Producer | None,
    artifact: Row[Any],
) -> ArtifactVersion:
    return ArtifactVersion(
        id=new_id(),
        project=project,
        name=spec.name,
        version=spec.version or str(artifact.last_number),
        ordinal=artifact.last_ordinal,
        data_type=spec.data_type,
        format=spec.format,
        materializer=spec.materializer,
        kind=spec.kind,
        metadata=dict(spec.metadata),
        tags=tuple(sorted(set(spec.tags))),
        aliases=tuple(sorted(set(spec.aliases))),
        files=tuple(sorted(files, key=lambda file: file.path.encode())),
        file_count=len(files),
        size=sum(file.size for file in files),
        content_digest=content_digest(files),
        created_at=moment(session.now()),
        revision=1,
        producer=producer,
        deleted=False,
        named=spec.named,
        description=spec.description,
    )
