"""A page that shows a value, as text: its tables as tables, its histograms as bars of blocks."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from html.parser import HTMLParser

from argosy.execution.views.terminal_text import one_line, width_of

_BLOCKS = " ▁▂▃▄▅▆▇█"
_BAR = re.compile(r"M(\d{1,3}) \d{1,3}v-([1-9]\d{0,2})h(\d{1,3})")
"""As :func:`argosy.materializers.previews.page.bars` draws one; anybody may have saved a page with longer numbers."""
_MOST_ROWS = 25
_MOST_CHARACTERS = 200
_FOLDED = 16
"""So much room at least has a column whose cells are folded."""
_GAP = 2
_PARAGRAPHS = frozenset({"p", "h2", "pre"})


class _Page(HTMLParser):
    """What a page says, block by block: a text, or the rows of a table."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.blocks: list[str | list[list[str]]] = []
        self._text: list[str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.blocks.append([])
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("td", "th") or tag in _PARAGRAPHS:
            self._text = []
        elif tag == "br" and self._text is not None:
            self._text.append(" ")
        elif tag == "img" and self.blocks:
            self.blocks.pop()  # a picture is no text, and its heading would stand there alone
        elif tag == "path" and (bars := _bars(dict(attrs).get("d") or "")):
            if self._text is None:
                self.blocks.append(bars)
            else:
                self._text.append(bars)

    def handle_endtag(self, tag: str) -> None:
        if self._text is None:
            return
        text = "".join(self._text)
        if tag in ("td", "th") and self._rows:
            self._rows[-1].append(one_line(text))
        elif tag in _PARAGRAPHS:
            self.blocks.append("\n".join(map(one_line, text.splitlines())))
        else:
            return
        self._text = None

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    @property
    def _rows(self) -> list[list[str]] | None:
        last = self.blocks[-1] if self.blocks else None
        return last if isinstance(last, list) else None


def print_page(page: str, width: int) -> None:
    """Print a page made by :mod:`argosy.materializers.previews.page`, cut to the width of the terminal."""
    from argosy.cli.output import print_line

    for block in _Page(page).blocks:
        if isinstance(block, str):
            print_line(f"\n{block}" if "\n" not in block else block)
        elif block:
            print_rows(block[0], block[1:], width)
    sys.stdout.flush()


def print_rows(
    head: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, most_rows: int = _MOST_ROWS, folds: bool = False
) -> None:
    """Print a table as far as it has room, and say how much of it is left out.

    Args:
        head: titles of the columns.
        rows: cells, one for each column.
        width: of the terminal.
        most_rows: so many are shown.
        folds: whether wide columns share the width, their cells on several lines, instead of being left out.
    """
    from argosy.cli.output import print_line, print_table

    widest = _FOLDED if folds else width
    table = [[_cut(cell) for cell in row] for row in [head, *rows[:most_rows]]]
    shown = _fitting(table, width, widest)
    print_table(table[0][:shown], [row[:shown] for row in table[1:]], right=_numeric(table[0], table[1:]))
    counts = ((len(head) - shown, "column"), (len(rows) - most_rows, "row"))
    if left_out := [f"{count:,} more {what}{'s' * (count > 1)}" for count, what in counts if count > 0]:
        print_line(f"… {', '.join(left_out)}")


def _cut(cell: str) -> str:
    return cell if len(cell) <= _MOST_CHARACTERS else f"{cell[: _MOST_CHARACTERS - 1]}…"


def _fitting(rows: Sequence[Sequence[str]], width: int, widest: int) -> int:
    """Return how many columns have room, at least one; none of them asks for more than the widest."""
    used = 0
    columns = list(zip(*rows, strict=False))
    for shown, cells in enumerate(columns):
        used += min(max(map(width_of, cells)), widest) + _GAP
        if used - _GAP > width:
            return max(shown, 1)
    return len(columns)


def _numeric(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the titles of the columns that hold numbers."""
    columns = zip(head, *rows, strict=False)
    return [title for title, *cells in columns if all(re.fullmatch(r"[-+\d.,e%·]*|NaN", cell) for cell in cells)]


def _bars(path: str) -> str:
    """Return the bars of a histogram as characters."""
    bars = [(int(x), int(tall), int(wide) + 1) for x, tall, wide in _BAR.findall(path)]
    if not bars:
        return ""
    highest, line = max(tall for _, tall, _ in bars), {}
    for x, tall, step in bars:
        line[x // step] = _BLOCKS[max(1, round(tall / highest * (len(_BLOCKS) - 1)))]
    return "".join(line.get(place, " ") for place in range(max(line) + 1))
