"""``argosy config show``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from argosy.cli.output import (
    Column,
    ColumnsOption,
    Format,
    OutputOption,
    cell_text,
    chosen_keys,
    print_documents,
    print_note,
)
from argosy.cli.store import store_of

_KEYS = ("name", "value", "source", "variable")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else cell_text(value) or '""'


_COLUMNS = (Column("name"), Column("value", text=_shown), Column("source"), Column("variable"))


def show_config(
    context: typer.Context,
    output: OutputOption = Format.table,
    columns: ColumnsOption = None,
) -> None:
    """Show every setting, what it is now, and what said so. Nothing is opened; credentials are not shown.

    \b
    Examples:
      argosy config show
      argosy config show --server grpc://host:50051         what would hold with it
      argosy config show -o json | jq -r '.[] | select(.source != "default") | .name'
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    chosen = chosen_keys(columns, _KEYS)
    settings = store_of(context).explained()
    documents = [
        {"name": item.name, "value": _plain(item.value), "source": item.source, "variable": item.variable}
        for item in settings
    ]
    print_documents(documents, _COLUMNS, output, chosen)
    if output is Format.table:
        print_note("change config.toml in the home directory with: argosy config set NAME VALUE")


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
