"""All pages of a list up to a number of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import typer

Row = TypeVar("Row")
LARGEST_PAGE = 1000

LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, help="Show at most this many.")]


def take(fetch: Callable[[int, str], tuple[Sequence[Row], str]], limit: int) -> tuple[list[Row], bool]:
    """Fetch pages until there are ``limit`` rows or no more.

    Args:
        fetch: takes a page size and a page token, returns the rows and the next token.
        limit: the most rows to return.

    Returns:
        The rows, and whether there are more.
    """
    rows: list[Row] = []
    token = ""
    while True:
        page, token = fetch(min(limit + 1 - len(rows), LARGEST_PAGE), token)
        rows += page
        if len(rows) > limit:
            return rows[:limit], True
        if not token:
            return rows, False
