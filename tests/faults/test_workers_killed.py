"""Workers die, or are replaced, while clients save, load and watch: nothing acknowledged is lost, and clients go on."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest

from argosy import Client
from argosy.transport.connection import disconnect_all
from tests.api.fleet_process import FleetProcess, children
from tests.faults.listener import listening
from tests.faults.stand import MEBIBYTE, array_of, assert_clean, in_background
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no ports are shared on this system")
CLIENTS = 6


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[FleetProcess]:
    with FleetProcess(tmp_path / "data", 2, "--durability=process", "--log-level=info") as fleet:
        yield fleet
        disconnect_all()


def client_of(fleet: FleetProcess) -> Client:
    return Client(f"grpc://{fleet.address}")


class Traffic:
    """Clients that save numbers, and load some of them, until they are stopped."""

    def __init__(self, fleet: FleetProcess) -> None:
        self.saved: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._fleet = fleet
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._running: list[Future[None]] = []

    def __enter__(self) -> Traffic:
        self._running = [self._pool.submit(self._save, number) for number in range(CLIENTS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        wait(self._running)
        self._pool.shutdown()
        for running in self._running:
            running.result()  # no save and no load failed

    def wait_for_more(self, count: int) -> None:
        """Return once so many saves more were acknowledged."""
        wanted = len(self.saved) + count
        wait_until(lambda: len(self.saved) >= wanted or any(map(Future.done, self._running)), "saves go on")

    def _save(self, number: int) -> None:
        client = client_of(self._fleet)
        for value in range(number, 1_000_000, CLIENTS):
            if self._stop.is_set():
                return
            version = client.save_artifact(value, "number")
            with self._lock:
                assert version.version not in self.saved, "a number was given twice"
                self.saved[version.version] = value
            assert client.load_artifact("number", version=version.version) == value


def assert_all_there(fleet: FleetProcess, traffic: Traffic) -> None:
    """Every acknowledged save is loadable, equal, and the numbers have no gap."""
    client = client_of(fleet)
    assert sorted(map(int, traffic.saved)) == list(range(1, len(traffic.saved) + 1))
    for version, value in list(traffic.saved.items())[-200:]:
        assert client.load_artifact("number", version=version) == value


def test_workers_killed_one_after_the_other_lose_no_acknowledged_save_and_fail_no_client(fleet: FleetProcess) -> None:
    with Traffic(fleet) as traffic:
        for round_number in range(4):
            traffic.wait_for_more(20)
            os.kill(fleet.pid_of(1 + round_number % 2), signal.SIGKILL)
            fleet.wait_for_lines("worker answers", 3 + round_number)
        traffic.wait_for_more(20)
    assert_all_there(fleet, traffic)
    states = children(fleet.process.pid).values()
    assert (len(states), "Z" in states) == (2, False)
    fleet.terminate()
    assert fleet.wait() == 0
    assert_clean(fleet.data)


def test_replacing_all_workers_fails_no_call_of_any_client(fleet: FleetProcess) -> None:
    with Traffic(fleet) as traffic:
        for round_number in range(2):
            traffic.wait_for_more(20)
            fleet.process.send_signal(signal.SIGHUP)
            fleet.wait_for_lines("exit code 0", 2 * (1 + round_number))
        traffic.wait_for_more(20)
    assert_all_there(fleet, traffic)


def test_a_large_save_outlives_the_death_of_all_workers(fleet: FleetProcess) -> None:
    value = array_of(48 * MEBIBYTE)
    client = client_of(fleet)
    saving = in_background(lambda: client.save_artifact(value, "weights"))
    wait_until(lambda: stored_bytes(fleet) > 8 * MEBIBYTE or saving.done(), "some of it was written")
    assert not saving.done()
    for worker in (1, 2):
        os.kill(fleet.pid_of(worker), signal.SIGKILL)
    assert saving.result().version == "1"
    np.testing.assert_array_equal(client.load_artifact("weights"), value)
    fleet.terminate()
    assert fleet.wait() == 0
    assert_clean(fleet.data)


def stored_bytes(fleet: FleetProcess) -> int:
    return sum(path.stat().st_size for path in (fleet.data / "blobs").rglob("*") if path.is_file())


def test_watchers_hear_every_event_once_while_workers_are_killed_and_replaced(fleet: FleetProcess) -> None:
    client = client_of(fleet)
    with listening(client_of(fleet).watch_artifacts("number")) as listener:
        for value in range(30):
            client.save_artifact(value, "number")
            if value == 10:
                listener.wait_for(5)
                os.kill(fleet.pid_of(1), signal.SIGKILL)
                os.kill(fleet.pid_of(2), signal.SIGKILL)
                fleet.wait_for_lines("worker answers", 4)
            if value == 20:
                fleet.process.send_signal(signal.SIGHUP)
                fleet.wait_for_lines("exit code 0", 2)
        listener.wait_for(30)
    assert [event.version for event in listener.heard] == [str(number) for number in range(1, 31)]
