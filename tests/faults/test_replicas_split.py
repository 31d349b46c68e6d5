"""A server that cannot reach the database, or the bucket, of its store says so, and the other one answers instead."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from sqlalchemy import make_url

from argosy.transport.connection import disconnect_all
from argosy.transport.rpc.error_mapping import DETAILS_TRAILER
from argosy.v1.artifact_pb2 import VersionSelector
from argosy.v1.artifact_service_pb2 import ListArtifactsRequest
from argosy.v1.artifact_transfer_pb2 import DownloadArtifactRequest
from tests.api.calls import create_request
from tests.backends.object_store import environment_of, new_bucket
from tests.backends.postgres import drop_database, shared_cluster
from tests.contracts.client_contract import Calls
from tests.contracts.client_kinds import Kind, kind
from tests.faults.proxy import Proxy
from tests.faults.replicas import Callers, Replica, Replicas
from tests.faults.stand import MEBIBYTE, array_of
from tests.waiting import wait_until

__all__ = ["kind"]

VALUE = array_of(16 * MEBIBYTE, seed=13)
Start = Callable[..., None]


@dataclass
class Split:
    """Two servers, and the way of the first one to what both need."""

    replicas: Replicas
    way: Proxy

    @property
    def cut_off(self) -> Replica:
        """The server on whose way it happens."""
        return self.replicas[0]

    def cut(self) -> None:
        """Break the way, and let nobody connect by it any more."""
        self.way.refuse()
        self.way.cut()


@pytest.fixture
def database() -> Iterator[str]:
    """The URL of a database of PostgreSQL."""
    url = shared_cluster().new_database()
    yield url
    drop_database(url)


@pytest.fixture
def split_from_database(tmp_path: Path, database: str) -> Iterator[Split]:
    """A way to the database that can be cut."""
    url = make_url(database)
    assert url.port is not None
    with Proxy(url.port) as way:
        by_way = url.set(port=port_of(way)).render_as_string(hide_password=False)
        replicas = Replicas()
        try:
            for each in (by_way, database):
                replicas.append(Replica(tmp_path / "data", "--durability=process", f"--database={each}"))
            yield Split(replicas, way)
        finally:
            disconnect_all()
            replicas.close()


@pytest.fixture
def split_from_bucket(tmp_path: Path, database: str) -> Iterator[Split]:
    """A way to the bucket that can be cut."""
    bucket = new_bucket("moto")
    with Proxy(bucket.port) as way:
        replicas = Replicas()
        options = ("--durability=process", "--no-signed-transfers", f"--database={database}", f"--blobs={bucket.url}")
        try:
            for environment in (environment_of(port_of(way)), bucket.environment):
                replicas.append(Replica(tmp_path / "data", *options, **environment))
            yield Split(replicas, way)
        finally:
            disconnect_all()
            replicas.close()


def port_of(proxy: Proxy) -> int:
    """Return where a proxy listens."""
    return int(proxy.address.rpartition(":")[2])


def refusal_of(call: Callable[[], object]) -> grpc.RpcError | None:
    """Return how a raw call failed, ``None`` when it went well."""
    try:
        call()
    except grpc.RpcError as error:
        return error
    return None


def retry_info_of(error: Any) -> list[RetryInfo]:
    """Return what a status tells about trying again."""
    status = Status()
    status.ParseFromString(dict(error.trailing_metadata()).get(DETAILS_TRAILER, b""))
    found = []
    for detail in status.details:
        info = RetryInfo()
        if detail.Unpack(info):
            found.append(info)
    return found


def assert_told_to_try_again(error: grpc.RpcError | None) -> None:
    assert error is not None
    assert (error.code(), len(retry_info_of(error))) == (grpc.StatusCode.UNAVAILABLE, 1), error


def test_a_server_split_from_the_database_is_passed_by_until_healed(kind: Kind, split_from_database: Split) -> None:
    split = split_from_database
    store = Calls(kind, kind.client(split.replicas.address))
    store.save_artifact(VALUE, "weights")
    split.cut()
    with split.cut_off.direct_channel() as channel:
        stubs = split.cut_off.stubs(channel)

        def ask() -> object:
            return stubs.artifacts.ListArtifacts(ListArtifactsRequest(project="default"), timeout=60)

        assert_told_to_try_again(refusal_of(ask))
        for number in range(15):
            store.save_artifact(number, "value")
            assert store.load_artifact("value") == number
        np.testing.assert_array_equal(store.load_artifact("weights"), VALUE)
        assert store.save_artifact(VALUE[::-1].copy(), "weights").version == "2"
        assert_told_to_try_again(refusal_of(ask))
        split.way.accept()
        wait_until(lambda: refusal_of(ask) is None, "it is healed")
    assert [int(version.version) for version in store.list_artifact_versions("value")] == list(range(15, 0, -1))


def test_a_server_whose_database_falls_silent_costs_a_call_half_of_its_time(
    kind: Kind, split_from_database: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_UNARY_DEADLINE", "8")
    split = split_from_database
    store = Calls(kind, kind.client(split.replicas.address))
    store.save_artifact(0, "value")
    split.way.fall_silent()
    for number in range(1, 8):
        assert store.save_artifact(number, "value").version == str(number + 1)
    assert store.load_artifact("value") == 7
    split.way.go_on()
    beside = split.cut_off.beside_the_proxy()
    wait_until(lambda: beside.load_artifact("value") == 7, "it is healed")


def test_rows_held_by_a_server_cut_off_in_a_transaction_are_free_while_clients_still_wait(
    split_from_database: Split,
) -> None:
    split = split_from_database
    split.cut_off.beside_the_proxy().save_artifact(0, "value")
    with split.cut_off.direct_channel() as channel:
        split.way.up.hold_before(b"INSERT INTO events")
        save = split.cut_off.stubs(channel).artifacts.CreateArtifactVersion
        held = save.future(create_request("default", "value"), timeout=120)
        split.way.up.wait_for_marker()
        split.way.fall_silent()
        assert split.replicas[1].beside_the_proxy().save_artifact(1, "value").version == "2"
        assert not held.done()


def test_nobody_notices_that_one_server_loses_its_database_again_and_again(
    split_from_database: Split,
) -> None:
    split = split_from_database
    client = split.replicas.client()
    client.save_artifact(VALUE, "given")
    callers = Callers(
        lambda number: client.save_artifact(number, "small"),
        lambda number: client.save_artifact(VALUE[number % 99 :], "large"),
        lambda _: client.load_artifact("given"),
        lambda number: client.set_alias(f"alias{number % 3}", "given", 1),
    )
    for _ in range(4):
        callers.go_on_for(4)
        split.cut()
        callers.go_on_for(4)
        split.way.accept()
    callers.stop()
    numbered = [int(version.version) for version in client.list_artifact_versions("small")]
    assert numbered == list(range(callers.done[0], 0, -1))


def test_a_server_split_from_the_bucket_is_passed_by_until_healed(split_from_bucket: Split) -> None:
    split = split_from_bucket
    store = split.replicas.client()
    store.save_artifact(VALUE, "weights")
    split.cut()
    with split.cut_off.direct_channel() as channel:
        stubs = split.cut_off.stubs(channel)
        selector = VersionSelector(name="weights", version="1")
        request = DownloadArtifactRequest(project="default", selector=selector)

        def read() -> object:
            return list(stubs.artifacts.DownloadArtifact(request, timeout=120))

        assert_told_to_try_again(refusal_of(read))
        for number in range(3):
            np.testing.assert_array_equal(store.load_artifact("weights"), VALUE if number == 0 else VALUE[number:])
            store.save_artifact(VALUE[number + 1 :], "weights")
        split.way.accept()
        wait_until(lambda: refusal_of(read) is None, "it is healed")
    assert [version.version for version in store.list_artifact_versions("weights")] == ["4", "3", "2", "1"]


def test_an_upload_leaves_a_server_that_cannot_reach_the_bucket_at_once_and_so_do_later_calls(
    kind: Kind, split_from_bucket: Split, caplog: pytest.LogCaptureFixture
) -> None:
    split = split_from_bucket
    store = Calls(kind, kind.client(split.replicas.address))
    store.save_artifact(0, "small")
    split.cut()
    with caplog.at_level(logging.DEBUG, "argosy.transport"):
        for number in range(1, 7):
            store.save_artifact(VALUE[number : 3 * MEBIBYTE], "weights")
            for _ in range(number):  # so that each of them has the turn when an upload begins
                store.load_artifact("small")
    assert caplog.text.count(f"{split.cut_off.host} is away (blobs in ") == 1
    np.testing.assert_array_equal(store.load_artifact("weights"), VALUE[6 : 3 * MEBIBYTE])
