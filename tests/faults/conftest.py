from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy.transport.connection import disconnect_all
from tests.backends.postgres import drop_database, new_database
from tests.faults.stand import Stand


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of the person who runs the tests takes part, and no connection outlives its test."""
    for name in [name for name in os.environ if name.startswith("ARGOSY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    yield
    disconnect_all()


@pytest.fixture
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    """A server with a proxy before it, on SQLite; tests that say ``on_each_database`` have it on PostgreSQL too."""
    database = new_database() if getattr(request, "param", "") == "postgresql" else ""
    stand = Stand(tmp_path / "data", "--durability=process", database=database)
    yield stand
    disconnect_all()
    stand.close()
    if stand.database:
        drop_database(stand.database)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(path)], check=True)
    yield path
    disconnect_all()
    subprocess.run(["umount", str(path)], check=True)
