"""The sweep on a real store: what goes, in how many steps, and that the room comes back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy_server import bootstrap
from argosy_server.bootstrap import Application, SweepThread, build
from argosy_server.config import StoreConfig
from argosy_server.usecases import sweep as sweeping
from argosy_server.usecases.sweep import SweepReport
from tests.contracts.metadata_facts import HOUR, PAST, blob_of, put_blob


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    application = build(StoreConfig(tmp_path, durability="process"))
    yield application
    application.close()


def put_many(application: Application, count: int, size: int) -> None:
    with application.metadata.write() as tx:
        for number in range(count):
            put_blob(tx, number.to_bytes(4, "big") * (size // 4), lease=PAST)


def test_a_sweep_takes_all_batches(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 3)
    put_many(application, 10, 100)
    with application.metadata.write() as tx:
        put_blob(tx, b"leased", lease=HOUR)
    assert application.sweep() == SweepReport(uploads=0, blobs=10, orphans=0, replies=0, events=0)
    assert application.sweep() == SweepReport(uploads=0, blobs=0, orphans=0, replies=0, events=0)


def test_a_sweep_goes_on_where_a_dead_one_stopped(application: Application) -> None:
    location = "ab/dead"
    writer = application.storage.open_writer(location)
    writer.write(b"bytes")
    writer.finish()
    with application.metadata.write() as tx:
        tx.blobs.insert(blob_of(b"bytes", location=location), None, PAST)
        tx.blobs.mark_deleting(tx.blobs.unreachable(None, 10))
    assert application.sweep().blobs == 1
    assert list(application.storage.locations()) == []


def test_a_sweep_that_removed_much_makes_the_database_smaller(tmp_path: Path, application: Application) -> None:
    put_many(application, 1000, 30_000)
    application.close()
    before = (tmp_path / "metadata.db").stat().st_size
    application.sweep()
    application.close()
    assert before > 30_000_000
    assert (tmp_path / "metadata.db").stat().st_size < 10_000_000


def test_a_server_that_stops_does_not_wait_for_a_long_sweep(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def long_sweep(_: Application) -> None:
        began.set()
        go_on.wait(20)
        ended.set()

    monkeypatch.setattr(bootstrap, "STOP_SECONDS", 0.05)
    monkeypatch.setattr(bootstrap, "sweep_logged", long_sweep)
    thread = SweepThread(application, 1000)
    assert began.wait(10)
    thread.stop()
    assert not ended.is_set()
    go_on.set()
