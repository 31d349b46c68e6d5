"""The command ``argosy`` in this process, and an embedded store in a fresh home."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from argosy.cli import main
from argosy.transport.connection import disconnect_all


class Ended(NamedTuple):
    """What a command printed, and its exit code."""

    stdout: str
    stderr: str
    code: int | str | None


class CommandLine:
    """Runs commands as a shell does, without a process of their own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str | Path, code: int = 0) -> Ended:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        done = Ended(*self._capsys.readouterr(), end.value.code or 0)
        assert done.code == code, f"{done.stdout}\n{done.stderr}"
        return done

    def document(self, *words: str | Path, code: int = 0) -> Any:
        """Return what a command prints with ``-o json``."""
        return json.loads(self(*words, "-o", "json", code=code).stdout)


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home and working directory; no setting of the person who runs the tests takes part."""
    for name in [name for name in os.environ if name.startswith("ARGOSY_")]:
        monkeypatch.delenv(name)
    directory = tmp_path / "home"
    monkeypatch.setenv("ARGOSY_HOME", str(directory))
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path / "work")
    # Commands that run code of the user change what a process of their own would end with.
    environment, path, modules = dict(os.environ), list(sys.path), set(sys.modules)
    yield directory
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path
    for name in [name for name in set(sys.modules) - modules if name.startswith("users_")]:
        del sys.modules[name]
    disconnect_all()
