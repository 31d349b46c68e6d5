"""What every blob storage promises. Subclass :class:`BlobStorageContract` and give it a ``storage`` fixture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest

from argosy_server.domain.errors import BlobCorrupt
from argosy_server.domain.identifiers import new_id
from argosy_server.usecases.ports import BlobStorage

MIB = 1 << 20
CONTENT = bytes(range(256)) * 4 * 1024 * 2 + b"tail"
"""A little more than 2 MiB, so that reads come in pieces."""


def put(storage: BlobStorage, location: str, content: bytes) -> None:
    writer = storage.open_writer(location)
    writer.write(content)
    writer.finish()


def get(storage: BlobStorage, location: str, start: int, stop: int) -> bytes:
    return b"".join(storage.read(location, start, stop))


def names(storage: BlobStorage) -> list[str]:
    return sorted(storage.locations())


@pytest.fixture
def location() -> str:
    """One that looks like those of uploads and was never used."""
    return f"{new_id()[:2]}/{new_id()}.{new_id()}"


class BlobStorageContract:
    """Runs on every adapter."""

    def test_what_was_written_is_read(self, storage: BlobStorage, location: str) -> None:
        put(storage, location, CONTENT)
        assert get(storage, location, 0, len(CONTENT)) == CONTENT
        assert storage.size(location) == len(CONTENT)

    def test_writes_are_appended_whatever_kind_of_bytes_they_are(self, storage: BlobStorage, location: str) -> None:
        writer = storage.open_writer(location)
        for part in (b"ab", memoryview(b"-cd-")[1:3], b"", memoryview(bytearray(b"ef"))):
            writer.write(part)
        writer.finish()
        assert get(storage, location, 0, 6) == b"abcdef"

    def test_an_empty_location_is_there(self, storage: BlobStorage, location: str) -> None:
        put(storage, location, b"")
        assert storage.size(location) == 0
        assert get(storage, location, 0, 0) == b""
        assert names(storage) == [location]

    @pytest.mark.parametrize(
        ("start", "stop"),
        [(0, 1), (5, 5), (MIB - 1, MIB + 1), (MIB, 2 * MIB), (len(CONTENT) - 1, len(CONTENT)), (3, len(CONTENT))],
    )
    def test_a_range_is_exactly_its_bytes(self, storage: BlobStorage, location: str, start: int, stop: int) -> None:
        put(storage, location, CONTENT)
        assert get(storage, location, start, stop) == CONTENT[start:stop]

    def test_pieces_are_at_most_a_mebibyte(self, storage: BlobStorage, location: str) -> None:
        put(storage, location, CONTENT)
        assert max(len(piece) for piece in storage.read(location, 0, len(CONTENT))) <= MIB

    def test_fewer_bytes_than_asked_for_are_corruption(self, storage: BlobStorage, location: str) -> None:
        put(storage, location, b"short")
        with pytest.raises(BlobCorrupt, match="ends at byte 5, 6 were stored"):
            get(storage, location, 0, 6)

    def test_a_location_that_is_not_there_has_no_size_and_cannot_be_read(
        self, storage: BlobStorage, location: str
    ) -> None:
        assert storage.size(location) is None
        with pytest.raises(FileNotFoundError):
            get(storage, location, 0, 1)

    def test_a_location_tells_when_it_was_written(self, storage: BlobStorage, location: str) -> None:
        assert storage.modified_at(location) is None
        # File systems keep times by a clock that ticks some hundred times a second.
        before = datetime.now(timezone.utc) - timedelta(seconds=1)
        put(storage, location, b"bytes")
        written = storage.modified_at(location)
        assert written is not None
        assert before < written < datetime.now(timezone.utc) + timedelta(seconds=1)

    def test_a_deleted_location_is_gone(self, storage: BlobStorage, location: str) -> None:
        put(storage, location, b"bytes")
        storage.delete(location)
        assert storage.size(location) is None
        assert names(storage) == []

    def test_deleting_what_is_not_there_is_fine(self, storage: BlobStorage, location: str) -> None:
        storage.delete(location)
        put(storage, location, b"bytes")
        storage.delete(location)
        storage.delete(location)
        assert names(storage) == []

    def test_discarded_bytes_are_gone(self, storage: BlobStorage, location: str) -> None:
        writer = storage.open_writer(location)
        writer.write(CONTENT)
        writer.discard()
        assert storage.size(location) is None
        assert names(storage) == []

    def test_discarding_twice_is_fine(self, storage: BlobStorage, location: str) -> None:
        writer = storage.open_writer(location)
        writer.discard()
        writer.discard()
        assert names(storage) == []

    def test_discarding_what_is_finished_changes_nothing(self, storage: BlobStorage, location: str) -> None:
        writer = storage.open_writer(location)
        writer.write(b"bytes")
        writer.finish()
        writer.discard()
        assert get(storage, location, 0, 5) == b"bytes"

    def test_every_location_is_listed(self, storage: BlobStorage) -> None:
        put(storage, "aa/one", b"1")
        put(storage, "bb/two.x", b"22")
        put(storage, "three", b"333")
        assert names(storage) == ["aa/one", "bb/two.x", "three"]

    def test_a_storage_belongs_to_nobody_until_it_is_claimed_and_then_to_the_first(self, storage: BlobStorage) -> None:
        assert storage.owner() is None
        first, second = new_id(), new_id()
        assert storage.claim(first) == first
        assert storage.claim(second) == first
        assert storage.owner() == first

    def test_whose_storage_it_is_stands_in_no_location(self, storage: BlobStorage, location: str) -> None:
        storage.claim(new_id())
        put(storage, location, b"bytes")
        assert names(storage) == [location]

    def test_two_writers_do_not_disturb_each_other(self, storage: BlobStorage) -> None:
        first, second = storage.open_writer("ab/first"), storage.open_writer("ab/second")
        first.write(b"1")
        second.write(b"2")
        first.finish()
        second.discard()
        assert get(storage, "ab/first", 0, 1) == b"1"
        assert names(storage) == ["ab/first"]

    def test_marks_change_nothing_of_what_is_written(self, storage: BlobStorage, location: str) -> None:
        writer = storage.open_writer(location)
        marks = [0]
        for start in range(0, len(CONTENT), MIB):
            writer.write(CONTENT[start : start + MIB])
            marks.append(writer.mark())
            assert marks[-2] <= marks[-1] <= start + MIB
        writer.finish()
        assert get(storage, location, 0, len(CONTENT)) == CONTENT

    def test_a_mark_may_be_made_while_another_thread_writes(self, storage: BlobStorage, location: str) -> None:
        writer = storage.open_writer(location)
        with ThreadPoolExecutor(1) as pool:
            for start in range(0, len(CONTENT), 64 << 10):
                mark = pool.submit(writer.mark)
                writer.write(CONTENT[start : start + (64 << 10)])
            mark.result()
        writer.finish()
        assert get(storage, location, 0, len(CONTENT)) == CONTENT

    def test_what_is_suspended_is_kept_or_gone_as_it_says(self, storage: BlobStorage, location: str) -> None:
        writer = storage.open_writer(location)
        writer.write(b"first ")
        marked = writer.mark()
        kept = writer.suspend()
        assert kept == marked
        assert kept in (0, 6)
        assert names(storage) == ([location] if kept else [])
        writer.discard()
        assert storage.size(location) == (6 if kept else None)
        later = storage.resume_writer(location, 6)
        assert (later is not None) == (kept == 6)
        if later is not None:
            later.write(b"second")
            later.finish()
            assert get(storage, location, 0, 12) == b"first second"

    def test_what_is_salvaged_after_a_failure_is_there_or_gone_as_it_says(
        self, storage: BlobStorage, location: str
    ) -> None:
        writer = storage.open_writer(location)
        writer.write(CONTENT)
        kept = writer.salvage()
        assert names(storage) == ([location] if kept else [])
        assert (storage.size(location) or 0) == kept

    def test_places_to_go_on_come_one_after_the_other(self, storage: BlobStorage, location: str) -> None:
        writer = storage.open_writer(location)
        place = 0
        places: list[int] = []
        while len(places) < 3 and (found := writer.boundary_after(place)) is not None:
            places.append(place := found)
        assert places == sorted(set(places))
        writer.discard()

    @pytest.mark.parametrize("size", [0, 1, 5, 11])
    def test_what_follows_the_bytes_to_go_on_after_is_cut_off(
        self, storage: BlobStorage, location: str, size: int
    ) -> None:
        put(storage, location, b"some-content")
        writer = storage.resume_writer(location, size)
        if writer is not None:
            writer.write(b"!")
            writer.finish()
            assert get(storage, location, 0, size + 1) == b"some-content"[:size] + b"!"
            assert storage.size(location) == size + 1

    def test_nobody_goes_on_with_what_is_not_there_or_shorter(self, storage: BlobStorage, location: str) -> None:
        assert storage.resume_writer(location, 0) is None
        put(storage, location, b"short")
        assert storage.resume_writer(location, 6) is None
        assert get(storage, location, 0, 5) == b"short"

    def test_nobody_goes_on_beside_a_writer_that_is_alive(self, storage: BlobStorage, location: str) -> None:
        writer = storage.open_writer(location)
        writer.write(b"first")
        writer.mark()
        assert storage.resume_writer(location, 3) is None
        writer.write(b" second")
        writer.finish()
        assert get(storage, location, 0, 12) == b"first second"

    def test_nobody_goes_on_with_what_is_being_discarded(self, storage: BlobStorage, location: str) -> None:
        writer = storage.open_writer(location)
        writer.write(b"first")
        writer.discard()
        assert storage.resume_writer(location, 0) is None
        assert names(storage) == []

    @pytest.mark.parametrize(
        "bad",
        [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            "./a",
            "a//b",
            "a/",
            "a\\b",
            "C:x",
            "a\0b",
            "a b",
            "~/x",
            ".x",
        ],
    )
    def test_nothing_outside_of_the_root_can_be_named(self, storage: BlobStorage, bad: str) -> None:
        for use in (
            storage.open_writer,
            storage.size,
            storage.modified_at,
            storage.delete,
            lambda bad: storage.resume_writer(bad, 0),
            lambda bad: get(storage, bad, 0, 1),
        ):
            with pytest.raises(ValueError, match="is no storage location"):
                use(bad)
        assert names(storage) == []
