"""A stored file as a file object: right at every place, sparing with bytes, and never well with wrong ones."""

from __future__ import annotations

import io
import random
import threading
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator

import grpc
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blake3 import blake3

from argosy.config import ClientConfig
from argosy.errors import CorruptDataError, UnavailableError
from argosy.transport.connection import connect
from argosy.transport.download.blob_file import BlobFile
from argosy.transport.rpc import retry
from argosy.v1.artifact_pb2 import ArtifactFile
from argosy.v1.blob_service_pb2 import (
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    ReadBlobRequest,
    ReadBlobResponse,
)
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer

CHUNK = 1 << 20
BIG = random.Random(7).randbytes(5 * CHUNK + 123)


class Store(BlobServiceServicer):
    """Serves one blob. Remembers the ranges asked for; breaks as told.

    Attributes:
        ranges: offset and limit of each call.
        cut_after: bytes after which each call is cut, with UNAVAILABLE.
        ends_after: bytes after which each call ends as if it were complete.
        extra: sent after the last byte.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.ranges: list[tuple[int, int]] = []
        self.cut_after: list[int] = []
        self.ends_after = len(content) + 1
        self.extra = b""
        self.cancelled = threading.Event()

    def GetCapabilities(
        self, request: GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> GetCapabilitiesResponse:
        return GetCapabilitiesResponse(protocol_revision=1, oldest_protocol_revision=1)

    def ReadBlob(self, request: ReadBlobRequest, context: grpc.ServicerContext) -> Iterator[ReadBlobResponse]:
        self.ranges.append((request.offset, request.limit))
        context.add_callback(self.cancelled.set)
        cut_after = self.cut_after.pop(0) if self.cut_after else len(self.content) + 1
        wanted = memoryview(self.content)[request.offset : request.offset + request.limit][: self.ends_after]
        for start in range(0, len(wanted), CHUNK):
            if start >= cut_after:
                # gRPC shall not try again on its own: what this file does is tested here.
                context.set_trailing_metadata((("grpc-retry-pushback-ms", "-1"),))
                context.abort(grpc.StatusCode.UNAVAILABLE, "going away")
            yield ReadBlobResponse(chunk=bytes(wanted[start : start + CHUNK]) + self.extra)


def store_of(content: bytes) -> Store:
    return Store(content)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED


Open = Callable[..., BlobFile]


@pytest.fixture
def open_file(serve: Callable[..., ClientConfig]) -> Open:
    """Open the content of a store, recorded with its digest or another one."""

    def open_it(store: Store, digest: str = "") -> BlobFile:
        blobs = connect(serve(store, connect_timeout=5.0)).blobs
        digest = digest or f"blake3:{blake3(store.content).hexdigest()}"
        return BlobFile(blobs, ArtifactFile(path="data.bin", digest=digest, size_bytes=len(store.content)))

    return open_it


def test_it_behaves_like_a_file_in_memory_wherever_one_reads(open_file: Open) -> None:
    store, chance = store_of(BIG), random.Random(3)
    for file in (open_file(store), open_file(store).buffered()):
        twin = io.BytesIO(BIG)
        for _ in range(150):
            if chance.random() < 0.6:
                whence = chance.choice([0, 0, 1, 2])
                offset = chance.randrange(-len(BIG), len(BIG) + 1000) if whence else chance.randrange(len(BIG) + 1000)
                if twin.tell() * (whence == 1) + len(BIG) * (whence == 2) + offset < 0:
                    continue
                assert file.seek(offset, whence) == twin.seek(offset, whence)
            count = chance.choice([0, 1, 100, 70_000, 2 * CHUNK])
            assert file.read(count) == twin.read(count)
            assert file.tell() == twin.tell()
        file.seek(1000)
        assert file.read() == BIG[1000:]
        assert file.read(1) == b""
        file.close()


def test_lines_come_from_the_buffer(open_file: Open) -> None:
    with open_file(store_of(b"first\nsecond\n")).buffered() as file:
        assert list(file) == [b"first\n", b"second\n"]


def test_a_read_at_a_place_asks_for_exactly_what_is_wanted(open_file: Open) -> None:
    store = store_of(BIG)
    with open_file(store) as file:
        file.seek(3_000_000)
        file.read(1000)
        file.seek(-8, io.SEEK_END)
        file.read(8)
    assert store.ranges == [(3_000_000, 1000), (len(BIG) - 8, 8)]


def test_seeking_alone_and_an_empty_read_ask_for_nothing(open_file: Open) -> None:
    store = store_of(BIG)
    with open_file(store) as file:
        assert (file.seek(10), file.read(0), file.seek(len(BIG)), file.read(10)) == (10, b"", len(BIG), b"")
    assert store.ranges == []


def test_reading_on_takes_few_calls_which_ask_for_more_and_more(open_file: Open) -> None:
    store = store_of(BIG)
    with open_file(store).buffered() as file:
        assert b"".join(iter(lambda: file.read(1000), b"")) == BIG
    assert [limit for _, limit in store.ranges[:4]] == [64 << 10, 128 << 10, 256 << 10, 512 << 10]
    assert len(store.ranges) == 7


def test_a_large_read_is_one_call(open_file: Open) -> None:
    store = store_of(BIG)
    with open_file(store) as file:
        assert file.readall() == BIG
    assert store.ranges == [(0, len(BIG))]


def test_what_lies_in_the_chunk_at_hand_or_shortly_after_it_takes_no_other_call(open_file: Open) -> None:
    store = store_of(BIG)
    with open_file(store) as file:
        file.expect([(0, len(BIG))])
        for place in (0, 500_000, 10, CHUNK - 10, CHUNK + 60_000):
            file.seek(place)
            assert file.read(20) == BIG[place : place + 20]
        assert store.ranges == [(0, len(BIG))]
        file.seek(4 * CHUNK)
        assert file.read(5) == BIG[4 * CHUNK : 4 * CHUNK + 5]
    assert store.ranges == [(0, len(BIG)), (4 * CHUNK, len(BIG) - 4 * CHUNK)]


def test_ranges_that_were_announced_come_by_one_call_each_and_neighbours_together(open_file: Open) -> None:
    store = store_of(BIG)
    with open_file(store) as file:
        file.expect([(3_000_000, 3_001_000), (1000, 2000), (2000, 3000), (10_000, 11_000)])
        for start in (1000, 2000, 10_000, 3_000_000):
            file.seek(start)
            assert file.read(1000) == BIG[start : start + 1000]
    assert store.ranges == [(1000, 10_000), (3_000_000, 1000)]


def test_a_file_that_arrives_with_another_digest_is_refused_before_its_last_bytes(open_file: Open) -> None:
    with open_file(store_of(BIG), digest=f"blake3:{'0' * 64}").buffered() as file:
        assert file.read(CHUNK) == BIG[:CHUNK]
        with pytest.raises(CorruptDataError, match=r"'data\.bin' arrived as blake3:.* but blake3:0000"):
            file.read()
        for place in (5 * CHUNK, 0):
            file.seek(place)
            with pytest.raises(CorruptDataError, match="arrived as"):
                file.read(1)


def test_the_digest_is_checked_also_when_the_beginning_is_read_twice(open_file: Open) -> None:
    with open_file(store_of(BIG), digest=f"blake3:{'0' * 64}").buffered() as file:
        file.read(200_000)
        file.seek(len(BIG) - 5)
        file.read(2)
        file.seek(0)
        with pytest.raises(CorruptDataError, match="arrived as"):
            file.read()


def test_bytes_that_arrive_twice_count_once(open_file: Open) -> None:
    with open_file(store_of(BIG)) as file:
        file.read(1000)
        file.seek(3_000_000)
        file.read(1)
        file.seek(500)
        assert file.readall() == BIG[500:]
        file.seek(0)
        assert file.readall() == BIG


def test_a_call_that_ends_early_is_an_error_and_never_a_short_read(open_file: Open) -> None:
    store = store_of(BIG)
    store.ends_after = 1000
    with open_file(store) as file:
        file.seek(50)
        with pytest.raises(CorruptDataError, match="ended at byte 1050 of the range up to 2050"):
            file.read(2000)
        assert file.tell() == 50


def test_more_bytes_than_were_recorded_are_an_error(open_file: Open) -> None:
    store = store_of(b"content")
    store.extra = b"!"
    with open_file(store) as file, pytest.raises(CorruptDataError, match="goes on after byte 7"):
        file.read(7)


def test_a_call_that_is_cut_on_its_way_goes_on_where_it_ended(open_file: Open) -> None:
    store = store_of(BIG)
    store.cut_after = [2 * CHUNK, CHUNK]
    with open_file(store) as file:
        assert file.read(len(BIG)) == BIG
    assert [offset for offset, _ in store.ranges] == [0, 2 * CHUNK, 3 * CHUNK]


def test_a_store_that_sends_nothing_for_a_while_is_tried_again(
    open_file: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.001)
    store = store_of(BIG)
    store.cut_after = [0, 0, CHUNK, 0, 0]
    with open_file(store) as file:
        assert file.read(2 * CHUNK) == BIG[: 2 * CHUNK]
    assert [offset for offset, _ in store.ranges] == [0, 0, 0, CHUNK, CHUNK, CHUNK]


def test_a_store_that_sends_nothing_any_more_is_unavailable(open_file: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.001)
    store = store_of(BIG)
    store.cut_after = [CHUNK, *[0] * 100]
    with open_file(store) as file:
        with pytest.raises(UnavailableError):
            file.read(2 * CHUNK)
        assert file.tell() == 0
        store.cut_after = []
        assert file.read(2 * CHUNK) == BIG[: 2 * CHUNK]


def test_closing_ends_the_call_and_reading_afterwards_is_refused(open_file: Open) -> None:
    store = store_of(bytes(64 * CHUNK))
    file = open_file(store)
    file.expect([(0, 64 * CHUNK)])
    assert file.read(1) == b"\0"
    assert not store.cancelled.is_set()
    file.close()
    file.close()
    assert store.cancelled.wait(10)
    for use in (file.read, file.tell, lambda: file.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_it_cannot_be_written_and_seeks_only_to_places(open_file: Open) -> None:
    with open_file(store_of(b"content")) as file:
        assert (file.readable(), file.seekable(), file.writable(), file.name) == (True, True, False, "data.bin")
        with pytest.raises(ValueError, match="before the beginning"):
            file.seek(-1)
        with pytest.raises(ValueError, match="none of 0"):
            file.seek(0, 3)
        with pytest.raises(OSError, match="writable"):
            io.BufferedWriter(file)


def test_memory_stays_small_whatever_the_size(open_file: Open) -> None:
    with open_file(store_of(bytes(48 * CHUNK))).buffered() as file:
        file.read(1)
        tracemalloc.start()
        try:
            while file.read(CHUNK // 4):
                pass
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 12 * CHUNK  # this side and the server of this test together


def test_a_zip_archive_is_read_by_its_directory(open_file: Open) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("large", BIG)
        archive.writestr("small", b"here")
    store = store_of(target.getvalue())
    with open_file(store).buffered() as file, zipfile.ZipFile(file) as archive:
        assert archive.read("small") == b"here"
    assert sum(limit for _, limit in store.ranges) < 300_000


def test_numpy_and_arrow_read_it_as_a_file(open_file: Open) -> None:
    array, target = np.arange(300_000).reshape(-1, 3), io.BytesIO()
    np.save(target, array)
    with open_file(store_of(target.getvalue())).buffered() as file:
        assert np.load(file).tolist() == array.tolist()
    table = pa.table({"a": array[:, 0], "b": array[:, 1]})
    target = io.BytesIO()
    pq.write_table(table, target, row_group_size=30_000)
    for pre_buffer in (False, True):
        with open_file(store_of(target.getvalue())).buffered() as file:
            parquet = pq.ParquetFile(file, pre_buffer=pre_buffer)
            assert parquet.read(["b"]).equals(table.select(["b"]))
