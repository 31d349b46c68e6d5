"""Pages that show a value: plain HTML and SVG in themselves, no scripts, nothing from elsewhere, every text escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

MOST_CHARACTERS = 80
"""Texts in a page are cut to so many."""

_STYLE = """
:root{color-scheme:light}
body{font:13px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;color:#1f2328;background:#fff;margin:12px}
p{margin:0 0 8px}h2{font-size:13px;margin:16px 0 6px}.dim{color:#656d76}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:3px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid #eaeef2}
thead th{border-bottom:1px solid #afb8c1;font-weight:600}tbody th{color:#656d76;font-weight:400}
.left{text-align:left}tbody tr:nth-child(even){background:#f6f8fa}svg{vertical-align:middle}
pre{font:12px/1.4 ui-monospace,Menlo,Consolas,monospace;margin:0;white-space:pre}.wide{overflow-x:auto}
"""
_HEAD = '<!DOCTYPE html>\n<meta charset="utf-8">\n<meta name="generator" content="argosy">\n'
NOTHING = '<span class="dim">·</span>'
"""What stands in a cell where there is nothing to tell."""


def page(*parts: str) -> bytes:
    """Return a page made of pieces of HTML."""
    text = f"{_HEAD}<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n"
    return text.encode("utf-8", "backslashreplace")


def is_drawn_by_us(content: bytes) -> bool:
    """Tell whether a page is one of :func:`page`, whose tables and histograms can be shown as text."""
    return content.startswith(_HEAD.encode())


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a text on one line, not longer than a cell may be, escaped."""
    short = text if len(text) <= most else f"{text[: most - 1]}…"
    return html.escape(short.replace("\n", "⏎"))


def table(
    head: Sequence[str], rows: Iterable[Iterable[str]], *, left: frozenset[int] = frozenset(), labelled: bool = True
) -> str:
    """Return a table.

    Args:
        head: titles of the columns, escaped.
        rows: cells as HTML, one for each column.
        left: which columns are aligned to the left.
        labelled: whether the first cell of a row is its label.
    """
    sides = [' class="left"' if place in left else "" for place in range(len(head))]
    titles = "".join(f"<th{side}>{title}</th>" for title, side in zip(head, sides, strict=True))
    lines = []
    for label, *cells in rows:
        body = "".join(f"<td{side}>{cell}</td>" for cell, side in zip(cells, sides[1:], strict=True))
        first = "th" if labelled else "td"
        lines.append(f"<tr><{first}{sides[0]}>{label}</{first}>{body}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{titles}</tr></thead>\n<tbody>\n'
        + "\n".join(lines)
        + "\n</tbody></table></div>"
    )


def counted(count: int, what: str) -> str:
    """Return how many there are of something: ``1 row``, ``12,345 rows``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def number(value: float) -> str:
    """Return a number in few characters: ``0.1235``, ``12,345``, ``1.2e+09``."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e7:
        return f"{int(value):,}"
    return f"{value:,.1f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def most_frequent(values: Iterable[Any], most: int = 3) -> str:
    """Return the most frequent ones among some values with their shares, escaped; nothing if all are different."""
    counted: dict[str, int] = {}
    total = 0
    for value in values:
        text = value[:MOST_CHARACTERS] if isinstance(value, str) else str(value)[:MOST_CHARACTERS]
        counted[text] = counted.get(text, 0) + 1
        total += 1
    best = sorted(counted.items(), key=lambda entry: -entry[1])[:most]
    if not best or best[0][1] == 1:
        return ""
    return ", ".join(f'{cut(text, 24)} <span class="dim">{count / total:.0%}</span>' for text, count in best)
