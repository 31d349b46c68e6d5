"""Stores to run whole programs against: embedded in a fresh home, or behind a real server process."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import argosy
from tests.waiting import wait_until
from tests.warm.process import WarmProcess

READY = "argosy-server listening on "


class Leases:
    """Of runs on a server: they are as long as everywhere, and over when a test says so, not while a run is slow."""

    def __init__(self, data: Path) -> None:
        self._database = data / "metadata.db"

    def end(self, run: str) -> None:
        """Return once a run reads as abandoned; whoever runs it must be dead, or stand still."""
        now = time.time_ns() // 1000
        with closing(sqlite3.connect(self._database, timeout=30)) as database, database:
            database.execute("UPDATE runs SET lease_expires_at = ? WHERE name = ?", (now, run))
        wait_until(lambda: argosy.Client().get_run(run).status == "abandoned", "its lease is over")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home and working directory; no setting of the person who runs the tests takes part."""
    for name in [name for name in os.environ if name.startswith("ARGOSY_")]:
        monkeypatch.delenv(name)
    directory = tmp_path / "home"
    monkeypatch.setenv("ARGOSY_HOME", str(directory))
    monkeypatch.chdir(tmp_path)
    yield directory
    from argosy.transport.connection import disconnect_all

    disconnect_all()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Address of a server process of this test alone; it must drain and end with 0."""
    command = [sys.executable, "-m", "argosy_server", "serve", "--listen", "127.0.0.1:0", "--data"]
    log_path = tmp_path / "server.log"
    with log_path.open("w") as log:
        process = WarmProcess([*command, str(tmp_path / "data")], stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(READY), f"{line}\n{log_path.read_text()}"
        yield line.removeprefix(READY).strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0, log_path.read_text()


@pytest.fixture(params=["embedded", "server"])
def store(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each kind of store in turn, set up as the one that programs find."""
    if request.param == "embedded":
        return f"embedded://{home}"
    address: str = request.getfixturevalue("server")
    monkeypatch.setenv("ARGOSY_SERVER", address)
    return address


@pytest.fixture
def leases(home: Path, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Leases:
    """Set everything up for a server whose leases a test can end."""
    monkeypatch.setenv("ARGOSY_SERVER", server)
    return Leases(tmp_path / "data")
