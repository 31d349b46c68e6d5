"""What docs/watching.md shows is run, and does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.command_line import run

PAGE = (Path(__file__).resolve().parents[2] / "docs/watching.md").read_text()


def blocks(language: str) -> list[str]:
    fences = re.finditer(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [fence[2] for fence in fences if fence[1] == language]


def test_the_examples_run_one_after_the_other(
    store: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_QUIET", "1")
    names: dict[str, object] = {"__name__": "page"}
    for number, text in enumerate(blocks("python")):
        exec(compile(text, f"block {number}", "exec"), names)
    assert capsys.readouterr().out == "".join(blocks("text"))


@pytest.mark.parametrize("command", "".join(blocks("")).splitlines())
def test_a_command_is_taken_as_it_stands(store: str, command: str) -> None:
    run(*command.split()[1:], "--timeout", "0.1")
