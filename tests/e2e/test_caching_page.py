"""What docs/caching.md shows is run, and does what the page says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from argosy.execution.views.cache_sentences import reason_sentence
from tests.e2e.command_line import run

PAGE = (Path(__file__).resolve().parents[2] / "docs/caching.md").read_text()


def blocks(language: str) -> list[str]:
    fences = re.finditer(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [fence[2] for fence in fences if fence[1] == language]


def test_the_examples_run_one_after_the_other(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_QUIET", "1")
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "page.py"  # one program: the code of its steps is found in its file
    program.write_text("\n".join(blocks("python")))
    runpy.run_path(str(program), run_name="page")
    assert capsys.readouterr().out == "".join(blocks("text"))
    for command in "".join(blocks("")).splitlines():
        run(*command.split()[1:])


@pytest.mark.parametrize("reason", re.findall(r"^\| `(\w+)` \| (?:the key|there is|caching)", PAGE, re.MULTILINE))
def test_each_reason_of_the_page_is_one_there_is(reason: str) -> None:
    assert reason_sentence(reason) != f"{reason} differs"
