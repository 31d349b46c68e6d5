"""A server that takes connections and says nothing keeps nobody, as long as another one answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.contracts.client_contract import Calls
from tests.contracts.client_kinds import Kind, kind
from tests.faults.replicas import Replica, Replicas, two_replicas
from tests.faults.stand import MEBIBYTE, Stand, array_of
from tests.waiting import wait_until

__all__ = ["kind"]

VALUE = array_of(32 * MEBIBYTE, seed=12)
HALF = VALUE.nbytes // 2


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    """Two servers over one folder."""
    with two_replicas(tmp_path / "data") as servers:
        yield servers


@pytest.fixture
def silent_host() -> Iterator[str]:
    """Where connections are taken, and nobody ever says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield "{}:{}".format(*listening.getsockname())


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that bring nothing for two seconds are tested, for two more: longer than a file stays locked."""
    monkeypatch.setenv("ARGOSY_IDLE_TIMEOUT", "4")


def test_a_first_contact_does_not_wait_for_a_server_that_says_nothing(
    kind: Kind, stand: Stand, silent_host: str
) -> None:
    for order in ([silent_host, stand.server.address], [stand.server.address, silent_host]):
        store = Calls(kind, kind.client("grpc://" + ",".join(order)))
        for number in range(20):
            store.save_artifact(number, "value")
        assert store.load_artifact("value") == 19


@pytest.mark.usefixtures("hasty")
def test_calls_move_on_from_a_server_that_falls_silent_and_nobody_is_told(kind: Kind, replicas: Replicas) -> None:
    store = Calls(kind, kind.client(replicas.address))
    store.save_artifact(-1, "value")
    replicas[0].proxy.fall_silent()
    for number in range(6):
        store.save_artifact(number, "value")
        assert store.load_artifact("value") == number
    assert [int(version.version) for version in store.list_artifact_versions("value")] == list(range(7, 0, -1))
    # When the first one speaks again it gets its share, and the other one may fall silent.
    replicas[0].proxy.go_on()
    before = replicas[0].proxy.down.passed
    wait_until(lambda: store.list_artifacts() and replicas[0].proxy.down.passed > before + 4096, "both are asked")
    replicas[1].proxy.fall_silent()
    for number in range(6):
        store.save_artifact(number, "value")
    assert store.load_artifact("value") == 5


def test_a_call_takes_half_of_its_time_where_connections_seem_to_live(
    kind: Kind, replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_UNARY_DEADLINE", "8")  # long before a connection is found dead
    store = Calls(kind, kind.client(replicas.address))
    store.save_artifact(-1, "value")
    replicas[1].pause()
    for number in range(6):
        store.save_artifact(number, "value")
    assert store.load_artifact("value") == 5
    replicas[1].resume()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_transfer_moves_on_from_a_server_that_falls_silent(kind: Kind, replicas: Replicas, direction: str) -> None:
    store = Calls(kind, kind.client(replicas.address))
    if direction == "down":
        store.save_artifact(VALUE, "weights")
    before = {replica: way_of(replica, direction) for replica in replicas}
    replicas.slow_down(0.002)
    moving = store.kind.start(
        lambda: (
            store.client.save_artifact(VALUE, "weights") if direction == "up" else store.client.load_artifact("weights")
        )
    )
    used = replicas.first_to(lambda one: way_of(one, direction) - before[one] >= HALF, "half of it was moved")
    used.proxy.fall_silent()
    replicas.slow_down(0.0)
    moved = moving.result()
    np.testing.assert_array_equal(store.load_artifact("weights") if direction == "up" else moved, VALUE)


@pytest.mark.usefixtures("hasty")
def test_a_watch_moves_on_from_a_server_that_falls_silent(kind: Kind, replicas: Replicas) -> None:
    store = Calls(kind, kind.client(replicas.address))
    watch = store.kind.begin(store.client.watch_artifacts("value"))
    taking = store.kind.start(lambda: store.kind.taken(watch, 20))
    beside = replicas[0].beside_the_proxy()
    for number in range(20):
        if number == 5:
            replicas[0].proxy.fall_silent()
        if number == 10:
            replicas[0].proxy.go_on()
            replicas[1].proxy.fall_silent()
        beside.save_artifact(number, "value")
    assert [event.version for event in taking.result()] == [str(number) for number in range(1, 21)]
    store.kind.do(watch.close())


def way_of(replica: Replica, direction: str) -> int:
    """Return how many bytes went a way so far."""
    passed: int = getattr(replica.proxy, direction).passed
    return passed
