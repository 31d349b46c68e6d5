"""Lists: all pages up to a number of rows, and how a list ends for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from argosy.cli.output import Column, Format, print_documents, print_note

LARGEST_PAGE = 1000

LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, help="Show at most this many.")]

Fetch = Callable[[int, str], tuple[Sequence[Mapping[str, Any]], str]]
"""Takes a page size and a page token, returns the documents and the next token."""


def print_list(
    fetch: Fetch,
    limit: int,
    columns: Sequence[Column],
    output: Format,
    chosen: Sequence[str] | None,
    *,
    nothing: Iterable[str],
) -> None:
    """Print a list, and tell people on stderr that it is empty or that there is more.

    Args:
        fetch: brings a page.
        limit: the most documents to print.
        columns: what people and CSV see unless ``--columns`` says otherwise.
        output: what ``--output`` says.
        chosen: what ``--columns`` says.
        nothing: what people are told when nothing was found; asked for only then.
    """
    documents, more = _take(fetch, limit)
    print_documents(documents, columns, output, chosen)
    if not documents and output is Format.table:
        for text in nothing:
            print_note(text)
    if more:
        print_note(f"there are more than {limit}; raise --limit to see them")


def _take(fetch: Fetch, limit: int) -> tuple[list[Mapping[str, Any]], bool]:
    """Fetch pages until there are ``limit`` documents or no more; return them, and whether there are more."""
    documents: list[Mapping[str, Any]] = []
    token = ""
    while True:
        page, token = fetch(min(limit + 1 - len(documents), LARGEST_PAGE), token)
        documents += page
        if len(documents) > limit:
            return documents[:limit], True
        if not token:
            return documents, False
