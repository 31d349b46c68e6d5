"""Lists of versions, whose first page comes at once whatever the filter and however many versions there are.

Each filter has an index that holds the versions which pass it in the order of the list: of the facts, the tags, or the
versions themselves. Only the rows of the page are then looked up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, select, tuple_

from argosy_server.adapters.metadata.artifact_lists import long_texts
from argosy_server.adapters.metadata.page_cut import fetch
from argosy_server.adapters.metadata.session import Session
from argosy_server.adapters.metadata.tables import artifacts, version_facts, version_tags, versions
from argosy_server.adapters.metadata.times import microseconds
from argosy_server.adapters.metadata.version_queries import LIVE, OF_NAME, VERSIONS, assemble
from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.errors import CursorExpired
from argosy_server.domain.json_value import value_digest
from argosy_server.domain.paging import Page, PageRequest

_NO_ARTIFACT = -1
_ARTIFACT_NAMED = select(artifacts.c.seq).where(OF_NAME)
MANY = 1000
"""Of several filters the one fewest versions pass is looked at first; from so many on, they are alike."""


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
    artifact_seq: int = _NO_ARTIFACT


def list_versions(
    session: Session, wanted: VersionFilter, oldest_first: bool, page: PageRequest
) -> Page[ArtifactVersion]:
    """Return live versions without files, by order of creation in the project."""
    if wanted.name:
        # Looked up first, so that PostgreSQL knows whose versions are meant, and how many those are.
        found = session.execute(_ARTIFACT_NAMED, {"project": wanted.project, "name": wanted.name}).scalar_one_or_none()
        wanted = replace(wanted, artifact_seq=_NO_ARTIFACT if found is None else found)
    keys, order = _keys(session, wanted)
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


def _keys(session: Session, wanted: VersionFilter) -> tuple[Select[Any], tuple[ColumnElement[int], ...]]:
    """Return the select of the versions' seq, and the columns that give its order."""
    by_time = wanted.created_from is not None or wanted.created_until is not None
    finders = _finders(wanted)
    if not finders:
        keys = select(versions.c.seq).where(*_of_versions(wanted))
        return keys, (versions.c.created_at, versions.c.seq) if by_time else (versions.c.seq,)
    first = finders[0] if len(finders) == 1 else min(finders, key=lambda finder: _bounded_count(session, finder))
    keys = select(first.seq).where(*first.conditions)
    for other in finders:
        if other is not first and other.seq is not versions.c.seq:
            keys = keys.where(select(other.seq).where(*other.conditions, other.seq == first.seq).exists())
    if wanted.name or wanted.pipeline_name or by_time:
        if first.seq is not versions.c.seq:
            keys = keys.join(versions, versions.c.seq == first.seq)
        keys = keys.where(*_of_versions(wanted))
    return keys, (first.seq,)


class _Finder(NamedTuple):
    """An index that holds the versions which pass one filter, in the order of the list."""

    seq: ColumnElement[int]
    conditions: Sequence[ColumnElement[bool]]


def _finders(wanted: VersionFilter) -> list[_Finder]:
    found: list[_Finder] = []
    for key, text in sorted(wanted.metadata.items()):
        fact = version_facts.alias().c
        is_equal = (fact.project == wanted.project, fact.key == key, fact.value_digest == value_digest(text))
        found.append(_Finder(fact.version_seq, is_equal))
    if wanted.tag:
        is_tagged = (version_tags.c.project == wanted.project, version_tags.c.tag == wanted.tag)
        found.append(_Finder(version_tags.c.version_seq, is_tagged))
    if wanted.name or wanted.pipeline_name:
        found.append(_Finder(versions.c.seq, _of_versions(replace(wanted, created_from=None, created_until=None))))
    return found


def _bounded_count(session: Session, finder: _Finder) -> int:
    """Count what passes a filter, but not for long: many are many."""
    some = select(finder.seq).where(*finder.conditions).limit(MANY).subquery()
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())


def _of_versions(wanted: VersionFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [versions.c.project == wanted.project, LIVE]
    if wanted.name:
        number: Any = bindparam("artifact_seq", wanted.artifact_seq, literal_execute=True)
        conditions.append(versions.c.artifact_seq == number)
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
