"""The first rows of a DataFrame as a small HTML table; all text in it is escaped."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 10
_COLUMNS = 20
_CHARACTERS = 80


def head_as_html(frame: pd.DataFrame) -> bytes:
    """Return at most 10 rows and 20 columns, each cell cut to 80 characters."""
    head = frame.iloc[:_ROWS, :_COLUMNS]
    lines = ["<!DOCTYPE html>", '<meta charset="utf-8">', "<table>", "<thead><tr><th></th>"]
    lines += [f"<th>{_text(label)}</th>" for label in head.columns]
    lines.append("</tr></thead>")
    lines.append("<tbody>")
    for row in range(head.shape[0]):
        cells = "".join(f"<td>{_text(head.iat[row, column])}</td>" for column in range(head.shape[1]))
        lines.append(f"<tr><th>{_text(head.index[row])}</th>{cells}</tr>")
    rows, columns = frame.shape
    lines += ["</tbody>", "</table>", f"<p>{rows} rows, {columns} columns</p>"]
    return "\n".join(lines).encode("utf-8", "backslashreplace")


def _text(value: Any) -> str:
    text = str(value)
    return html.escape(text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…")
