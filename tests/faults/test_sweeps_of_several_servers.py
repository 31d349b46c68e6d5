"""Several server processes over one store: who sweeps, what happens when that one dies, and beside ``gc``."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from argosy import Client
from argosy.transport.connection import disconnect_all
from tests.api.fleet_process import FleetProcess
from tests.backends.postgres import drop_database, new_database
from tests.faults.stand import array_of, assert_clean, files_of, run_command
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no ports are shared on this system")
INTERVAL = "--sweep-interval=0.1"
SIZE = 100_000
"""Bytes that are kept in a file."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/metadata.db"
        return
    url = new_database()
    yield url
    drop_database(url)


def sweepers(fleet: FleetProcess) -> list[int]:
    """Return which worker swept, each time anew."""
    return [line["worker"] for line in fleet.lines("swept")]


def test_one_worker_sweeps_and_when_it_is_killed_another_does(database: str, tmp_path: Path) -> None:
    with FleetProcess(tmp_path / "data", 2, INTERVAL, f"--database={database}") as fleet:
        fleet.wait_for_lines("swept", 10)
        assert set(sweepers(fleet)) == {1}
        os.kill(fleet.pid_of(1), signal.SIGKILL)
        wait_until(lambda: sweepers(fleet)[-1] == 2, "the other one sweeps")
        fleet.wait_for_lines("worker answers", 3)
        seen = len(sweepers(fleet))
        fleet.wait_for_lines("swept", seen + 10)
        assert set(sweepers(fleet)[seen:]) == {2}, "the new one follows"


def test_gc_beside_a_leader_that_sweeps_takes_nothing_that_is_saved(tmp_path: Path) -> None:
    stop = threading.Event()

    def collect() -> int:
        runs = 0
        while not stop.is_set():
            done = run_command("gc", "--execute", "--grace=0s", f"--data={tmp_path / 'data'}")
            assert (done.returncode, done.stderr) == (0, "")
            runs += 1
        return runs

    with FleetProcess(tmp_path / "data", 2, "--sweep-interval=0.01", "--durability=process") as fleet:
        client = Client(f"grpc://{fleet.address}")
        with ThreadPoolExecutor(1) as pool:
            collecting = pool.submit(collect)
            try:
                for number in range(30):
                    # Few values, so that bytes come back just when one of the two removes them.
                    value = array_of(SIZE, seed=number % 3)
                    version = client.save_artifact(value, "value")
                    np.testing.assert_array_equal(client.load_artifact("value", version=version.version), value)
                    client.delete_artifact_version(version.id)
            finally:
                stop.set()
            assert collecting.result() > 0
        assert len(sweepers(fleet)) > 0
        disconnect_all()
        fleet.terminate()
        assert fleet.wait() == 0
    assert_clean(tmp_path / "data")
    assert files_of(tmp_path / "data") == {}


def test_servers_that_start_at_once_on_nothing_share_one_store(database: str, tmp_path: Path) -> None:
    def start(number: int) -> FleetProcess:
        folder = tmp_path / f"replica{number}" / "data"
        return FleetProcess(folder, 2, f"--database={database}", f"--blobs={tmp_path / 'blobs'}")

    with ThreadPoolExecutor(3) as pool:
        fleets = list(pool.map(start, range(3)))
    with fleets[0], fleets[1], fleets[2]:
        versions = [Client(f"grpc://{fleet.address}").save_artifact(array_of(SIZE), "same").version for fleet in fleets]
        assert versions == ["1", "2", "3"]
        for fleet in fleets:
            np.testing.assert_array_equal(Client(f"grpc://{fleet.address}").load_artifact("same"), array_of(SIZE))
        disconnect_all()
