"""How commands answer: a table for people, documents and rows for programs, and lines that are never wrapped."""

from __future__ import annotations

import csv
import enum
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Optional

import typer

from argosy.execution.views.amounts import format_bytes as format_bytes
from argosy.execution.views.terminal_text import one_line

PLAIN_WIDTH = 10_000
"""Columns of a table that goes to a file or pipe: nothing is cut there."""
_ESCAPED_IN_JSON = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}
"""Control characters that JSON may hold as they are, and some terminals obey."""


class Format(str, enum.Enum):
    """What ``--output`` may be."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


OutputOption = Annotated[
    Format,
    typer.Option(
        "--output", "-o", help="table: for people. json: one document. jsonl: a document a line. csv: with a heading."
    ),
]
ColumnsOption = Annotated[
    Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
    typer.Option(
        "--columns",
        metavar="KEY,...",
        help="Only these keys of the JSON document, in this order; a key inside another one as outer.inner.",
    ),
]


@dataclass(frozen=True)
class Column:
    """How a key of documents is shown to people.

    Attributes:
        key: of the document; a key inside another one as ``outer.inner``.
        title: the heading; the key's last part by default.
        text: makes the cell of the value.
        right: whether cells are aligned to the right.
    """

    key: str
    title: str = ""
    text: Callable[[Any], str] = lambda value: cell_text(value)
    right: bool = False

    @property
    def heading(self) -> str:
        """What stands above it."""
        return self.title or self.key.rpartition(".")[2].replace("_", " ").upper()


def print_line(text: str) -> None:
    """Print one line as it is."""
    print(text)  # noqa: T201 - answering is what this module is for


def print_note(text: str) -> None:
    """Print a remark to stderr, where it does not get into a pipe."""
    print(text, file=sys.stderr)  # noqa: T201 - as above


def print_json(document: Any) -> None:
    """Print a JSON document, readable and in UTF-8."""
    print_line(_json_text(document, indent=2))


def chosen_keys(columns: str | None, known: Iterable[str]) -> list[str] | None:
    """Return the keys that ``--columns`` names, ``None`` when it was not given.

    Args:
        columns: its text.
        known: the keys of the documents.

    Raises:
        typer.BadParameter: it names none, or one that no document has.
    """
    if columns is None:
        return None
    keys, known = [key.strip() for key in columns.split(",")], list(known)
    for key in keys:
        if key.partition(".")[0] not in known:
            raise typer.BadParameter(
                f"{key!r} is none of {', '.join(known)}{_perhaps(key, known)}", param_hint="'--columns'"
            )
    return keys


def print_documents(
    documents: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    output: Format = Format.table,
    chosen: Sequence[str] | None = None,
) -> None:
    """Print documents, one a row or line.

    Args:
        documents: what is listed.
        columns: what people and CSV see of it unless ``--columns`` says otherwise.
        output: what ``--output`` says.
        chosen: what ``--columns`` says, see :func:`chosen_keys`.
    """
    if output is Format.json:
        print_json([_only(document, chosen) for document in documents])
    elif output is Format.jsonl:
        for document in documents:
            print_json_line(_only(document, chosen))
    elif output is Format.csv:
        rows = CsvRows(chosen or [column.key for column in columns])
        for document in documents:
            rows.print(document)
    elif documents:
        shown = list(columns) if chosen is None else [_column_of(key, columns) for key in chosen]
        cells = [[column.text(value_at(document, column.key)) for column in shown] for document in documents]
        print_table([column.heading for column in shown], cells, right=[c.heading for c in shown if c.right])


def print_document(document: Mapping[str, Any], output: Format, chosen: Sequence[str] | None = None) -> None:
    """Print one document as ``--output`` and ``--columns`` say; as a table it is one line a key."""
    document = _only(document, chosen)
    if output is Format.json:
        print_json(document)
    elif output is Format.jsonl:
        print_json_line(document)
    elif output is Format.csv:
        CsvRows(list(document)).print(document)
    else:
        print_facts((key, cell_text(value)) for key, value in document.items())


def print_json_line(document: Any) -> None:
    """Print a JSON document in one line."""
    print_line(_json_text(document))


class CsvRows:
    """Rows of CSV below a heading: texts and numbers as they are, everything else as JSON.

    Only on a terminal texts are made harmless to it: programs get what was saved.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Print the heading."""
        self._keys = keys
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._shown = _harmless_lines if sys.stdout.isatty() else str
        self._writer.writerow(map(self._shown, keys))

    def print(self, document: Mapping[str, Any]) -> None:
        """Print the row of a document."""
        self._writer.writerow([self._shown(cell_text(value_at(document, key))) for key in self._keys])


def value_at(document: Any, key: str) -> Any:
    """Return what stands in a document at a key, ``outer.inner`` for one inside another; ``None`` if nothing does."""
    if not isinstance(document, Mapping):
        return None
    if key in document:
        return document[key]
    outer, dot, inner = key.partition(".")
    return value_at(document.get(outer), inner) if dot else None


def cell_text(value: Any) -> str:
    """Return a value as text: JSON, but for texts, and nothing for ``None``."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def comma_text(values: Iterable[str]) -> str:
    """Return texts in one cell."""
    return ", ".join(values)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print a table; the columns named in ``right`` are aligned to the right.

    This is the only place that makes one. Headings and cells may hold what anybody has saved: they do nothing to a
    terminal.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(one_line(column)), justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
    with console.capture() as lines:
        console.print(table)
    for line in lines.get().splitlines():
        print_line(line.rstrip())  # rich fills the last column up


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and texts in two columns, leaving out what is empty; as harmless to a terminal as a table is.

    Of a text with several lines each stays a line.
    """
    shown = [(one_line(name), _harmless_lines(text)) for name, text in facts if text]
    width = max((len(name) for name, _ in shown), default=0)
    for name, text in shown:
        print_line(f"{name:<{width}}  {text}")


def format_time(moment: str | None) -> str:
    """Return an ISO time as the local date and time, to the second."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def format_duration(seconds: float | None) -> str:
    """Return how long something took, in seconds; empty while it runs."""
    return "" if seconds is None else f"{seconds:.2f}"


def _perhaps(key: str, known: Sequence[str]) -> str:
    """Return the keys that may have been meant, also by a heading of the table: SIZE stands above size_bytes."""
    from argosy.graph.near_matches import did_you_mean

    word = key.lower().removesuffix("s")
    headed = [name for name in known if word in name.split("_")]
    return f" (did you mean {' or '.join(map(repr, headed))}?)" if headed else did_you_mean(key, known)


def _harmless_lines(text: str) -> str:
    """Return a text whose lines do nothing to a terminal."""
    return "\n".join(map(one_line, text.split("\n")))


def _json_text(document: Any, indent: int | None = None) -> str:
    """Return a document as JSON, with every control character as an escape."""
    return json.dumps(document, indent=indent, ensure_ascii=False).translate(_ESCAPED_IN_JSON)


def _only(document: Mapping[str, Any], keys: Sequence[str] | None) -> Mapping[str, Any]:
    return document if keys is None else {key: value_at(document, key) for key in keys}


def _column_of(key: str, columns: Sequence[Column]) -> Column:
    return next((column for column in columns if column.key == key), Column(key))
