"""Cutting lists into pages of so many rows and bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, Select

from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.domain.errors import CursorExpired
from argosy_server.domain.limits import Limits
from argosy_server.domain.paging import PageRequest

ROW_BYTES = 1024
"""Counted for each row beside its long texts: ids, names, digests and what stands around them on the wire."""

Key = tuple[str | int, ...]


def after(page: PageRequest, kind: type[str] | type[int]) -> Any:
    """Return the one value of the sort key after which the page begins, ``None`` for the first page.

    Raises:
        CursorExpired: the token is not of such a list.
    """
    if not page.after:
        return None
    if len(page.after) != 1 or type(page.after[0]) is not kind:
        raise CursorExpired("page_token is not of this list; start again without it")
    return page.after[0]


def fetch(
    session: Session,
    statement: Select[Any],
    params: dict[str, Any],
    size: int,
    key: Callable[[Row[Any]], Key],
    long_texts: Callable[[Row[Any]], tuple[str, ...]],
) -> tuple[list[Row[Any]], Key]:
    """Return the rows of one page, at least one if there are any, and the key of the last when more follow.

    Args:
        session: the transaction.
        statement: sorted by ``key``, not limited.
        params: of the statement.
        size: at most this many rows.
        key: the sort key of a row.
        long_texts: what of a row has no small limit of its own.
    """
    rows: list[Row[Any]] = []
    room = Limits.max_page_bytes
    # Read in small steps, so that a page of few rows with large metadata does not bring a thousand into memory.
    options = {"yield_per": min(size + 1, 50)}
    with session.connection.execute(statement.limit(size + 1), params, execution_options=options) as result:
        for row in result:
            room -= ROW_BYTES + sum(len(text.encode()) for text in long_texts(row))
            if rows and (len(rows) == size or room < 0):
                return rows, key(rows[-1])
            rows.append(row)
    return rows, ()
