"""Completion: the scripts that shells load, and what the command answers them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import argosy
from tests.unit.cli.conftest import CommandLine

ARGOSY = Path(sys.executable).with_name("argosy")

ASKS = {
    "bash": ("complete_bash", {"COMP_WORDS": "argosy artifact di", "COMP_CWORD": "2"}),
    "zsh": ("complete_zsh", {"_TYPER_COMPLETE_ARGS": "argosy artifact di"}),
    "fish": (
        "complete_fish",
        {"_TYPER_COMPLETE_ARGS": "argosy artifact di", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    ),
}
"""How each shell asks what may follow ``argosy artifact di``."""


@pytest.mark.parametrize("shell", ASKS)
def test_a_shell_is_answered_as_it_asks(typed: CommandLine, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    script = typed("completion", shell).stdout
    way, variables = ASKS[shell]
    assert f"_ARGOSY_COMPLETE={way}" in script
    assert [name for name in variables if name not in script] == []
    monkeypatch.setenv("_ARGOSY_COMPLETE", way)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    answer = typed().stdout
    assert "diff" in answer
    assert "delete" not in answer


def test_options_and_choices_are_completed(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_ARGOSY_COMPLETE", "complete_bash")
    for words, expected in {"artifact list --col": ["--columns"], "run list -o js": ["json", "jsonl"]}.items():
        monkeypatch.setenv("COMP_WORDS", f"argosy {words}")
        monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
        assert typed().stdout.split() == expected


@pytest.fixture
def completed(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Ask what may follow a line, as bash does; a line that ends with a blank begins the next word."""

    def ask(line: str) -> list[str]:
        with monkeypatch.context() as variables:
            variables.setenv("_ARGOSY_COMPLETE", "complete_bash")
            variables.setenv("COMP_WORDS", f"argosy {line}")
            variables.setenv("COMP_CWORD", str(len(line.split()) + line.endswith(" ")))
            done = typed()
        assert done.stderr == ""
        return done.stdout.split()

    return ask


@argosy.step
def fit(rate: float) -> float:
    return rate


@argosy.pipeline
def training(rate: float = 0.1) -> None:
    fit(rate)


def test_names_in_the_store_are_completed(completed: Callable[[str], list[str]]) -> None:
    argosy.save_artifact(1, "model", alias="prod")
    argosy.save_artifact(2, "model", version="v2", alias="staging")
    argosy.save_artifact(1, "patients")
    for name in ("monday", "tuesday"):
        training.with_options(run_name=name)()
    lines = {
        "artifact show mo": ["model"],
        "artifact diff ": ["model", "patients"],
        "artifact list --name pa": ["patients"],
        "artifact show model --alias ": ["prod", "staging"],
        "artifact alias model st": ["staging"],
        "artifact get model -v ": ["1", "v2"],
        "artifact show model --pipeline ": ["training"],
        "run show ": ["monday", "tuesday"],
        "run compare monday tu": ["tuesday"],
        "run logs monday ": ["fit"],
        "cache explain monday f": ["fit"],
        "pipeline show tr": ["training"],
        "run list --pipeline ": ["training"],
        "--project other artifact show ": [],
    }
    assert {line: sorted(completed(line)) for line in lines} == lines


def test_settings_are_completed(completed: Callable[[str], list[str]]) -> None:
    assert completed("config set ca") == ["cache", "capture_logs"]


def test_a_name_that_a_shell_would_run_is_not_completed(completed: Callable[[str], list[str]]) -> None:
    for name in ("model", "model$(id)", "model two"):
        argosy.save_artifact(1, name)
    assert completed("artifact show mo") == ["model"]


@pytest.mark.parametrize(
    "options", ["", "--server grpc://127.0.0.1:1 ", "--server nonsense ", "--home pyproject.toml "]
)
def test_where_no_store_answers_there_are_no_names_and_no_word(
    completed: Callable[[str], list[str]], home: Path, options: str
) -> None:
    assert completed(f"{options}artifact show ") == []
    assert completed(f"artifact show {options}") == []
    assert not home.exists()


def test_bash_completes_with_the_script(typed: CommandLine) -> None:
    script = typed("completion", "bash").stdout
    asked = (
        f'{script}\nCOMP_WORDS=(argosy pipeline r); COMP_CWORD=2; _argosy_completion argosy; echo "${{COMPREPLY[@]}}"'
    )
    environment = {**os.environ, "PATH": f"{ARGOSY.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "run\n"


def test_a_shell_without_a_script_is_refused(typed: CommandLine) -> None:
    assert "is not one of" in typed("completion", "tcsh", code=2).stderr
