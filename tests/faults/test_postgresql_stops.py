"""PostgreSQL stops at once, under load, again and again; processes over it are killed, or stand still, midway."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

import grpc
import pytest
from google.rpc import error_details_pb2
from psycopg import Connection, OperationalError
from sqlalchemy import make_url

from argosy.v1.artifact_service_pb2 import CreateArtifactVersionRequest
from argosy_server.adapters.metadata import open_metadata
from argosy_server.bootstrap import build
from argosy_server.config import StoreConfig
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.sweeping import sweep_logged
from tests.api.calls import Refusal, create, create_request, expect_refusal, get
from tests.api.conftest import Service, service_on
from tests.api.server_process import ServerProcess
from tests.backends.postgres import Cluster, connect
from tests.contracts.metadata_facts import save
from tests.faults.proxy import Proxy
from tests.faults.stand import in_background
from tests.standstill import go_on, stand_still
from tests.waiting import wait_until

NAMES = ("weights", "table")
MODES: tuple[Literal["immediate", "fast", "kill"], ...] = ("immediate", "fast", "kill")
HOLD = """
import sys
from argosy_server.adapters.metadata import open_metadata
from argosy_server.domain.artifact import ArtifactSpec, NewVersion
from argosy_server.domain.errors import StorageUnavailable
store = open_metadata(sys.argv[1], durability="full")
try:
    with store.write() as tx:
        tx.artifacts.add_many("p", [NewVersion(ArtifactSpec(name="weights", format="json"), [])])
        # Only now, for until here it may be slow.
        tx.artifacts._session.connection.exec_driver_sql(f"SET idle_in_transaction_session_timeout = '{sys.argv[2]}'")
        print("holds", flush=True)
        sys.stdin.readline()
except StorageUnavailable as error:
    print(error)
"""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


class Saver:
    """A client that saves on and on, and repeats each save under its request id until that is acknowledged."""

    def __init__(self, stubs: Service, number: int) -> None:
        self.acknowledged: list[tuple[CreateArtifactVersionRequest, str]] = []
        self.refusals = 0
        self._stubs = stubs
        self._number = number
        self._stop = threading.Event()
        self._saving = in_background(self._save_on)

    def finish(self) -> None:
        """End with an acknowledged save, or with what a client must never hear."""
        self._stop.set()
        self._saving.result(90)

    def _save_on(self) -> None:
        while not self._stop.is_set():
            content = f"{self._number}-{len(self.acknowledged)}".encode()
            request = create_request("p", NAMES[self._number % 2], content)
            self.acknowledged.append((request, self._save(request)))

    def _save(self, request: CreateArtifactVersionRequest) -> str:
        while True:
            try:
                return self._stubs.artifacts.CreateArtifactVersion(request, timeout=60).artifact_version.version
            except grpc.RpcError as error:
                refusal = Refusal(error)
                assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE"), refusal
                self.refusals += 1
                time.sleep(retry_seconds(refusal))


def at_least(count: Callable[[], int], enough: int) -> bool:
    return count() >= enough


def retry_seconds(refusal: Refusal) -> float:
    """Return how long a server asks its client to wait; that it asks is a part of being unavailable."""
    (told,) = (detail for detail in refusal.details if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR))
    info = error_details_pb2.RetryInfo()
    told.Unpack(info)
    return float(info.retry_delay.ToTimedelta().total_seconds())


def test_stopped_at_once_under_load_it_loses_no_acknowledged_save_and_no_save_happens_twice(
    tmp_path: Path, cluster: Cluster
) -> None:
    url = cluster.new_database()
    with ServerProcess(tmp_path / "data", f"--database={url}") as server, server.channel() as channel:
        stubs = service_on("server", tmp_path / "data", channel)
        savers = [Saver(stubs, number) for number in range(6)]

        def count() -> int:
            return sum(len(saver.acknowledged) for saver in savers)

        def refused() -> int:
            return sum(saver.refusals for saver in savers)

        for _ in range(4):
            enough, before = count() + 40, refused()
            wait_until(partial(at_least, count, enough), "saves are acknowledged")
            cluster.stop("immediate")
            wait_until(partial(at_least, refused, before + 1), "clients hear of it")
            cluster.start()
        for saver in savers:
            saver.finish()

        done = [pair for saver in savers for pair in saver.acknowledged]
        for name in NAMES:
            versions = [int(version) for request, version in done if request.spec.name == name]
            assert sorted(versions) == list(range(1, len(versions) + 1)), "each once, and no number is left out"
            assert get(stubs, "p", name=name).version == str(len(versions)), "nothing else was saved"
        again = [stubs.artifacts.CreateArtifactVersion(request).artifact_version.version for request, _ in done]
        assert again == [version for _, version in done]
    with connect(url) as witness:
        assert witness.execute("SELECT count(*) FROM versions").fetchone() == (len(done),)


def test_while_it_is_away_calls_are_told_to_come_again_and_once_it_is_back_all_goes_well(
    tmp_path: Path, cluster: Cluster
) -> None:
    with (
        ServerProcess(tmp_path / "data", f"--database={cluster.new_database()}") as server,
        server.channel() as channel,
    ):
        stubs = service_on("server", tmp_path / "data", channel)
        create(stubs, "p", "weights")
        for mode in MODES:
            cluster.stop(mode)
            with expect_refusal(grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE") as saving:
                create(stubs, "p", "weights")
            with expect_refusal(grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE") as reading:
                get(stubs, "p", name="weights")
            assert retry_seconds(saving.refusal) > 0
            assert retry_seconds(reading.refusal) > 0
            cluster.start()
            assert create(stubs, "p", "weights").version == get(stubs, "p", name="weights").version
        assert get(stubs, "p", name="weights").version == "4"
        assert server.process.poll() is None


def test_a_server_whose_database_falls_silent_ends_all_the_same_when_told_to(tmp_path: Path, cluster: Cluster) -> None:
    url = make_url(cluster.new_database())
    with Proxy(cluster.port) as way:
        by_way = url.set(port=int(way.address.rpartition(":")[2])).render_as_string(hide_password=False)
        with (
            ServerProcess(tmp_path / "data", f"--database={by_way}", "--grace=0.5") as server,
            server.channel() as channel,
        ):
            stubs = service_on("server", tmp_path / "data", channel)
            way.up.hold_before(b"INSERT INTO events")
            held = stubs.artifacts.CreateArtifactVersion.future(create_request("p", "weights"))
            way.up.wait_for_marker()
            way.fall_silent()
            server.terminate()
            assert server.wait(60) == 0
            assert "the process ends without them" in server.log()
            assert held.code() is not grpc.StatusCode.OK


def test_a_sweep_without_its_database_is_told_in_one_line(
    tmp_path: Path, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    application = build(StoreConfig(tmp_path, database=cluster.new_database()), groups_saves=True)
    cluster.stop("immediate")
    sweep_logged(application)
    application.close()
    [told] = [record for record in caplog.records if "the sweep failed" in record.message]
    assert "check that the server runs" in told.message
    assert (told.levelname, told.exc_info, told.message.count("\n")) == ("WARNING", None, 0)


def hold(url: str, idle_timeout: str) -> subprocess.Popen[str]:
    """Start a process that stands in a transaction which holds what a save of ``weights`` needs."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, url, idle_timeout], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holds\n"
    return process


