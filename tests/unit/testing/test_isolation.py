"""In an isolated project a test meets nothing of the machine, and the machine nothing of the test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import argosy
from argosy.config import explain
from argosy.testing import IsolatedProject, isolated_project


def test_each_setting_is_the_default_whatever_files_and_environment_say(
    argosy_project: IsolatedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {setting.name: setting.value for setting in explain()}
    for name in [name for name in os.environ if name.startswith("ARGOSY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir("/")
    monkeypatch.setenv("ARGOSY_HOME", str(argosy_project.home))
    defaults = {setting.name: setting.value for setting in explain()}
    assert found.pop("server") == f"embedded://{argosy_project.home}"
    assert defaults.pop("server") == ""
    assert found == defaults


def test_what_is_saved_is_in_the_directory_of_the_test(argosy_project: IsolatedProject, tmp_path: Path) -> None:
    argosy.save_artifact({"rate": 0.1}, "settings")
    assert (tmp_path / "argosy/metadata.db").is_file()
    assert argosy_project.client.load_artifact("settings") == {"rate": 0.1}


def test_two_projects_do_not_meet(tmp_path: Path) -> None:
    with isolated_project(tmp_path / "a"):
        argosy.save_artifact(1, "settings")
    with isolated_project(tmp_path / "b"), pytest.raises(argosy.NotFoundError):
        argosy.load_artifact("settings")
    with isolated_project(tmp_path / "a"):
        assert argosy.load_artifact("settings") == 1


def test_after_a_project_inside_of_its_block_it_goes_on_where_it_was(tmp_path: Path) -> None:
    with isolated_project(tmp_path / "outer") as outer:
        argosy.save_artifact(1, "settings")
        with isolated_project(tmp_path / "inner"), pytest.raises(argosy.NotFoundError):
            argosy.load_artifact("settings")
        assert argosy.load_artifact("settings") == 1
        with outer.server_away(), pytest.raises(argosy.UnavailableError):
            argosy.load_artifact("settings")


def test_the_directory_may_be_a_text_and_stays_where_it_was_when_the_program_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with isolated_project("here") as project:
        monkeypatch.chdir(tmp_path.parent)
        argosy.save_artifact(1, "value")
        assert (project.home, os.environ["ARGOSY_HOME"]) == (tmp_path / "here" / "argosy", str(project.home))
    assert (tmp_path / "here" / "argosy" / "metadata.db").is_file()


def test_the_environment_is_as_it_was_also_when_the_test_failed(tmp_path: Path) -> None:
    before = dict(os.environ)
    with pytest.raises(FileNotFoundError), isolated_project(tmp_path):
        (tmp_path / os.environ.setdefault("ARGOSY_OTHER", "not-there")).read_text()
    assert dict(os.environ) == before


def test_what_the_test_sets_by_monkeypatch_does_not_outlive_it(
    monkeypatch: pytest.MonkeyPatch, argosy_project: IsolatedProject
) -> None:
    monkeypatch.setenv("ARGOSY_SERVER", f"embedded://{argosy_project.home}-other")
    monkeypatch.setenv("ARGOSY_IDLE_TIMEOUT", "3")
    assert argosy_project.client.config.server.endswith("-other")
    # The fixture of all tests here compares the environment once monkeypatch has undone what it did.


def test_finding_the_plugin_loads_nothing_of_argosy_but_its_names() -> None:
    # What every project pays that has Argosy installed and does not use it.
    code = (
        "import sys, pytest, importlib.metadata as m\n"
        "before = set(sys.modules)\n"
        "(entry,) = [e for e in m.entry_points(group='pytest11') if e.name == 'argosy']\n"
        "entry.load()\n"
        "print(*sorted(n for n in set(sys.modules) - before if '.' in n or not n.startswith(('_', 'email'))))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in printed if name.partition(".")[0] in {"argosy", "argosy_server", "grpc", "numpy"}] == [
        "argosy",
        "argosy.testing",
        "argosy.testing.plugin",
    ]
