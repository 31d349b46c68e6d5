"""The sweep on a real store: what goes, in how many steps, and that the room comes back."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from argosy_server.adapters.blobs.local_storage import LocalStorage
from argosy_server.bootstrap import Application, build
from argosy_server.config import StoreConfig
from argosy_server.domain.blob import upload_location
from argosy_server.domain.identifiers import new_id
from argosy_server.sweeping import SweepThread
from argosy_server.usecases.ports.repositories import KeptReply
from argosy_server.usecases.upkeep.sweep import Garbage, GarbageKind, SweepReport, plan_sweep, sweep
from tests.contracts.metadata_facts import HOUR, NONE, PAST, blob_of, put_blob


@pytest.fixture
def application(tmp_path: Path, url: str) -> Iterator[Application]:
    application = build(StoreConfig(tmp_path, database=url, durability="process"))
    yield application
    application.close()


def put_many(application: Application, count: int, size: int) -> None:
    with application.metadata.write() as tx:
        for number in range(count):
            put_blob(tx, number.to_bytes(4, "big") * (size // 4), lease=PAST)


def test_a_sweep_takes_all_batches(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argosy_server.usecases.upkeep.sweep.BATCH", 3)
    put_many(application, 10, 100)
    with application.metadata.write() as tx:
        put_blob(tx, b"leased", lease=HOUR)
    assert application.sweep() == SweepReport(blobs=10, blob_bytes=1000)
    assert application.sweep() == SweepReport()


def test_a_sweep_goes_on_where_a_dead_one_stopped(application: Application) -> None:
    location = new_location()
    writer = application.storage.open_writer(location)
    writer.write(b"bytes")
    writer.finish()
    with application.metadata.write() as tx:
        tx.blobs.insert(blob_of(b"bytes", location=location), None, PAST)
        tx.blobs.mark_deleting(tx.blobs.unreachable(None, 10))
    assert application.sweep().blobs == 1
    assert list(application.storage.locations()) == []


def test_a_sweep_that_removed_much_makes_the_file_of_sqlite_smaller(tmp_path: Path) -> None:
    application = build(StoreConfig(tmp_path, durability="process"))
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

    monkeypatch.setattr("argosy_server.sweeping.STOP_SECONDS", 0.05)
    monkeypatch.setattr("argosy_server.sweeping.sweep_logged", long_sweep)
    thread = SweepThread(application, 1000)
    assert began.wait(10)
    thread.stop()
    assert not ended.is_set()
    go_on.set()


def new_location(writer: str = "") -> str:
    return upload_location(new_id(), writer or new_id())


def put_orphan(application: Application, location: str = "") -> str:
    location = location or new_location()
    writer = application.storage.open_writer(location)
    writer.write(b"orphan")
    writer.finish()
    return location


def planned(application: Application, grace: timedelta = NONE) -> tuple[list[Garbage], SweepReport]:
    report = SweepReport()
    garbage = plan_sweep(application.metadata, application.storage, application.limits, grace, report)
    return list(garbage), report


def put_one_of_each(application: Application) -> None:
    """Garbage of ten minutes ago, and as much that is none."""
    with application.metadata.write() as tx:
        put_blob(tx, b"unreferenced", lease=-timedelta(minutes=10))
        put_blob(tx, b"leased", lease=HOUR)
        tx.uploads.add("p", -timedelta(minutes=10))
        tx.uploads.add("p", HOUR)
        tx.replies.store("p", {"id": KeptReply(b"fingerprint", b"reply")})
    orphan = put_orphan(application)
    long_ago = time.time() - 600
    os.utime(folder_of(application) / orphan, (long_ago, long_ago))


def folder_of(application: Application) -> Path:
    assert isinstance(application.storage, LocalStorage)
    return application.storage.root


def test_a_plan_tells_what_a_sweep_removes_and_changes_nothing(application: Application) -> None:
    put_one_of_each(application)
    garbage, plan = planned(application)
    assert [(item.kind, item.size) for item in garbage] == [
        (GarbageKind.UPLOAD, 0),
        (GarbageKind.BLOB, 12),
        (GarbageKind.ORPHAN, 6),
    ]
    assert planned(application) == (garbage, plan)
    assert application.sweep() == plan
    assert planned(application) == ([], SweepReport())


@pytest.mark.parametrize(("minutes", "taken"), [(5, 1), (15, 0)])
def test_what_became_garbage_within_the_grace_stays(application: Application, minutes: int, taken: int) -> None:
    put_one_of_each(application)
    grace = timedelta(minutes=minutes)
    _, plan = planned(application, grace)
    assert (plan.uploads, plan.blobs, plan.orphans) == (taken, taken, taken)
    assert sweep(application.metadata, application.storage, application.limits, grace) == plan


def test_an_orphan_written_just_now_stays_for_the_grace(application: Application) -> None:
    put_orphan(application)
    assert planned(application, HOUR) == ([], SweepReport())
    assert planned(application)[1] == SweepReport(orphans=1, orphan_bytes=6)


def test_files_no_writer_of_the_store_would_name_are_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "mydata"
    one = new_id()
    names = ["read me", "~notes", "thesis.txt", "ab/chapter.txt", f"{one[:2]}/{one}", f"{one}.{one}", f"x/{one}.{one}"]
    for name in names:
        (theirs / name).parent.mkdir(parents=True, exist_ok=True)
        (theirs / name).write_text("not ours")
    application = build(StoreConfig(tmp_path / "home", blobs=str(theirs)))
    for writer in (new_id(), f"direct-{new_id()}"):
        put_orphan(application, new_location(writer))
    assert application.sweep() == SweepReport(orphans=2, orphan_bytes=12)
    application.close()
    left = [path.relative_to(theirs).as_posix() for path in theirs.rglob("*") if path.is_file()]
    assert sorted(left) == sorted([*names, ".store-id"])