def test_a_process_killed_in_a_transaction_holds_nobody_up(cluster: Cluster) -> None:
    url = cluster.new_database()
    store = open_metadata(url, durability="full")
    process = hold(url, "60s")
    saving = in_background(lambda: save(store))
    wait_until(lambda: waits(cluster), "the save waits for the row")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert saving.result(30).version == "1"
    store.close()


def test_a_process_that_stands_still_in_a_transaction_loses_it_and_is_told(cluster: Cluster) -> None:
    url = cluster.new_database()
    store = open_metadata(url, durability="full")
    process = hold(url, "300ms")
    stand_still(process.pid)
    assert save(store).version == "1"
    go_on(process.pid)
    told, _ = process.communicate("\n", timeout=60)
    assert "check that the server runs" in told
    assert save(store).version == "2"
    store.close()


def test_a_server_that_takes_no_more_connections_is_told_apart_from_one_that_is_away() -> None:
    with Cluster(max_connections="5", superuser_reserved_connections="0") as cluster:
        url = cluster.new_database()
        store = open_metadata(url, durability="full")
        store.close()
        others: list[Connection[Any]] = []

        def takes_all() -> bool:
            with suppress(OperationalError):
                others.append(cluster.connect())
            return len(others) == 5

        def goes_well() -> bool:
            with suppress(StorageUnavailable):
                return save(store).version == "1"
            return False

        # What serves a connection ends some time after that was closed.
        wait_until(takes_all, "all connections are taken")
        with pytest.raises(StorageUnavailable, match="raise max_connections of the server, or run fewer processes"):
            save(store)
        for other in others:
            other.close()
        wait_until(goes_well, "connections are free again")
        store.close()


def waits(cluster: Cluster) -> bool:
    with cluster.connect() as witness:
        question = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return witness.execute(question).fetchall() == [(1,)]
