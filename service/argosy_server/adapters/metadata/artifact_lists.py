"""Lists of artifacts and versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select

from argosy_server.adapters.metadata.page_cut import after, fetch
from argosy_server.adapters.metadata.session import Session
from argosy_server.adapters.metadata.tables import artifacts, step_runs, version_tags, versions
from argosy_server.adapters.metadata.times import microseconds
from argosy_server.adapters.metadata.version_queries import LIVE, VERSIONS, assemble
from argosy_server.domain.artifact import ArtifactSummary, ArtifactVersion
from argosy_server.domain.paging import Page, PageRequest

_NEWER = versions.alias("newer")
_LAST_ORDINAL = (
    select(func.max(_NEWER.c.ordinal))
    .where(_NEWER.c.artifact_seq == artifacts.c.seq, _NEWER.c.deleted_at.is_(None))
    .scalar_subquery()
)
_ARTIFACTS = VERSIONS.where(artifacts.c.project == bindparam("project"), versions.c.ordinal == _LAST_ORDINAL).order_by(
    artifacts.c.name
)
_COUNTS = (
    select(versions.c.artifact_seq, func.count().label("live"))
    .where(versions.c.artifact_seq.in_(bindparam("seqs", expanding=True)), LIVE)
    .group_by(versions.c.artifact_seq)
)


@dataclass(frozen=True)
class VersionFilter:
    """Which versions are wanted; empty texts and ``None`` mean any."""

    project: str
    name: str
    pipeline_name: str
    tag: str
    created_from: datetime | None
    created_until: datetime | None


def list_artifacts(
    session: Session, project: str, name_contains: str, include_unnamed: bool, page: PageRequest
) -> Page[ArtifactSummary]:
    """Return a row for each artifact that has a live version, sorted by name.

    An artifact is unnamed when its latest version is.
    """
    statement = _ARTIFACTS
    if name_contains:
        statement = statement.where(artifacts.c.folded_name.contains(name_contains.casefold(), autoescape=True))
    if not include_unnamed:
        statement = statement.where(versions.c.named)
    if (start := after(page, str)) is not None:
        statement = statement.where(artifacts.c.name > start)
    rows, last = fetch(session, statement, {"project": project}, page.size, lambda row: (row.name,), _long_texts)
    counts = {row.artifact_seq: row.live for row in session.execute(_COUNTS, {"seqs": [r.artifact_seq for r in rows]})}
    return Page([ArtifactSummary(row.name, assemble(row), counts[row.artifact_seq]) for row in rows], last)


def list_versions(
    session: Session, wanted: VersionFilter, oldest_first: bool, page: PageRequest
) -> Page[ArtifactVersion]:
    """Return live versions without files, by order of creation in the project."""
    statement = _filtered(wanted)
    start = after(page, int)
    if oldest_first:
        statement = statement.order_by(versions.c.seq)
        statement = statement if start is None else statement.where(versions.c.seq > start)
    else:
        statement = statement.order_by(versions.c.seq.desc())
        statement = statement if start is None else statement.where(versions.c.seq < start)
    rows, last = fetch(session, statement, {}, page.size, lambda row: (row.seq,), _long_texts)
    return Page([assemble(row) for row in rows], last)


def _filtered(wanted: VersionFilter) -> Select[Any]:
    statement = VERSIONS.where(versions.c.project == wanted.project, LIVE)
    if wanted.name:
        artifact = select(artifacts.c.seq).where(artifacts.c.project == wanted.project, artifacts.c.name == wanted.name)
        statement = statement.where(versions.c.artifact_seq == artifact.scalar_subquery())
    if wanted.pipeline_name:
        statement = statement.where(step_runs.c.pipeline_name == wanted.pipeline_name)
    if wanted.tag:
        tagged = select(version_tags.c.version_seq).where(
            version_tags.c.project == wanted.project, version_tags.c.tag == wanted.tag
        )
        statement = statement.where(versions.c.seq.in_(tagged))
    if wanted.created_from is not None:
        statement = statement.where(versions.c.created_at >= microseconds(wanted.created_from))
    if wanted.created_until is not None:
        statement = statement.where(versions.c.created_at < microseconds(wanted.created_until))
    return statement


def _long_texts(row: Row[Any]) -> tuple[str, ...]:
    return row.metadata, row.tags, row.description
