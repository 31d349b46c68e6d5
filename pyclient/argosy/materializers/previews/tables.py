"""Pages about tables and columns of any library: the first rows, and a line about each column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from argosy.materializers.previews.columns import LEFT, TITLES
from argosy.materializers.previews.page import counted, cut, page, table

ROWS = 10
COLUMNS = 20
"""So many columns are shown with their first rows."""
DESCRIBED_COLUMNS = 50
"""So many have a line about them."""


def table_page(shape: tuple[int, int], sampled: int, head: str, described: Iterable[Sequence[str]]) -> bytes:
    """Return the page about a table.

    Args:
        shape: rows and columns.
        sampled: how many rows were looked at to describe the columns.
        head: the first rows, see :func:`first_rows`.
        described: label, type and what is told, see :mod:`argosy.materializers.previews.columns`, of the first
            :data:`DESCRIBED_COLUMNS` columns; nothing where nothing is known.
    """
    rows, columns = shape
    size = f"{counted(rows, 'row')} \N{MULTIPLICATION SIGN} {counted(columns, 'column')}"
    parts = [f"<p><strong>{size}</strong>{_by_a_sample(sampled, rows)}</p>", head]
    lines = list(described)
    if rows and lines:
        left = frozenset(place + 1 for place in LEFT)
        parts += ["<h2>columns</h2>", table(["", *TITLES], lines, left=left)]
        if columns > DESCRIBED_COLUMNS:
            parts.append(f'<p class="dim">and {counted(columns - DESCRIBED_COLUMNS, "more column")}</p>')
    return page(*parts)


def column_page(
    name: str | None, dtype: str, rows: int, sampled: int, head: Iterable[Sequence[str]], told: Sequence[str]
) -> bytes:
    """Return the page about a column that is no part of a table.

    Args:
        name: its name, escaped, if it has one.
        dtype: its type, escaped.
        rows: how many it has.
        sampled: how many of them were looked at.
        head: labels and cells of the first rows.
        told: what is told of it, the type first.
    """
    title = "" if name is None else f"{name}: "
    parts = [
        f"<p><strong>{title}{counted(rows, 'row')}</strong> of {dtype}{_by_a_sample(sampled, rows)}</p>",
        table(["", "value" if name is None else name], head),
    ]
    if rows:
        parts += ["<h2>in numbers</h2>", table(TITLES, [told], left=LEFT, labelled=False)]
    return page(*parts)


def first_rows(
    names: Sequence[str], labels: Sequence[str], columns: Sequence[Sequence[str]], *, texts: Iterable[int], is_cut: bool
) -> str:
    """Return the first rows as a table.

    Args:
        names: of the columns, as text.
        labels: of the rows, escaped.
        columns: their cells, escaped.
        texts: which columns hold no numbers.
        is_cut: whether there are more columns.
    """
    titles = ["", *map(cut, names), *(["…"] if is_cut else [])]
    more = [["…"] * len(labels)] if is_cut else []
    left = frozenset(place + 1 for place in texts)
    return table(titles, zip(labels, *columns, *more, strict=True), left=left)


def numbered(rows: int) -> list[str]:
    """Return the labels of the first rows of a table that has none of its own."""
    return [str(number) for number in range(min(rows, ROWS))]


def _by_a_sample(sampled: int, rows: int) -> str:
    return f", described by a sample of {sampled:,} rows" if sampled < rows else ""
