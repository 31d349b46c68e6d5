"""docs/coming-from-mlflow.md and docs/coming-from-metaflow.md: their examples run, their right-hand columns work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.migration_pages import MigrationPage, check_command

PAGES = {name: MigrationPage(f"coming-from-{name}.md") for name in ("mlflow", "metaflow")}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the pages name."""
    monkeypatch.setenv("ARGOSY_QUIET", "1")
    (tmp_path / "report.html").write_text("<h1>Report</h1>")
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    model = tmp_path / "mlartifacts/1/models/m-0b6e/artifacts"
    model.mkdir(parents=True)
    (model / "MLmodel").write_text("flavors: {}")
    return tmp_path


@pytest.mark.parametrize("name", PAGES)
def test_the_examples_run_one_after_the_other(
    home: Path, files: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    PAGES[name].run_blocks(files)
    assert capsys.readouterr().out == "".join(PAGES[name].blocks("text"))


@pytest.mark.parametrize("name", PAGES)
def test_what_stands_for_each_call_works(home: Path, files: Path, name: str) -> None:
    PAGES[name].check_calls_have_snippets(at_least=20)
    PAGES[name].run_snippets(files)


@pytest.mark.parametrize("command", [command for page in PAGES.values() for command in page.commands])
def test_what_stands_for_each_command_is_one(home: Path, files: Path, command: str) -> None:
    check_command(command)
