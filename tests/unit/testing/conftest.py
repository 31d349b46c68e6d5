"""Every test begins with settings that would lead elsewhere, and must find them as they were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def untouched_environment() -> Iterator[None]:
    """Compare what is set before any other fixture, and after all others ended."""
    before = dict(os.environ)
    yield
    after = dict(os.environ)
    assert {name: text for name, text in after.items() if name.startswith("ARGOSY_")} == {
        name: text for name, text in before.items() if name.startswith("ARGOSY_")
    }


@pytest.fixture(autouse=True)
def elsewhere(untouched_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A person's environment, project file and user's file, all of which say something."""
    home = tmp_path / "home-of-a-person"
    home.mkdir()
    (home / "config.toml").write_text("quiet = true\nproject = 'of-the-user'\n")
    (tmp_path / "pyproject.toml").write_text(
        "[tool.argosy]\nserver = 'grpc://127.0.0.1:1'\nproject = 'of-the-project'\ncache = false\n"
        "unary_deadline = 7\nidle_timeout = 7\nsigned_transfers = 'off'\ntransfer_streams = 3\nquiet = true\n"
        "capture_logs = false\nreference_schemes = 's3'\nconnect_timeout = 7\n"
    )
    monkeypatch.setenv("ARGOSY_HOME", str(home))
    monkeypatch.setenv("ARGOSY_PROJECT", "of-the-shell")
    monkeypatch.chdir(tmp_path)
    yield home
    assert sorted(path.name for path in home.iterdir()) == ["config.toml"]
