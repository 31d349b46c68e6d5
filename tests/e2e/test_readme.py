"""What README.md shows is run, and what it names exists."""

from __future__ import annotations

import dataclasses
import itertools
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import argosy
from argosy.config import ClientConfig

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = [page for page in sorted((ROOT / "examples").rglob("*.md")) if "node_modules" not in page.parts]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *EXAMPLES]
README = DOCUMENTS[0].read_text()


def blocks(language: str) -> list[str]:
    fences = re.finditer(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [fence[2] for fence in fences if fence[1] == language]


def commands() -> list[str]:
    lines = "".join(blocks("") + blocks("sh")).splitlines()
    return [line.partition(" #")[0].strip() for line in lines if line.strip()]


def test_every_python_block_runs_one_after_the_other(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_QUIET", "1")
    for number, text in enumerate(blocks("python")):
        program = tmp_path / f"block_{number}.py"
        program.write_text(text)
        runpy.run_path(str(program))
    assert capsys.readouterr().out.splitlines() == [
        "patients 1 parquet clinic A",
        "b'PAR1'",
        "weights 1",
        "a,b",
        "0 versions of 0 bytes would be deleted",
        "completed 0.0 3.5",
        "<StepRunRecord 'fit' completed> (<StepRunRecord 'score' completed>,)",
        "((1, 2), (3, 4))",
    ]
    assert argosy.load_artifact("weights", alias="prod").tolist() == [0.05] * 8


def test_the_first_two_commands_are_demo_and_test() -> None:
    assert commands()[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("command", [command for command in commands() if command.startswith("make ")])
def test_a_make_target_exists(command: str) -> None:
    assert re.search(rf"^{command.split()[1]}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z-]+)`", README))))
def test_a_make_target_named_in_the_text_exists(target: str) -> None:
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", [command for command in commands() if command.startswith("argosy")])
def test_a_command_and_its_options_exist(command: str, home: Path) -> None:
    program, *words = command.split()
    depth = 1 if program == "argosy-server" else 2
    path = list(itertools.takewhile(lambda word: re.fullmatch("[a-z]+", word), words))[:depth]
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *path, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    options = {word for word in words if word.startswith("-")}
    assert {option for option in options if not re.search(rf"(?<![\w-]){option}\b", done.stdout)} == set()


def test_nothing_else_stands_among_the_commands() -> None:
    rest = [command for command in commands() if not command.startswith(("make ", "argosy"))]
    assert rest == ["export ARGOSY_SERVER=grpc://127.0.0.1:50051", "examples/two_processes.sh"]


def test_every_setting_of_the_client_is_in_the_table_with_its_default() -> None:
    named = re.findall(r"^\| `(ARGOSY_[A-Z_]+)` \|", README, re.MULTILINE)
    assert sorted(named) == sorted(f"ARGOSY_{field.name.upper()}" for field in dataclasses.fields(ClientConfig))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
    missing = [target for target in targets if "://" not in target and not (document.parent / target).exists()]
    assert missing == []


def test_every_file_named_by_the_architecture_page_exists() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    named = set(re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9]+\.(?:py|proto))`", text))
    roots = [ROOT, ROOT / "service/argosy_server", ROOT / "pyclient/argosy"]
    assert len(named) > 30
    assert sorted(name for name in named if not any((root / name).is_file() for root in roots)) == []


def test_every_function_named_with_its_file_by_the_architecture_page_exists() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    roots = [ROOT, ROOT / "service/argosy_server", ROOT / "pyclient/argosy"]
    named = re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9]+\.py)` `([A-Za-z_.]+)`", text)
    assert len(named) > 15
    missing = []
    for path, symbol in named:
        source = next(root / path for root in roots if (root / path).is_file()).read_text()
        if not re.search(rf"^\s*(?:async )?(?:def|class) {symbol.rpartition('.')[2]}\b", source, re.MULTILINE):
            missing.append((path, symbol))
    assert missing == []
