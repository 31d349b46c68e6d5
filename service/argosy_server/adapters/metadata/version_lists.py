"""Lists of versions, whose first page comes at once whatever the filter and however many versions there are.

Each list has one table whose index holds its rows in the order of the list: the facts, the tags, or the versions
themselves. Only the rows of the page are then looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select, tuple_

from argosy_server.adapters.metadata.artifact_lists import long_texts
from argosy_server.adapters.metadata.page_cut import fetch
from argosy_server.adapters.metadata.session import Session
from argosy_server.adapters.metadata.tables import artifacts, version_facts, version_tags, versions
from argosy_server.adapters.metadata.times import microseconds
from argosy_server.adapters.metadata.version_queries import LIVE, VERSIONS, assemble
from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.errors import CursorExpired
from argosy_server.domain.json_value import value_digest
from argosy_server.domain.paging import Page, PageRequest


@dataclass(frozen=True)
class VersionFilter:
    """Which versions are wanted; what is empty or ``None`` means any."""

    project: str
    name: str
    pipeline_name: str
    tag: str
    metadata: Mapping[str, str]
    created_from: datetime | None
    created_until: datetime | None


def list_versions(
    session: Session, wanted: VersionFilter, oldest_first: bool, page: PageRequest
) -> Page[ArtifactVersion]:
    """Return live versions without files, by order of creation in the project."""
    keys, order = _keys(wanted)
    start = _start(page, len(order))
    if start is not None:
        keys = keys.where(tuple_(*order) > start if oldest_first else tuple_(*order) < start)
    keys = keys.order_by(*(column if oldest_first else column.desc() for column in order)).limit(page.size + 1)
    shown = (versions.c.created_at, versions.c.seq)[-len(order) :]
    statement = VERSIONS.where(versions.c.seq.in_(keys)).order_by(
        *(column if oldest_first else column.desc() for column in shown)
    )
    rows, last = fetch(
        session, statement, {}, page.size, lambda row: (row.created_at, row.seq)[-len(order) :], long_texts
    )
    return Page([assemble(row) for row in rows], last)


def _keys(wanted: VersionFilter) -> tuple[Select[Any], tuple[ColumnElement[int], ...]]:
    """Return the select of the versions' seq, and the columns that give its order."""
    by_time = wanted.created_from is not None or wanted.created_until is not None
    if wanted.metadata:
        keys, seq = _with_facts(wanted)
    elif wanted.tag:
        keys, seq = select(version_tags.c.version_seq).where(_tagged(wanted)), version_tags.c.version_seq
    else:
        keys, seq = select(versions.c.seq), versions.c.seq
    if seq is not versions.c.seq and (wanted.name or wanted.pipeline_name or by_time):
        keys = keys.join(versions, versions.c.seq == seq)
    if seq is versions.c.seq or wanted.name or wanted.pipeline_name or by_time:
        keys = keys.where(*_of_versions(wanted))
    alone = seq is versions.c.seq and not wanted.name and not wanted.pipeline_name
    return keys, (versions.c.created_at, seq) if by_time and alone else (seq,)


def _with_facts(wanted: VersionFilter) -> tuple[Select[Any], ColumnElement[int]]:
    first, *others = sorted(wanted.metadata.items())
    seq = version_facts.c.version_seq
    keys = select(seq).where(*_fact(version_facts, wanted.project, *first))
    for key, text in others:
        other = version_facts.alias()
        keys = keys.where(
            select(other.c.version_seq)
            .where(*_fact(other, wanted.project, key, text), other.c.version_seq == seq)
            .exists()
        )
    if wanted.tag:
        keys = keys.where(
            select(version_tags.c.version_seq).where(_tagged(wanted), version_tags.c.version_seq == seq).exists()
        )
    return keys, seq


def _fact(table: Any, project: str, key: str, text: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.project == project, table.c.key == key, table.c.value_digest == value_digest(text)


def _tagged(wanted: VersionFilter) -> ColumnElement[bool]:
    return (version_tags.c.project == wanted.project) & (version_tags.c.tag == wanted.tag)


def _of_versions(wanted: VersionFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [versions.c.project == wanted.project, LIVE]
    if wanted.name:
        artifact = select(artifacts.c.seq).where(artifacts.c.project == wanted.project, artifacts.c.name == wanted.name)
        conditions.append(versions.c.artifact_seq == artifact.scalar_subquery())
    if wanted.pipeline_name:
        conditions.append(versions.c.pipeline_name == wanted.pipeline_name)
    if wanted.created_from is not None:
        conditions.append(versions.c.created_at >= microseconds(wanted.created_from))
    if wanted.created_until is not None:
        conditions.append(versions.c.created_at < microseconds(wanted.created_until))
    return conditions


def _start(page: PageRequest, columns: int) -> tuple[int, ...] | None:
    """Return the sort key after which the page begins, ``None`` for the first page.

    Raises:
        CursorExpired: the token is not of such a list.
    """
    if not page.after:
        return None
    numbers = tuple(value for value in page.after if type(value) is int)
    if len(numbers) != columns or len(page.after) != columns:
        raise CursorExpired("page_token is not of this list; start again without it")
    return numbers
