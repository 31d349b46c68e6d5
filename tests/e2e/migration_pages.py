"""What the pages for people who come from somewhere else have in common: examples, and tables of calls."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import typer.main

from argosy.cli.application import app as client_app
from argosy_server.cli.application import app as server_app

ROOT = Path(__file__).resolve().parents[2]
APPS = {"argosy": client_app, "argosy-server": server_app}
DECORATED = "\ndef decorated(x=None, verbose=False):\n    return x\n"
"""What a snippet that is a decorator decorates."""


class MigrationPage:
    """A page of ``docs`` whose right-hand columns are code."""

    def __init__(self, name: str) -> None:
        """Read the page.

        Args:
            name: its file name.
        """
        self.text = (ROOT / "docs" / name).read_text()
        lines = re.findall(r"^\| .*\n(?!\|-)", self.text, re.MULTILINE)
        self.rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
        self.calls = [row[1] for row in self.rows if len(row) == 2]
        snippets = [snippet for cell in self.calls for snippet in re.findall(r"`([^`]+)`", cell)]
        self.commands = [snippet for snippet in snippets if snippet.split()[0] in APPS]
        self.snippets = [snippet for snippet in snippets if snippet.split()[0] not in APPS]

    def blocks(self, language: str) -> list[str]:
        """Return the text of each block of a language."""
        return re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)

    def run_blocks(self, folder: Path) -> dict[str, Any]:
        """Run all examples, one after the other; as one program, so that the code of their steps is in a file."""
        return _run("\n".join(self.blocks("python")), folder)

    def run_snippets(self, folder: Path, **values: Any) -> None:
        """Run the first example, and then every snippet of the tables where its names are known."""
        namespace = _run(self.blocks("python")[0], folder) | values
        for snippet in self.snippets:
            text = snippet + (DECORATED if snippet.startswith("@") else "")
            exec(compile(text, snippet, "exec"), namespace)  # a traceback names the snippet

    def check_calls_have_snippets(self, at_least: int) -> None:
        """Check that no row of the tables is prose alone."""
        assert len(self.calls) >= at_least
        assert [cell for cell in self.calls if not re.search("`[^`]+`", cell)] == []


def check_command(line: str) -> None:
    """Check that a line of a shell is understood: its command, each of its options and arguments. It is not run.

    Raises:
        UsageError: it is not.
    """
    program, *words = shlex.split(line)
    command: Any = typer.main.get_command(APPS[program])
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context(program, words)


def _run(text: str, folder: Path) -> dict[str, Any]:
    program = folder / "page.py"
    program.write_text(text)
    return runpy.run_path(str(program), run_name="page")
