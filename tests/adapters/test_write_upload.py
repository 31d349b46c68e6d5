"""Streams of one upload, on a real store: what breaks is kept, what takes over wins, and no bytes are mixed."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from argosy_server.adapters.blobs import local_storage
from argosy_server.adapters.metadata import open_metadata
from argosy_server.domain.blob import Upload
from argosy_server.domain.errors import (
    BlobNotFound,
    DigestMismatch,
    DomainError,
    IllegalTransition,
    StorageFull,
    StorageUnavailable,
    Superseded,
    WritePastEnd,
)
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.commit_upload import commit_upload, small_content
from argosy_server.usecases.blobs.kept_hashers import KeptHashers
from argosy_server.usecases.blobs.read_blob import find_blob
from argosy_server.usecases.blobs.upload_blob import (
    create_upload,
    discard_upload,
    get_upload,
    write_upload,
)
from argosy_server.usecases.ports import MetadataStore
from argosy_server.usecases.upkeep.sweep import sweep
from tests.adapters.fragile_storage import FragileStorage
from tests.adapters.test_upload_sink import hasher_of

LIMITS = Limits(mark_bytes=40_000, max_blob_row_bytes=10)
CHUNK = 10_000
CONTENT = random.Random(1).randbytes(CHUNK * 12 + 77)
pytestmark = pytest.mark.timeout(60)
Sent = Iterator[bytes | memoryview]


class LineBroke(Exception):
    """The client is gone."""


@dataclass
class Store:
    """One upload of a store."""

    metadata: MetadataStore
    storage: FragileStorage
    id: str
    hashers: KeptHashers | None

    def write(self, chunks: Sent, offset: int = 0, epoch: int = 0) -> int:
        hashers = self.hashers or KeptHashers()
        return write_upload(self.metadata, self.storage, LIMITS, hashers, "p", self.id, offset, epoch, chunks)

    def upload(self) -> Upload:
        return get_upload(self.metadata, "p", self.id)

    def path(self) -> Path:
        return self.storage.root / self.upload().location

    def commit(self, content: bytes = CONTENT) -> None:
        digest, size = hasher_of(content).digest(), len(content)
        read = small_content(self.metadata, self.storage, LIMITS, "p", self.id, digest, size)
        with self.metadata.write() as tx:
            commit_upload(tx, LIMITS, "p", self.id, digest, size, read)

    def stored(self) -> bytes:
        """What the committed blob of CONTENT holds."""
        with self.metadata.read() as tx:
            blob = find_blob(tx, "p", hasher_of(CONTENT).digest())
        return b"".join(self.storage.read(blob.location, 0, blob.size))

    def finish(self) -> None:
        """Go on where it stands, to the end, and commit; nothing else may be left after a sweep."""
        kept = self.upload().size
        assert self.write(sent(kept), offset=kept) == len(CONTENT)
        self.commit()
        assert self.stored() == CONTENT
        sweep(self.metadata, self.storage, LIMITS)
        assert self.stored() == CONTENT
        assert len(list(self.storage.locations())) == 1


@pytest.fixture(params=["one process", "another process for each stream"])
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Store]:
    monkeypatch.setattr(local_storage, "LOCK_SECONDS", 0.1)
    metadata = open_metadata(f"sqlite:///{tmp_path}/metadata.db", durability="process")
    with metadata.write() as tx:
        upload = create_upload(tx, LIMITS, "p", None, 0)
    hashers = KeptHashers() if request.param == "one process" else None
    yield Store(metadata, FragileStorage(tmp_path / "blobs"), upload.id, hashers)
    metadata.close()


def sent(start: int = 0, stop: int = len(CONTENT), then: Callable[[], object] | None = None) -> Sent:
    """Chunks of CONTENT; ``then`` is called before the stream ends."""
    for offset in range(start, stop, CHUNK):
        yield CONTENT[offset : min(offset + CHUNK, stop)]
    if then is not None:
        then()


def breaks() -> None:
    raise LineBroke


def test_what_a_broken_stream_brought_is_kept_to_the_last_byte_and_gone_on_with_in_place(store: Store) -> None:
    with pytest.raises(LineBroke):
        store.write(sent(0, 33_333, breaks))
    path, before = store.path(), store.path().stat().st_ino
    assert (store.upload().size, path.stat().st_size) == (33_333, 33_333)
    store.finish()
    assert store.storage.events.count("resumed") == 1
    (location,) = store.storage.locations()
    assert (store.storage.root / location).stat().st_ino == before


def test_while_a_stream_lasts_marks_tell_what_a_killed_server_would_keep(store: Store) -> None:
    seen: list[tuple[int, int]] = []

    def looking() -> Sent:
        for number, chunk in enumerate(sent()):
            yield chunk
            seen.append((store.upload().size, (number + 1) * CHUNK))

    store.write(looking())
    assert all(recorded <= arrived for recorded, arrived in seen)
    assert all(arrived - recorded <= LIMITS.mark_bytes + CHUNK for recorded, arrived in seen)
    assert store.storage.most_at_risk <= LIMITS.mark_bytes


def test_after_a_kill_only_what_was_marked_is_trusted_and_the_rest_cut_off(store: Store) -> None:
    with pytest.raises(LineBroke):
        store.write(sent(0, 50_000, breaks))
    with store.path().open("ab") as file:
        file.write(b"what was on its way when the server died")
    store.finish()


def test_bytes_that_changed_while_they_were_kept_are_found_when_the_server_was_restarted(store: Store) -> None:
    store.hashers = None
    with pytest.raises(LineBroke):
        store.write(sent(0, 50_000, breaks))
    with store.path().open("r+b") as file:
        file.write(b"????")
    kept = store.upload().size
    store.write(sent(kept), offset=kept)
    with pytest.raises(DigestMismatch):
        store.commit()
    discard_upload(store.metadata, store.storage, LIMITS, "p", store.id)
    assert list(store.storage.locations()) == []


@pytest.mark.parametrize("left", [None, 0, 20_000])
def test_a_file_that_is_shorter_than_recorded_counts_as_nothing(store: Store, left: int | None) -> None:
    with pytest.raises(LineBroke):
        store.write(sent(0, 50_000, breaks))
    if left is None:
        store.path().unlink()
    else:
        with store.path().open("r+b") as file:
            file.truncate(left)
    with pytest.raises(WritePastEnd) as caught:
        store.write(sent(50_000), offset=50_000)
    assert caught.value.metadata == {"committed_size": "0"}
    assert store.upload().size == 0
    store.finish()


@pytest.mark.parametrize("error", [StorageFull("no room"), StorageUnavailable("no disk")])
@pytest.mark.parametrize("method", ["write", "mark", "finish"])
def test_a_storage_that_fails_keeps_nothing_and_a_later_stream_starts_again(
    store: Store, method: str, error: DomainError
) -> None:
    def failing() -> Sent:
        for number, chunk in enumerate(sent()):
            if number == 6:
                store.storage.failures = {method: error}
            yield chunk

    with pytest.raises(type(error)):
        store.write(failing())
    assert (store.upload().size, list(store.storage.locations())) == (0, [])
    store.storage.failures = {}
    store.finish()


def test_a_storage_that_keeps_no_parts_starts_again(store: Store) -> None:
    store.storage.marks = False
    with pytest.raises(LineBroke):
        store.write(sent(0, 80_000, breaks))
    assert (store.upload().size, list(store.storage.locations())) == (0, [])
    store.finish()


class Paused:
    """A stream that stands still in the middle, on a thread of its own, until it is told how to end."""

    def __init__(self, store: Store) -> None:
        self._reached, self._go = threading.Event(), threading.Event()
        self._then: Callable[[], object] = breaks
        self.rest: Sent = iter(())
        self._pool = ThreadPoolExecutor(1)
        self._result = self._pool.submit(store.write, self._chunks())
        assert self._reached.wait(10)

    def _chunks(self) -> Sent:
        yield from sent(0, 50_000)
        self._reached.set()
        assert self._go.wait(30)
        yield from self.rest
        self._then()

    def end(self, then: Callable[[], object] = lambda: None) -> BaseException | None:
        """Let it go on with ``rest`` and end; return what it raised."""
        self._then = then
        self._go.set()
        error = self._result.exception(30)
        self._pool.shutdown()
        return error


def test_a_later_stream_copies_what_one_that_is_still_alive_may_write_to(store: Store) -> None:
    first = Paused(store)
    marked = store.upload().size
    assert 0 < marked <= 50_000
    old = store.path()
    assert store.write(sent(marked), offset=marked) == len(CONTENT)
    assert store.storage.events.count("not resumed") == 1
    assert (store.path() != old, old.exists()) == (True, True)
    first.rest = iter([b"late"] * 3)
    assert isinstance(first.end(), Superseded)
    store.commit()
    assert store.stored() == CONTENT


def test_marks_of_a_stream_that_was_taken_over_end_it(store: Store) -> None:
    first = Paused(store)
    marked = store.upload().size
    with pytest.raises(LineBroke):
        store.write(sent(marked, 90_000, breaks), offset=marked)
    first.rest = iter([CONTENT[:CHUNK]] * 1000)
    assert isinstance(first.end(), Superseded)
    assert store.upload().size == 90_000
    store.finish()


@pytest.mark.parametrize("fails", ["", "write", "finish", "suspend"])
@pytest.mark.parametrize("then", [breaks, lambda: None])
@pytest.mark.parametrize("moment", ["before it writes", "while it writes", "after it wrote", "after the commit"])
def test_a_stream_that_was_taken_over_never_removes_what_the_later_one_goes_on_with(
    store: Store, moment: str, then: Callable[[], object], fails: str
) -> None:
    first = Paused(store)
    first.rest = iter([b"late"])

    def end_the_first() -> None:
        store.storage.failures = {fails: StorageFull("no room")} if fails else {}
        first.end(then)
        store.storage.failures = {}

    kept = store.upload().size
    middle = kept + 2 * CHUNK

    def later() -> Sent:
        if moment == "before it writes":
            end_the_first()
        yield from sent(kept, middle, end_the_first if moment == "while it writes" else None)
        yield from sent(middle)

    store.write(later(), offset=kept)
    if moment == "after it wrote":
        end_the_first()
    store.commit()
    if moment == "after the commit":
        end_the_first()
    assert store.stored() == CONTENT
    sweep(store.metadata, store.storage, LIMITS)
    assert store.stored() == CONTENT


@pytest.mark.parametrize("stop", [60_000, len(CONTENT)])
def test_a_stream_that_comes_late_to_what_others_have_gone_on_with_cuts_nothing_off(store: Store, stop: int) -> None:
    with pytest.raises(LineBroke):
        store.write(sent(0, 50_000, breaks))

    def others() -> None:
        with suppress(LineBroke):
            store.write(sent(50_000, stop, breaks if stop < len(CONTENT) else None), offset=50_000)
        if stop == len(CONTENT):
            store.commit()

    store.storage.meanwhile = others
    with pytest.raises((Superseded, IllegalTransition)):
        store.write(sent(50_000), offset=50_000)
    assert store.upload().size == stop == store.path().stat().st_size
    if stop < len(CONTENT):
        store.finish()
    assert store.stored() == CONTENT


def test_a_stream_that_failed_and_one_that_takes_over_at_once_never_lose_a_finished_file(store: Store) -> None:
    """The first one lets go of its file, or removes it, at any moment while the second one opens it."""
    for attempt in range(20):
        first = Paused(store)
        kept = store.upload().size
        store.storage.failures = {"write": StorageFull("no room")} if attempt % 2 else {}
        first.rest = iter([CONTENT[50_000 : 50_000 + CHUNK]])  # which may arrive before the second one takes over
        with ThreadPoolExecutor(1) as pool:
            ending = pool.submit(first.end, breaks)
            with suppress(StorageUnavailable, WritePastEnd, StorageFull, Superseded):
                store.write(sent(kept), offset=kept)
            ending.result()
        store.storage.failures = {}
        upload = store.upload()
        assert upload.digest is None or store.path().stat().st_size == upload.size == len(CONTENT)
    store.finish()


@pytest.mark.parametrize("seed", range(8))
def test_any_number_of_racing_streams_leave_an_upload_that_can_be_finished(store: Store, seed: int) -> None:
    def one(number: int) -> None:
        own = random.Random(seed * 100 + number)
        for _ in range(5):
            kept = store.upload().size
            stop = own.randrange(kept, len(CONTENT) + 1)
            with suppress(LineBroke, DomainError):
                store.write(sent(kept, stop, breaks if own.random() < 0.8 else None), offset=kept)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    store.finish()


def test_a_lost_answer_to_a_finished_stream_costs_nothing_but_reading(store: Store) -> None:
    assert store.write(sent()) == len(CONTENT)
    assert store.write(iter(()), offset=len(CONTENT)) == len(CONTENT)
    store.commit()
    assert store.stored() == CONTENT


def test_a_stream_of_an_older_epoch_takes_nothing_over(store: Store) -> None:
    with pytest.raises(LineBroke):
        store.write(sent(0, 50_000, breaks), epoch=2)
    for epoch in (1, 2):
        with pytest.raises(Superseded, match="ask GetUpload and go on"):
            store.write(sent(), epoch=epoch)
    assert store.upload().size == 50_000
    store.write(sent(50_000), offset=50_000, epoch=3)
    store.commit()


def test_nothing_can_be_committed_before_a_stream_ended_well(store: Store) -> None:
    with pytest.raises(LineBroke):
        store.write(sent(0, len(CONTENT), breaks))
    assert store.upload().size == len(CONTENT)
    with pytest.raises(IllegalTransition, match="not written to its end"):
        store.commit()
    with pytest.raises(BlobNotFound):
        store.stored()
    store.finish()
