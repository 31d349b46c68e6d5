"""Deleting many versions by rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, literal, select, update

from argosy_server.adapters.metadata.artifacts.fact_rows import drop_facts, fact_rows
from argosy_server.adapters.metadata.artifacts.version_queries import LIVE
from argosy_server.adapters.metadata.connections.session import Session, batches
from argosy_server.adapters.metadata.rows.texts import load_mapping
from argosy_server.adapters.metadata.rows.times import microseconds
from argosy_server.adapters.metadata.schema.tables import (
    aliases,
    artifacts,
    step_versions,
    version_files,
    version_tags,
    versions,
)
from argosy_server.domain.pruning import Prunable, PruneRule

_IDS: Any = bindparam("ids", expanding=True)
_SEQS: Any = bindparam("seqs", expanding=True)
_FIND = (
    select(versions.c.seq, versions.c.metadata)
    .where(versions.c.project == bindparam("project"), versions.c.id.in_(_IDS), LIVE)
    .order_by(versions.c.seq)
)
_DROPS = [
    delete(version_tags).where(version_tags.c.version_seq.in_(_SEQS)),
    delete(version_files).where(version_files.c.version_seq.in_(_SEQS)),
    delete(aliases).where(aliases.c.version_seq.in_(_SEQS)),
]
_BURY = (
    update(versions)
    .where(versions.c.seq.in_(_SEQS))
    .values(deleted_at=bindparam("now"), metadata="{}", tags="[]", description="", revision=versions.c.revision + 1)
)
_ALIASED = select(aliases.c.alias).where(aliases.c.version_seq == versions.c.seq).exists()
_USED = (
    versions.c.step_run_id.is_not(None)
    | select(step_versions.c.seq)
    .where(step_versions.c.project == versions.c.project, step_versions.c.version_id == versions.c.id)
    .exists()
)


def prunable(session: Session, project: str, rule: PruneRule) -> list[Prunable]:
    """Return the live versions a rule means, newest first; in a transaction that writes they stay as they are."""
    wanted = (
        select(versions.c.id, versions.c.size, _USED.label("is_used"), _ALIASED.label("is_aliased"))
        .where(versions.c.project == project, LIVE, *_conditions(project, rule))
        .order_by(versions.c.seq.desc())
    )
    if session.locks:
        # In this order everywhere, so that two of them do not wait for each other; and only then looked at.
        meant = select(versions.c.seq).where(versions.c.project == project, LIVE, *_conditions(project, rule))
        session.execute(meant.order_by(versions.c.seq).with_for_update(key_share=True, of=versions))
    return [Prunable(row.id, row.size, bool(row.is_used), bool(row.is_aliased)) for row in session.execute(wanted)]


def delete_many(session: Session, project: str, ids: Sequence[str]) -> None:
    """Make many versions tombstones: files, tags, aliases and metadata go; row, label, ordinal and lineage stay."""
    now = session.now()
    for part in batches(ids):
        rows = session.execute(session.locked(_FIND), {"project": project, "ids": part}).all()
        seqs = [row.seq for row in rows]
        for drop in _DROPS:
            session.execute(drop, {"seqs": seqs})
        drop_facts(session, [fact for row in rows for fact in fact_rows(project, row.seq, load_mapping(row.metadata))])
        session.execute(_BURY, {"seqs": seqs, "now": now})


def _conditions(project: str, rule: PruneRule) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if rule.name:
        artifact = select(artifacts.c.seq).where(artifacts.c.project == project, artifacts.c.name == rule.name)
        conditions.append(versions.c.artifact_seq == artifact.scalar_subquery())
    if rule.pipeline_name:
        conditions.append(versions.c.pipeline_name == rule.pipeline_name)
    if rule.tag:
        tagged = (version_tags.c.project == project) & (version_tags.c.tag == rule.tag)
        conditions.append(versions.c.seq.in_(select(version_tags.c.version_seq).where(tagged)))
    if rule.created_until is not None:
        conditions.append(versions.c.created_at < microseconds(rule.created_until))
    if rule.keep_latest:
        conditions.append(versions.c.seq.in_(_older_than_latest(project, rule.keep_latest)))
    return conditions


def _older_than_latest(project: str, kept: int) -> Any:
    """Select the versions that have at least ``kept`` newer live ones of the same artifact."""
    place = func.row_number().over(partition_by=versions.c.artifact_seq, order_by=versions.c.ordinal.desc())
    ranked = select(versions.c.seq, place.label("place")).where(versions.c.project == project, LIVE).subquery()
    return select(ranked.c.seq).where(ranked.c.place > literal(kept))
