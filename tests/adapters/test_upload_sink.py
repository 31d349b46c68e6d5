"""Bytes on their way to disk: hashed as they are, never more at risk than announced, nothing kept that failed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argosy_server.domain.blob import BlobHasher
from argosy_server.domain.errors import DomainError, StorageFull, StorageUnavailable, Superseded
from argosy_server.usecases.blobs import upload_sink
from argosy_server.usecases.blobs.upload_sink import UploadSink
from tests.adapters.fragile_storage import FragileStorage
from tests.contracts.blob_storage import BlobStorageContract, get, location
from tests.waiting import PATIENCE, wait_until

__all__ = ["location"]
FULL, GONE = StorageFull("no room"), StorageUnavailable("no disk")
MARK = 1000
STEP = MARK * 3 // 8
"""Marks are this far from each other, so that two of them and what is on the wire are less than may be lost."""
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def storage(tmp_path: Path) -> FragileStorage:
    return FragileStorage(tmp_path / "blobs")


@pytest.fixture(autouse=True)
def hashed_by_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_sink, "INLINE_BYTES", 300)


class TestFragileStorage(BlobStorageContract):
    pass


def hasher_of(content: bytes) -> BlobHasher:
    hasher = BlobHasher()
    hasher.update(content)
    return hasher


def sink_of(
    storage: FragileStorage, location: str, on_mark: Callable[[int], None] | None = None, mark_bytes: int = MARK
) -> UploadSink:
    return UploadSink(storage.open_writer(location), BlobHasher(), mark_bytes, on_mark)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(chunks=st.lists(st.binary(max_size=MARK // 2), max_size=20))
def test_whatever_the_chunks_are_the_bytes_are_whole_and_never_more_at_risk_than_announced(
    tmp_path: Path, chunks: list[bytes]
) -> None:
    storage = FragileStorage(tmp_path / "blobs")
    storage.delete("one")
    marked: list[int] = []
    sink = sink_of(storage, "one", marked.append)
    for chunk in chunks:
        sink.write(chunk)
    sink.finish()
    whole, expected = b"".join(chunks), hasher_of(b"".join(chunks))
    assert get(storage, "one", 0, len(whole)) == whole
    assert sink.hasher is not None
    assert (sink.size, sink.hasher.digest(), sink.hasher.pieces()) == (
        len(whole),
        expected.digest(),
        expected.pieces(),
    )
    assert storage.most_at_risk <= MARK
    assert marked == sorted(set(marked))
    assert len(marked) >= len(whole) // MARK


def test_a_mark_is_told_when_it_is_durable_and_not_before(storage: FragileStorage) -> None:
    told: list[tuple[int, int]] = []
    sink = sink_of(storage, "one", lambda size: told.append((size, storage.durable)))
    for _ in range(20):
        sink.write(bytes(250))
    sink.finish()
    assert len(told) >= 4
    assert all(size <= durable for size, durable in told)


def test_writing_goes_on_while_a_mark_is_made_but_waits_for_it_before_the_next(storage: FragileStorage) -> None:
    slow, entered = threading.Event(), threading.Event()

    def on_mark(size: int) -> None:
        entered.set()
        assert slow.wait(PATIENCE)

    sink = sink_of(storage, "one", on_mark)
    sink.write(bytes(STEP))
    assert entered.wait(PATIENCE)
    sink.write(bytes(STEP - 1))  # does not wait
    writer = threading.Thread(target=sink.write, args=(bytes(10),))
    writer.start()
    writer.join(0.1)
    assert writer.is_alive()
    slow.set()
    writer.join(PATIENCE)
    sink.finish()
    assert storage.size("one") == 2 * STEP + 9


@pytest.mark.parametrize("size", [1, 99, 250, 299, 375, 499, 500])
def test_a_slow_disk_puts_no_more_bytes_at_risk(storage: FragileStorage, size: int) -> None:
    storage.marking = threading.Event()
    sink = sink_of(storage, "one", lambda size: None)

    def write() -> None:
        for _ in range(3 * MARK // size):
            sink.write(bytes(size))

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: storage.written >= STEP, "it writes up to the first mark")
    writer.join(0.1)  # no farther than it may, were it only given the time
    waiting, written = writer.is_alive(), storage.written
    storage.marking.set()
    writer.join(PATIENCE)
    assert waiting
    assert written <= MARK
    sink.finish()
    assert storage.size("one") == 3 * MARK // size * size


def test_who_wants_no_marks_gets_none(storage: FragileStorage) -> None:
    sink = sink_of(storage, "one")
    for _ in range(10):
        sink.write(bytes(MARK))
    sink.finish()
    assert storage.events == ["finish"]


def test_where_part_of_an_object_cannot_be_kept_nothing_is_told_and_nothing_is_left(storage: FragileStorage) -> None:
    storage.marks = False
    marked: list[int] = []
    sink = sink_of(storage, "one", marked.append)
    for _ in range(10):
        sink.write(bytes(MARK))
    assert sink.keep() == 0
    assert (marked, list(storage.locations())) == ([], [])


def test_what_is_kept_is_there_for_a_later_sink(storage: FragileStorage) -> None:
    sink = sink_of(storage, "one")
    sink.write(b"a" * 700)
    assert sink.keep() == 700
    writer = storage.resume_writer("one", 700)
    assert writer is not None
    later = UploadSink(writer, hasher_of(b"a" * 700), MARK)
    assert later.size == 700
    later.write(b"b" * 700)
    later.finish()
    assert later.hasher is not None
    assert later.hasher.digest() == hasher_of(b"a" * 700 + b"b" * 700).digest()
    assert get(storage, "one", 0, 1400) == b"a" * 700 + b"b" * 700


def test_what_is_discarded_is_gone(storage: FragileStorage) -> None:
    sink = sink_of(storage, "one")
    sink.write(b"a" * 700)
    sink.discard()
    sink.discard()
    assert list(storage.locations()) == []


def fill(sink: UploadSink) -> None:
    for _ in range(8):
        sink.write(bytes(MARK // 4))
    sink.finish()


@pytest.mark.parametrize("error", [FULL, GONE])
@pytest.mark.parametrize("method", ["write", "mark", "finish"])
def test_what_a_storage_failed_with_is_not_trusted_but_discarded(
    storage: FragileStorage, method: str, error: DomainError
) -> None:
    sink = sink_of(storage, "one", lambda size: None)
    sink.write(b"fine")
    storage.failures = {method: error}
    with pytest.raises(type(error)):
        fill(sink)
    assert sink.keep() == 0
    assert list(storage.locations()) == []
    assert "suspend" not in storage.events


def test_what_cannot_be_suspended_is_discarded_and_says_so_in_the_log(
    storage: FragileStorage, caplog: pytest.LogCaptureFixture
) -> None:
    sink = sink_of(storage, "one")
    sink.write(b"fine")
    storage.failures = {"suspend": GONE}
    assert sink.keep() == 0
    assert list(storage.locations()) == []
    assert caplog.messages == ["what arrived of an upload could not be kept: no disk"]


def test_a_mark_that_cannot_be_recorded_is_raised_later_and_the_bytes_are_kept(storage: FragileStorage) -> None:
    def superseded(size: int) -> None:
        raise Superseded("a later stream took over")

    sink = sink_of(storage, "one", superseded)
    with pytest.raises(Superseded):
        fill(sink)
    size = sink.size
    assert sink.keep() == size == storage.size("one")
    last = sink_of(storage, "two", superseded)
    last.write(bytes(MARK // 2))  # its mark is the last one
    with pytest.raises(Superseded):
        last.finish()
    assert last.keep() == MARK // 2
