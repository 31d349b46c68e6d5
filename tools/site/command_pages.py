"""The reference of the command lines: what ``--help`` says of each command of ``argosy`` and ``argosy-server``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from argosy.cli.application import app as argosy
from argosy_server.cli.application import app as argosy_server

WIDTH = 92
"""Columns of the help."""

_INTRODUCTIONS = {
    "argosy": "Looks into a store, and brings files in and out. `argosy --install-completion` completes it in a shell.",
    "argosy-server": "Serves a store, and looks after it; [running it](../operations.md) tells when to use which.",
}


def pages() -> dict[str, str]:
    """Return the pages, by their place in the site."""
    return {f"reference/{program}.md": _page(program) for program in _INTRODUCTIONS}


def helps(program: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a program, itself first, as it is typed, with its help."""
    command = typer.main.get_command(argosy if program == "argosy" else argosy_server)
    yield from _helps(command, program, None)


def _helps(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    """Yield a command and those below it; what typer makes of them is of the click inside of it, which has no types."""
    context = command.make_context(name, [], parent=parent, resilient_parsing=True, terminal_width=WIDTH)
    yield context.command_path, command.get_help(context)
    for below in command.list_commands(context) if hasattr(command, "list_commands") else ():
        found = command.get_command(context, below)
        if not found.hidden:
            yield from _helps(found, below, context)


def _page(program: str) -> str:
    text = f"# Command line: `{program}`\n\n{_INTRODUCTIONS[program]}\n"
    for command, told in helps(program):
        level = "##" if command.count(" ") <= 1 else "###"
        text += f"\n{level} `{command}`\n\n```text\n{told.rstrip()}\n```\n"
    return text
