"""``argosy version`` and ``argosy --version``."""

from __future__ import annotations

import typer

from argosy.cli.output import Format, OutputOption, print_document, print_line
from argosy.cli.store import store_of


def show_version(context: typer.Context, output: OutputOption = Format.table) -> None:
    """Tell the version, and which store commands use. Nothing is opened.

    \b
    Examples:
      argosy version
      argosy version -o json | jq -r .store
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    import platform
    from importlib.metadata import version as installed

    facts = {"argosy": installed("argosy"), "python": platform.python_version(), **store_of(context).describe()}
    print_document(facts, output)


def print_version(asked: bool) -> None:
    """Print the version and end the command, if that is what was asked for."""
    if asked:
        from importlib.metadata import version as installed

        print_line(f"argosy {installed('argosy')}")
        raise typer.Exit
