"""How commands answer: a table for people, JSON for programs, and lines that are never wrapped."""

from __future__ import annotations

import enum
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from argosy.execution.amounts import format_bytes as format_bytes

PLAIN_WIDTH = 10_000
"""Columns of a table that goes to a file or pipe: nothing is cut there."""


class Format(str, enum.Enum):
    """What ``--output`` may be."""

    table = "table"
    json = "json"


OutputOption = Annotated[Format, typer.Option("--output", "-o", help="For people or for programs.")]


def print_line(text: str) -> None:
    """Print one line as it is."""
    print(text)  # noqa: T201 - answering is what this module is for


def print_note(text: str) -> None:
    """Print a remark to stderr, where it does not get into a pipe."""
    print(text, file=sys.stderr)  # noqa: T201 - as above


def print_json(document: Any) -> None:
    """Print a JSON document, readable and in UTF-8."""
    print_line(json.dumps(document, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print a table; the columns named in ``right`` are aligned to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
    with console.capture() as lines:
        console.print(table)
    for line in lines.get().splitlines():
        print_line(line.rstrip())  # rich fills the last column up


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and texts in two columns, leaving out what is empty."""
    shown = [(name, text) for name, text in facts if text]
    width = max((len(name) for name, _ in shown), default=0)
    for name, text in shown:
        print_line(f"{name:<{width}}  {text}")


def format_time(moment: str | None) -> str:
    """Return an ISO time as the local date and time, to the second."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""
