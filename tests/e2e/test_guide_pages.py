"""What the pages for beginners show is run, prints what stands below it, and its commands do what they say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from argosy.materializers.catalog import ID_BY_FORMAT
from tests.e2e.command_line import run

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("index", "getting-started", "artifacts", "external-artifacts", "materializers", "previews")


def blocks(page: str, language: str) -> list[str]:
    fences = re.finditer(r"^```(\w+)\n(.*?)^```$", (DOCS / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
    return [fence[2] for fence in fences if fence[1] == language]


def run_page(page: str, folder: Path) -> None:
    program = folder / "page.py"  # one program: the code of its steps is found in its file
    program.write_text("\n".join(blocks(page, "python")))
    runpy.run_path(str(program), run_name=page.replace("-", "_"))


def as_printed(text: str) -> str:
    """What matches a text in which an ellipsis stands for anything."""
    return ".*?".join(map(re.escape, text.split("…")))


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_run_one_after_the_other(
    page: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_QUIET", "1")
    run_page(page, tmp_path)
    printed = capsys.readouterr().out
    assert re.fullmatch(as_printed("".join(blocks(page, "text"))), printed, re.DOTALL), printed
    for command in "".join(blocks(page, "sh")).splitlines():
        if command.startswith("argosy "):
            run(*command.split()[1:])


def test_no_other_command_is_among_them() -> None:
    commands = {line for page in PAGES for line in "".join(blocks(page, "sh")).splitlines()}
    assert sorted(command for command in commands if not command.startswith("argosy ")) == [
        ". .venv/bin/activate",
        "argosy-server serve --listen 127.0.0.1:50051 --data ./store",
        "export ARGOSY_SERVER=grpc://127.0.0.1:50051",
        "pip install '.[pandas,sklearn]'",
        "python3 -m venv .venv",
    ]


def test_the_table_of_types_names_every_format_there_is() -> None:
    rows = "\n".join(re.findall(r"^\|.*", (DOCS / "materializers.md").read_text(), re.MULTILINE))
    assert {name for name in ID_BY_FORMAT if f"`{name}`" not in rows} == {"reference"}
