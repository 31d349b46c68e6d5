"""A database that comes back from a dump: elsewhere, where transactions have other numbers, or under a server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from sqlalchemy import make_url

from argosy.v1.watch_pb2 import WatchArtifactsRequest
from tests.api.calls import create, expect_refusal
from tests.api.conftest import Service, service_on
from tests.api.server_process import ServerProcess
from tests.api.watching import Patient, Watch
from tests.backends.postgres import PASSWORD, Cluster, connect, drop_database


@pytest.fixture
def first() -> Iterator[Cluster]:
    """A cluster that has had many transactions."""
    with Cluster() as cluster:
        with cluster.connect() as connection:
            for _ in range(3000):
                connection.execute("SELECT pg_current_xact_id()")
        yield cluster


@contextmanager
def serving(data: Path, url: str) -> Iterator[Service]:
    with ServerProcess(data, f"--database={url}") as server, server.channel() as channel:
        yield service_on("server", data, channel)


def dump(cluster: Cluster, url: str) -> bytes:
    """Return what ``pg_dump`` writes of a database."""
    return tool(cluster, "pg_dump", url, b"")


def restore(cluster: Cluster, url: str, text: bytes) -> None:
    """Read it into an empty database, as ``psql`` does."""
    tool(cluster, "psql", url, text, "--quiet", "--set=ON_ERROR_STOP=1")


def tool(cluster: Cluster, name: str, url: str, given: bytes, *options: str) -> bytes:
    target = make_url(url)
    done = subprocess.run(
        [cluster.binary(name), *options, f"--host={target.host}", f"--port={target.port}", "--username=argosy",
         f"--dbname={target.database}"],
        input=given, capture_output=True, check=False, env={**os.environ, "PGPASSWORD": PASSWORD},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def refuse_cursor(stubs: Service, cursor: str) -> None:
    call = stubs.artifacts.WatchArtifacts(WatchArtifactsRequest(project="p", cursor=cursor))
    with Patient(call), expect_refusal(grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"):
        next(call)


def test_after_a_restore_elsewhere_old_cursors_are_refused_and_a_new_watch_misses_nothing(
    tmp_path: Path, first: Cluster
) -> None:
    before = first.new_database()
    with serving(tmp_path / "data", before) as stubs, Watch(stubs, "p") as watch:
        for _ in range(3):
            create(stubs, "p", "weights")
        assert [event.version for event in watch.take(2)] == ["1", "2"]
        old = watch.cursor
    with Cluster() as second:
        after = second.new_database()
        restore(second, after, dump(first, before))

        with serving(tmp_path / "data", after) as stubs:
            refuse_cursor(stubs, old)
            with Watch(stubs, "p") as watch:
                create(stubs, "p", "weights")
                assert watch.next().version == "4"
                create(stubs, "p", "weights")
                new = watch.cursor
        # Once more, and by then transactions have numbers that the old cursor has too.
        with second.connect() as connection:
            for _ in range(4000):
                connection.execute("SELECT pg_current_xact_id()")
        with serving(tmp_path / "data", after) as stubs, Watch(stubs, "p", cursor=new) as watch:
            assert watch.next().version == "5"
            refuse_cursor(stubs, old)
        with connect(after) as connection:
            kept = connection.execute("SELECT payload::json->>'version' FROM events ORDER BY xid, seq").fetchall()
            assert [version for (version,) in kept] == ["1", "2", "3", "4", "5"]


def test_a_running_server_whose_database_is_restored_tells_its_watchers(tmp_path: Path, first: Cluster) -> None:
    url = first.new_database()
    with serving(tmp_path / "data", url) as stubs, Watch(stubs, "p") as watch:
        create(stubs, "p", "weights")
        watch.next()
        text = dump(first, url)
        create(stubs, "p", "weights")
        watch.next()
        drop_database(url)
        with first.connect() as connection:
            connection.execute(f'CREATE DATABASE "{make_url(url).database}"')
        restore(first, url, text)

        with pytest.raises(grpc.RpcError) as ended:
            watch.next()
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        refuse_cursor(stubs, watch.cursor)
        with Watch(stubs, "p") as anew:
            create(stubs, "p", "weights")
            assert anew.next().version == "2", "the save after the dump is lost, and its number free again"


def test_a_server_that_stops_and_starts_keeps_its_cursors(tmp_path: Path, first: Cluster) -> None:
    url = first.new_database()
    with serving(tmp_path / "data", url) as stubs, Watch(stubs, "p") as watch:
        create(stubs, "p", "weights")
        watch.next()
        create(stubs, "p", "weights")
    first.stop("immediate")
    first.start()
    with serving(tmp_path / "data", url) as stubs, Watch(stubs, "p", cursor=watch.cursor) as watch:
        assert watch.next().version == "2"
