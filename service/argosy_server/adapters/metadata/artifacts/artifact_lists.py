"""Lists of artifacts. Those of versions lie beside."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, func, select

from argosy_server.adapters.metadata.artifacts.version_queries import LIVE, VERSIONS, assemble
from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.rows.page_cut import after, fetch
from argosy_server.adapters.metadata.schema.tables import artifacts, versions
from argosy_server.domain.artifact import ArtifactSummary
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
    rows, last = fetch(session, statement, {"project": project}, page.size, lambda row: (row.name,), long_texts)
    counts = {row.artifact_seq: row.live for row in session.execute(_COUNTS, {"seqs": [r.artifact_seq for r in rows]})}
    return Page([ArtifactSummary(row.name, assemble(row), counts[row.artifact_seq]) for row in rows], last)


def long_texts(row: Row[Any]) -> tuple[str, ...]:
    """Return what of a version's row has no small limit of its own."""
    return row.metadata, row.tags, row.description
