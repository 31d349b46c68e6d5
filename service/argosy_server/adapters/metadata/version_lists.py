"""Lists of versions, whose first page comes at once whatever the filter and however many versions there are.

Each filter has an index that holds the versions which pass it, in the order of the list or few of them. Only the rows
of the page are then looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, select, tuple_

from argosy_server.adapters.metadata.artifact_lists import long_texts
from argosy_server.adapters.metadata.page_cut import fetch
from argosy_server.adapters.metadata.session import Session
from argosy_server.adapters.metadata.tables import artifacts, versions
from argosy_server.adapters.metadata.version_filter import NO_ARTIFACT, VersionFilter
from argosy_server.adapters.metadata.version_finders import MANY, Finder, finders_of, number, rarest
from argosy_server.adapters.metadata.version_queries import OF_NAME, VERSIONS, assemble
from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.errors import CursorExpired
from argosy_server.domain.paging import Page, PageRequest

_ARTIFACT_NAMED = select(artifacts.c.seq).where(OF_NAME)
_ROW = versions.alias()


def list_versions(
    session: Session, wanted: VersionFilter, oldest_first: bool, page: PageRequest
) -> Page[ArtifactVersion]:
    """Return live versions without files, by order of creation in the project."""
    if wanted.name:
        # Looked up first, so that PostgreSQL knows whose versions are meant, and how many those are.
        found = session.execute(_ARTIFACT_NAMED, {"project": wanted.project, "name": wanted.name}).scalar_one_or_none()
        wanted = replace(wanted, artifact_seq=NO_ARTIFACT if found is None else found)
    keys, order = _keys(session, wanted, oldest_first)
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


def _keys(
    session: Session, wanted: VersionFilter, oldest_first: bool
) -> tuple[Select[Any], tuple[ColumnElement[int], ...]]:
    """Return the select of the versions' seq, and the columns that give its order."""
    finders = finders_of(wanted)
    first, are_few = rarest(session, finders)
    others = first.others(finders)
    if are_few and session.dialect != "sqlite":
        return _of_few(wanted, first, others, oldest_first)
    keys, order = select(first.seq).where(*first.conditions), _order(wanted, first.seq, first.created_at)
    # Databases may turn round what exists, and begin with the other; a value is looked up.
    found = [one.scalar_subquery().is_not(None) if are_few else one.exists() for one in _at(first.seq, others)]
    return keys.where(*found), order


def _of_few(
    wanted: VersionFilter, first: Finder, others: Sequence[Finder], oldest_first: bool
) -> tuple[Select[Any], tuple[ColumnElement[int], ...]]:
    """Let PostgreSQL look each of few versions up in the others: by the limit, which cuts nothing off, it sees so."""
    columns = [first.seq.label("seq"), *([] if first.created_at is None else [first.created_at.label("created_at")])]
    order = (first.seq,) if first.created_at is None else _order(wanted, first.seq, first.created_at)
    sorted_ = [column if oldest_first else column.desc() for column in order]
    few = select(*columns).where(*first.conditions).order_by(*sorted_).limit(number(MANY)).subquery().c
    found = [one.scalar_subquery().is_not(None) for one in _at(few.seq, others)]
    return select(few.seq).where(*found), _order(wanted, few.seq, few.get("created_at"))


def _at(seq: ColumnElement[int], finders: Sequence[Finder]) -> list[Select[Any]]:
    return [finder.at(seq) for finder in finders]


def _order(
    wanted: VersionFilter, seq: ColumnElement[int], created_at: ColumnElement[int] | None
) -> tuple[ColumnElement[int], ...]:
    """Return what lists are sorted by; ``created_at`` is looked up where no rows of versions are read."""
    if not wanted.is_by_time:
        return (seq,)
    if created_at is None:
        created_at = select(_ROW.c.created_at).where(_ROW.c.seq == seq).scalar_subquery()
    return created_at, seq


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
