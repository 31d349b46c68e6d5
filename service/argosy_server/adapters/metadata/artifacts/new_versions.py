"""Inserting versions: their numbers, their rows, their aliases. Of many at once each kind of row is one statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Row, bindparam, case, select, update

from argosy_server.adapters.metadata.artifacts.fact_rows import fact_rows, insert_facts
from argosy_server.adapters.metadata.blobs.blob_repository import SqlBlobRepository
from argosy_server.adapters.metadata.connections.session import Insert, Session, upsert
from argosy_server.adapters.metadata.rows.texts import dump
from argosy_server.adapters.metadata.rows.times import microseconds, moment
from argosy_server.adapters.metadata.schema.tables import aliases, artifacts, version_files, version_tags, versions
from argosy_server.domain.artifact import ArtifactSpec, ArtifactVersion, NewVersion, content_digest
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


@dataclass(frozen=True)
class _Place:
    """Where a version stands among those of its artifact."""

    artifact_seq: int
    number: int
    ordinal: int


@cache
def _move_counters(dialect: str, automatic: bool) -> Insert:
    """Lock the rows of artifacts, or make them, and count on; a number given by hand raises the counter."""
    statement = upsert(dialect, artifacts)
    given = statement.excluded
    raised = case((artifacts.c.last_number < given.last_number, given.last_number), else_=artifacts.c.last_number)
    moved = statement.on_conflict_do_update(
        index_elements=[artifacts.c.project, artifacts.c.name],
        set_={
            "last_ordinal": artifacts.c.last_ordinal + given.last_ordinal,
            "last_number": artifacts.c.last_number + given.last_number if automatic else raised,
        },
    )
    result: Insert = moved.returning(  # type: ignore[assignment]  # the same statement with its columns typed
        artifacts.c.seq, artifacts.c.name, artifacts.c.last_number, artifacts.c.last_ordinal
    )
    return result


@cache
def _insert_versions(dialect: str) -> Insert:
    kept = upsert(dialect, versions).on_conflict_do_nothing(index_elements=[versions.c.artifact_seq, versions.c.label])
    result: Insert = kept.returning(versions.c.id, versions.c.seq)  # type: ignore[assignment]  # the same statement
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


def insert_versions(session: Session, project: str, wanted: Sequence[NewVersion]) -> list[ArtifactVersion]:
    """Insert versions, each under the next number or the label of its spec, and move their aliases to them.

    Raises:
        VersionExists: a label is taken. Some rows are written then: the caller rolls them back.
        LimitExceeded: no version number is left.
    """
    now = session.now()
    made, rows = [], []
    for new, place in zip(wanted, _places(session, project, [new.spec for new in wanted]), strict=True):
        version = _version(project, new, place, now)
        made.append(version)
        rows.append(_row(version, new, place))
    seqs = {found.id: found.seq for found in session.execute(_insert_versions(session.dialect), rows)}
    for version in made:
        if version.id not in seqs:
            raise VersionExists(
                f"artifact {version.name!r} has a version {version.version!r} already; labels "
                "of deleted versions stay taken; choose another label, or none for the next number",
                resource=f"artifact {version.name!r}",
                version=version.version,
            )
    _insert_parts(session, project, [(seqs[version.id], version) for version in made])
    for version, row in zip(made, rows, strict=True):
        point_aliases(session, row["artifact_seq"], seqs[version.id], version.aliases)
    return made


def tag_rows(project: str, version_seq: int, tags: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows by which tags find a version."""
    return [{"project": project, "tag": tag, "version_seq": version_seq} for tag in tags]


def insert_tags(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of tags, as :func:`tag_rows` makes them; ``versions.tags`` is written by the caller."""
    if rows:
        session.execute(_INSERT_TAGS, rows)


def point_aliases(session: Session, artifact_seq: int, version_seq: int, names: Sequence[str]) -> None:
    """Point aliases of an artifact at a version; versions that lose one are revised. The artifact's row is locked."""
    if not names:
        return
    session.execute(_REVISE_LOSING, {"of_artifact": artifact_seq, "names": list(names), "gaining": version_seq})
    key = {"artifact_seq": artifact_seq, "version_seq": version_seq}
    session.execute(_point_alias(session.dialect), [{**key, "alias": name} for name in names])


def _insert_parts(session: Session, project: str, made: Sequence[tuple[int, ArtifactVersion]]) -> None:
    insert_tags(session, [row for seq, version in made for row in tag_rows(project, seq, version.tags)])
    insert_facts(session, [row for seq, version in made for row in fact_rows(project, seq, version.metadata)])
    files = [
        {"version_seq": seq, "project": project, "path": file.path, "digest": file.digest.text, "size": file.size}
        for seq, version in made
        for file in version.files
    ]
    if files:
        session.execute(_INSERT_FILES, files)


def _places(session: Session, project: str, specs: Sequence[ArtifactSpec]) -> list[_Place]:
    """Count for all of them, and return where each stands."""
    if any(spec.version for spec in specs):
        # A number given by hand raises the counter for those after it.
        return [_place(session, project, spec) for spec in specs]
    left = Counter(spec.name for spec in specs)
    counted = _count(session, project, {name: (count, count) for name, count in left.items()}, automatic=True)
    moved = {row.name: row for row in counted}
    places = []
    for spec in specs:
        left[spec.name] -= 1
        row, after = moved[spec.name], left[spec.name]
        places.append(_Place(row.seq, row.last_number - after, row.last_ordinal - after))
    return places


def _place(session: Session, project: str, spec: ArtifactSpec) -> _Place:
    number = version_number(spec.version) or 0 if spec.version else 1
    [row] = _count(session, project, {spec.name: (number, 1)}, automatic=not spec.version)
    return _Place(row.seq, row.last_number, row.last_ordinal)


def _count(session: Session, project: str, by: dict[str, tuple[int, int]], *, automatic: bool) -> Sequence[Row[Any]]:
    """Move the counters of artifacts by so many numbers and ordinals each, or to a number given by hand."""
    params = [
        {
            "project": project,
            "name": name,
            "folded_name": name.casefold(),
            "last_number": number,
            "last_ordinal": ordinals,
        }
        for name, (number, ordinals) in by.items()
    ]
    counted = session.execute(_move_counters(session.dialect, automatic), params).all()
    for row in counted:
        if row.last_number > LAST_NUMBER:
            raise LimitExceeded(
                f"artifact {row.name!r} has used version number {LAST_NUMBER}, the highest one; give a label",
                resource=f"artifact {row.name!r}",
                limit=LAST_NUMBER,
            )
    return counted


def _version(project: str, new: NewVersion, place: _Place, now: int) -> ArtifactVersion:
    spec, files = new.spec, new.files
    return ArtifactVersion(
        id=new_id(),
        project=project,
        name=spec.name,
        version=spec.version or str(place.number),
        ordinal=place.ordinal,
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
        created_at=moment(now),
        revision=1,
        producer=new.producer,
        deleted=False,
        named=spec.named,
        description=spec.description,
    )


def _row(version: ArtifactVersion, new: NewVersion, place: _Place) -> dict[str, Any]:
    producer = new.producer
    return {
        "id": version.id,
        "project": version.project,
        "artifact_seq": place.artifact_seq,
        "label": version.version,
        "ordinal": version.ordinal,
        "data_type": version.data_type,
        "format": version.format,
        "materializer": version.materializer,
        "kind": version.kind.value,
        "named": version.named,
        "metadata": dump(version.metadata),
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
        "description": version.description,
        "pipeline_name": producer.pipeline_name if producer else "",
    }
