"""Lists of versions, whose first page comes at once whatever the filter and however many versions there are.

Each filter has an index that holds the versions which pass it, in the order of the list or few of them. Only the rows
of the page are then looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, select, tuple_

from argosy_server.adapters.metadata.artifacts.artifact_lists import long_texts
from argosy_server.adapters.metadata.artifacts.version_filter import NO_ARTIFACT, VersionFilter
from argosy_server.adapters.metadata.artifacts.version_finders import MANY, Finder, constant, finders_of, rarest
from argosy_server.adapters.metadata.artifacts.version_queries import OF_NAME, VERSIONS, assemble
from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.rows.page_cut import fetch
from argosy_server.adapters.metadata.schema.tables import artifacts, versions
from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.errors import CursorExpired
from argosy_server.domain.paging import Page, PageRequest

_ARTIFACT_NAMED = select(artifacts.c.seq).where(OF_NAME)
_ROW = versions.alias()
NEAR = 1000
"""Of several filters, so many versions that pass the first are looked at before anything else."""


def list_versions(
    session: Session, wanted: VersionFilter, oldest_first: bool, page: PageRequest
) -> Page[ArtifactVersion]:
    """Return live versions without files, by order of creation in the project."""
    if wanted.name:
        # Looked up first, so that PostgreSQL knows whose versions are meant, and how many those are.
        found = session.execute(_ARTIFACT_NAMED, {"project": wanted.project, "name": wanted.name}).scalar_one_or_none()
        wanted = replace(wanted, artifact_seq=NO_ARTIFACT if found is None else found)
    order = _Order(wanted.is_by_time, oldest_first, page)
    finders = finders_of(wanted)
    if len(finders) == 1:
        return _page(session, order, _found(order, finders))
    # Where many pass all filters, the page is full before there is anything to choose.
    if (near := _page(session, order, _looked_up(order, finders[0], finders, NEAR))).last:
        return near
    first, are_few = rarest(session, finders)
    return _page(session, order, _looked_up(order, first, finders, MANY) if are_few else _found(order, finders))


@dataclass(frozen=True)
class _Order:
    """The order of a list, and what page of it is wanted.

    Attributes:
        is_by_time: whether by the time of creation, which may differ a little from the order in which they were.
        oldest_first: whether it goes upwards.
        page: which page.
    """

    is_by_time: bool
    oldest_first: bool
    page: PageRequest

    def columns(
        self, seq: ColumnElement[int], created_at: ColumnElement[int] | None = None
    ) -> tuple[ColumnElement[int], ...]:
        """Return what is sorted by; the time is looked up where no rows of versions are read."""
        if not self.is_by_time:
            return (seq,)
        if created_at is None:
            created_at = select(_ROW.c.created_at).where(_ROW.c.seq == seq).scalar_subquery()
        return created_at, seq

    def sort(self, statement: Select[Any], columns: Sequence[ColumnElement[int]]) -> Select[Any]:
        """Let a statement return its rows in this order."""
        return statement.order_by(*(column if self.oldest_first else column.desc() for column in columns))

    def cut(self, statement: Select[Any], columns: Sequence[ColumnElement[int]]) -> Select[Any]:
        """Sort a statement, and let it begin where the page does."""
        if (start := _start(self.page, len(columns))) is not None:
            key = tuple_(*columns)
            statement = statement.where(key > start if self.oldest_first else key < start)
        return self.sort(statement, columns)


def _page(session: Session, order: _Order, keys: Select[Any]) -> Page[ArtifactVersion]:
    """Return the versions whose numbers are selected."""
    size = order.page.size
    columns = order.columns(versions.c.seq, versions.c.created_at)
    statement = order.sort(VERSIONS.where(versions.c.seq.in_(keys.limit(size + 1))), columns)
    rows, last = fetch(session, statement, {}, size, lambda row: (row.created_at, row.seq)[-len(columns) :], long_texts)
    return Page([assemble(row) for row in rows], last)


def _found(order: _Order, finders: Sequence[Finder]) -> Select[Any]:
    """Select the numbers of what all finders find; the first one finds them in the order of the list."""
    first = finders[0]
    exist = [other.at(first.seq).exists() for other in finders[1:] if other.created_at is None]
    return order.cut(select(first.seq).where(*first.conditions, *exist), order.columns(first.seq, first.created_at))


def _looked_up(order: _Order, first: Finder, finders: Sequence[Finder], most: int) -> Select[Any]:
    """Look so many versions that pass one filter up in the other finders, and select the numbers of what those find.

    A database may turn a join round, or what exists, and read all of the other; a value is looked up. By the limit
    PostgreSQL sees that they are few.
    """
    some = select(first.seq.label("seq")).where(*first.passes)
    if first.created_at is not None:
        some = some.add_columns(first.created_at.label("created_at"))
    if first.created_at is not None or not order.is_by_time:
        some = order.cut(some, order.columns(first.seq, first.created_at))
    found = some.limit(constant(most)).subquery().c
    values = [other.at(found.seq).scalar_subquery() for other in first.others(finders)]
    keys = select(found.seq).where(*(value.is_not(None) for value in values))
    return order.cut(keys, order.columns(found.seq, found.get("created_at")))


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
