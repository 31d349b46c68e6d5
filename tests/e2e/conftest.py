"""Stores to run whole programs against: embedded in a fresh home, or behind a real server process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from argosy_server.api.serving.server import ArgosyGrpcServer
from argosy_server.bootstrap import SERVICES, build
from argosy_server.config import StoreConfig
from argosy_server.domain.limits import Limits
from tests.warm.process import WarmProcess

READY = "argosy-server listening on "
LEASE = 2.0
"""Seconds; a run renews it three times as often, and may have to wait for a processor that is busy."""


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
def short_lease(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArgosyGrpcServer]:
    """A server in this process that everything is set up for; its runs count as abandoned soon, not after a minute."""
    limits = Limits(run_lease=timedelta(seconds=LEASE))
    application = build(StoreConfig(tmp_path / "data", durability="process"), limits)
    server = ArgosyGrpcServer(4)
    port = server.bind("127.0.0.1", 0)
    server.serve(application.register, SERVICES, reflection=False)
    monkeypatch.setenv("ARGOSY_SERVER", f"grpc://127.0.0.1:{port}")
    yield server
    server.drain(0)
    application.close()
