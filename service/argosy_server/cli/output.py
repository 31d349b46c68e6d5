"""How commands answer: tables for people, JSON for programs, errors as one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import typer

PLAIN_WIDTH = 10_000
"""Columns of a table that goes to a file or pipe: nothing is cut there."""


def fail(message: str) -> NoReturn:
    """End with a clear error instead of a traceback."""
    from rich.console import Console
    from rich.text import Text

    # Whole lines: a message that is cut at the width of a terminal cannot be copied or searched.
    Console(stderr=True, soft_wrap=True).print(Text("error: ", style="bold red").append(Text(message, style="default")))
    raise typer.Exit(1)


def print_json(document: Any) -> None:
    """Print a JSON document, readable and in UTF-8."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


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
        typer.echo(line.rstrip())  # rich fills the last column up


def format_bytes(size: int) -> str:
    """Return a size as people read it: ``812 B``, ``1.5 MiB``."""
    if size < 1024:
        return f"{size} B"
    amount, unit = float(size), "B"
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):  # noqa: B007 - the last one reached is the answer
        amount /= 1024
        if amount < 1024:
            break
    return f"{amount:.1f} {unit}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return ``1 blob`` or ``2 blobs``."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"
