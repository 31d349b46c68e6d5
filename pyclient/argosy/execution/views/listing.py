"""What a list of a client yields, which a notebook shows as a table."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from html import escape
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST_ROWS = 20
_CELL = "text-align:left"


class Listing(Iterator[T], Generic[T]):
    """Yields items, page by page as they are taken; to be shown, the first of them are fetched and kept until then."""

    def __init__(self, items: Iterator[T], what: str, columns: Mapping[str, Callable[[T], object]]) -> None:
        """Take ``items`` as they are asked for.

        Args:
            items: what is yielded.
            what: what they are, in the plural.
            columns: what a table shows of each, by title.
        """
        self._items = items
        self._what = what
        self._columns = columns
        self._ahead: deque[T] = deque()

    def __next__(self) -> T:
        return self._ahead.popleft() if self._ahead else next(self._items)

    def __repr__(self) -> str:
        return f"<{self._what}, one after the other: list(...) or a loop takes them>"

    def _repr_html_(self) -> str:
        self._ahead.extend(islice(self._items, max(0, _MOST_ROWS + 1 - len(self._ahead))))
        shown = list(islice(self._ahead, _MOST_ROWS))
        if not shown:
            return f"<div>no {self._what}</div>"
        head = "".join(f'<th style="{_CELL}">{escape(title)}</th>' for title in self._columns)
        rows = "".join(
            f"<tr>{''.join(_cell(column(item)) for column in self._columns.values())}</tr>" for item in shown
        )
        more = f"<div>and more {self._what}</div>" if len(self._ahead) > _MOST_ROWS else ""
        return f"<div><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}</div>"


def _cell(value: object) -> str:
    return f'<td style="{_CELL}">{escape(_text(value))}</td>'


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
