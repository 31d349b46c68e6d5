"""A file over several streams: whatever order, break or lie, it is whole and verified, or an error; it never hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import grpc
import pytest

from argosy.config import ClientConfig
from argosy.errors import CorruptDataError, NotFoundError, UnavailableError
from argosy.transport.clients.blob_client import BlobClient
from argosy.transport.connection import connect
from argosy.transport.download import receive
from argosy.transport.download.receive import receive_into
from argosy.transport.rpc import retry
from argosy.v1.artifact_pb2 import ArtifactFile
from argosy.v1.blob_service_pb2 import GetCapabilitiesResponse, ReadBlobRequest, ReadBlobResponse
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer
from tests.unit.transport.memory_store import CODE, digest_of, refuse

Serve = Callable[..., ClientConfig]
pytestmark = pytest.mark.timeout(30)
CHUNK = 16 << 10
RANGE = 4 * CHUNK
CONTENT = bytes(range(251)) * 2600
"""Ten ranges, the last one shorter."""
FILE = ArtifactFile(path="big", digest=digest_of(CONTENT), size_bytes=len(CONTENT))


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "PARALLEL_BYTES", RANGE)
    monkeypatch.setattr(receive, "_RANGE_BYTES", RANGE)
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0001)


class Peer(BlobServiceServicer):
    """Streams CONTENT, or what a test puts in its place.

    Attributes:
        ranges: the ranges that were asked for.
        before: called with the offset before each chunk is sent; may refuse.
    """

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.ranges: list[tuple[int, int]] = []
        self.before: Callable[[int, grpc.ServicerContext], object] = lambda offset, context: None
        self.stop_shift = 0

    def GetCapabilities(self, request: object, context: grpc.ServicerContext) -> GetCapabilitiesResponse:
        return GetCapabilitiesResponse(protocol_revision=1, oldest_protocol_revision=1)

    def ReadBlob(self, request: ReadBlobRequest, context: grpc.ServicerContext) -> Iterator[ReadBlobResponse]:
        self.ranges.append((request.offset, request.limit))
        stop = request.offset + request.limit + self.stop_shift
        for start in range(request.offset, stop, CHUNK):
            self.before(start, context)
            yield ReadBlobResponse(chunk=self.content[start : min(start + CHUNK, stop)])


def peer(content: bytes = CONTENT) -> Peer:
    return Peer(content)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED


def receive_from(serve: Serve, store: Peer, lanes: int = 3, **settings: object) -> bytes:
    """Receive CONTENT; progress must come out even."""
    blobs = connect(serve(store, **settings)).blobs
    target, steps = bytearray(len(CONTENT)), list[int]()
    receive_into([blobs] * lanes, FILE, memoryview(target), steps.append)
    assert sum(steps) == len(CONTENT)
    return bytes(target)


@pytest.mark.parametrize("lanes", [1, 2, 3, 20])
def test_a_file_arrives_whole_over_any_number_of_lanes(serve: Serve, lanes: int) -> None:
    store = peer()
    assert receive_from(serve, store, lanes) == CONTENT
    assert len(store.ranges) == (1 if lanes == 1 else 10)


def test_lanes_are_used_at_the_same_time(serve: Serve) -> None:
    store, together = peer(), threading.Barrier(3)
    first = {0, RANGE, 2 * RANGE}
    store.before = lambda offset, _: together.wait(10) if offset in first else None
    assert receive_from(serve, store) == CONTENT


def test_ranges_may_arrive_in_any_order(serve: Serve) -> None:
    store, last_came = peer(), threading.Event()

    def hold_the_first(offset: int, context: grpc.ServicerContext) -> None:
        if offset == 0:
            assert last_came.wait(10)
        if offset >= 9 * RANGE:
            last_came.set()

    store.before = hold_the_first
    assert receive_from(serve, store) == CONTENT


def test_a_small_or_empty_file_comes_by_one_stream(serve: Serve) -> None:
    store = peer(b"abc")
    blobs = connect(serve(store)).blobs
    target = bytearray(3)
    file = ArtifactFile(path="x", digest=digest_of(b"abc"), size_bytes=3)
    receive_into([blobs] * 3, file, memoryview(target), lambda _: None)
    assert (bytes(target), store.ranges) == (b"abc", [(0, 3)])
    nothing = ArtifactFile(path="x", digest=digest_of(b""), size_bytes=0)
    receive_into([blobs] * 3, nothing, memoryview(b""), lambda _: None)
    assert store.ranges == [(0, 3)]


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_stream_that_breaks_in_the_middle_goes_on_where_it_was(serve: Serve, lanes: int) -> None:
    store, breaks = peer(), {2 * CHUNK, RANGE, 3 * RANGE + CHUNK, len(CONTENT) // CHUNK * CHUNK}

    def cut(offset: int, context: grpc.ServicerContext) -> None:
        if offset in breaks:
            breaks.discard(offset)
            refuse(context, CODE.UNAVAILABLE)

    store.before = cut
    assert receive_from(serve, store, lanes) == CONTENT
    assert breaks == set()
    assert 2 * CHUNK in [offset for offset, _ in store.ranges]


@pytest.mark.parametrize("lanes", [1, 3])
def test_wrong_bytes_anywhere_are_found(serve: Serve, lanes: int) -> None:
    for place in (0, RANGE, 5 * RANGE - 1, len(CONTENT) - 1):
        damaged = bytearray(CONTENT)
        damaged[place] ^= 1
        with pytest.raises(CorruptDataError, match=r"file 'big' arrived as blake3:.* nothing of it was used"):
            receive_from(serve, peer(bytes(damaged)), lanes)


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_stream_that_ends_early_is_an_error(serve: Serve, lanes: int) -> None:
    store = peer()
    store.stop_shift = -CHUNK
    with pytest.raises(CorruptDataError, match=r"file 'big' ended at byte \d+ of the range up to \d+"):
        receive_from(serve, store, lanes)


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_stream_that_goes_on_too_long_never_writes_beyond_its_range(serve: Serve, lanes: int) -> None:
    store = peer(CONTENT + bytes(CHUNK))
    store.stop_shift = 10
    with pytest.raises(CorruptDataError, match="file 'big' goes on after byte"):
        receive_from(serve, store, lanes)


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("failing", [0, RANGE, 9 * RANGE])
def test_the_failure_of_any_lane_is_the_one_that_is_told(serve: Serve, lanes: int, failing: int) -> None:
    store = peer()
    others = threading.Event()

    def fail(offset: int, context: grpc.ServicerContext) -> None:
        if offset == failing:
            refuse(context, CODE.NOT_FOUND, "BLOB_NOT_FOUND")
        elif lanes > 1 and failing < 9 * RANGE:
            others.wait(0.05)

    store.before = fail
    with pytest.raises(NotFoundError, match="refused as BLOB_NOT_FOUND"):
        receive_from(serve, store, lanes)


def test_a_lane_that_waits_for_the_server_is_cut_when_another_one_fails(serve: Serve) -> None:
    store, begun, end = peer(), threading.Event(), threading.Event()

    def stall_the_first(offset: int, context: grpc.ServicerContext) -> None:
        if offset == CHUNK:
            begun.set()
            end.wait(25)
        if offset == RANGE:
            assert begun.wait(10)
            refuse(context, CODE.NOT_FOUND, "BLOB_NOT_FOUND")

    store.before = stall_the_first
    try:
        with pytest.raises(NotFoundError):
            receive_from(serve, store, lanes=2)
        assert not end.is_set()
    finally:
        end.set()


@pytest.mark.timeout(15)
def test_a_server_that_is_gone_is_told_when_no_byte_comes_any_more(serve: Serve) -> None:
    store = peer()

    def gone(offset: int, context: grpc.ServicerContext) -> None:
        if offset >= 2 * RANGE:
            refuse(context, CODE.UNAVAILABLE)

    store.before = gone
    with pytest.raises(UnavailableError):
        receive_from(serve, store)
    tried = [offset for offset, _ in store.ranges]
    assert max(tried.count(offset) for offset in tried) == retry.ATTEMPTS


def test_chunks_without_bytes_are_no_progress(serve: Serve) -> None:
    store = peer(b"")

    def cut(offset: int, context: grpc.ServicerContext) -> None:
        if offset:
            refuse(context, CODE.UNAVAILABLE)

    store.before = cut
    with pytest.raises(UnavailableError):
        receive_from(serve, store, lanes=1)
    assert len(store.ranges) == retry.ATTEMPTS


@pytest.mark.parametrize("lanes", [1, 3])
def test_an_error_of_who_counts_the_bytes_ends_everything(serve: Serve, lanes: int) -> None:
    def tired(count: int) -> None:
        raise ValueError("counted enough")

    blobs: BlobClient = connect(serve(peer())).blobs
    with pytest.raises(ValueError, match="counted enough"):
        receive_into([blobs] * lanes, FILE, memoryview(bytearray(len(CONTENT))), tired)
