"""What docs/pipelines.md and docs/failures.md show is run, and prints what the pages say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
CUT = "--- 8< ---"


def fences(page: str) -> list[tuple[str, str, str]]:
    """Return language, file and text of each block."""
    text = (DOCS / page).read_text()
    found = re.finditer(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(fence[1], fence[2] or "", fence[3]) for fence in found]


def as_program(text: str) -> str:
    """Turn a session of a shell into Python that prints the same session."""
    commands = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    return "import subprocess\n" + "".join(
        f"print({'$ ' + command!r}, flush=True)\nsubprocess.run({command!r}, shell=True, stderr=subprocess.STDOUT)\n"
        for command in commands
    )


def program_and_output(page: str, folder: Path) -> tuple[str, list[str]]:
    """Write the files of the page; return the rest as one program, and what each of its blocks prints."""
    blocks: list[tuple[str, str]] = []
    for language, file, text in fences(page):
        if file:
            (folder / file).write_text(text)
        elif language == "console":
            blocks.append((as_program(text), text))
        elif language == "python":
            blocks.append((text, ""))
        else:
            blocks[-1] = blocks[-1][0], text
    cut = f"\nprint({CUT!r}, flush=True)\n"
    return "".join(block + cut for block, _ in blocks), [output for _, output in blocks]


def pattern(output: str) -> str:
    """Return what matches an output in which an ellipsis stands for anything."""
    return ".*?".join(map(re.escape, output.rstrip().split("…")))


@pytest.mark.parametrize(("page", "errors"), [("pipelines.md", ""), ("failures.md", "does not converge\n")])
def test_every_block_runs_and_prints_what_stands_below_it(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str, errors: str
) -> None:
    program, expected = program_and_output(page, tmp_path)
    (tmp_path / "page.py").write_text(program)
    monkeypatch.setenv("ARGOSY_QUIET", "1")
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    done = subprocess.run([sys.executable, "-W", "error", "page.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, errors)
    printed = done.stdout.split(f"{CUT}\n")[:-1]
    assert len(printed) == len(expected)
    for output, text in zip(printed, expected, strict=True):
        assert re.fullmatch(pattern(text), output.rstrip(), re.DOTALL), output
