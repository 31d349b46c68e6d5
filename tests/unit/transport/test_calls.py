"""Streams: stalled ones are given up, broken sources surface as they are, errors are translated."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import grpc
import pytest

from argosy.config import ClientConfig
from argosy.errors import CorruptDataError, DeadlineError, NotFoundError, UnavailableError
from argosy.transport.connection import connect
from argosy.transport.rpc.watchdog import Watchdog
from argosy.v1.artifact_pb2 import ArtifactSpec, ArtifactVersion
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceServicer
from argosy.v1.artifact_transfer_pb2 import UploadArtifactRequest, UploadArtifactResponse
from argosy.v1.blob_service_pb2 import (
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    ReadBlobRequest,
    ReadBlobResponse,
    WriteUploadRequest,
    WriteUploadResponse,
)
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer
from tests.waiting import PATIENCE, wait_until

Serve = Callable[..., ClientConfig]
SLOW_SECONDS = 0.3


class Peer(BlobServiceServicer):
    """Answers a blob by what its digest asks for."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.cancelled = threading.Event()

    def GetCapabilities(
        self, request: GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> GetCapabilitiesResponse:
        return GetCapabilitiesResponse(protocol_revision=1, oldest_protocol_revision=1)

    def ReadBlob(self, request: ReadBlobRequest, context: grpc.ServicerContext) -> Iterator[ReadBlobResponse]:
        context.add_callback(self.cancelled.set)
        yield ReadBlobResponse(chunk=b"first")
        if request.digest == "stalls":
            self.release.wait(20)
        elif request.digest == "slow":
            for _ in range(4):
                time.sleep(SLOW_SECONDS)
                yield ReadBlobResponse(chunk=b"next")
        else:
            context.abort(grpc.StatusCode.DATA_LOSS, "damaged")

    def WriteUpload(
        self, request_iterator: Iterable[WriteUploadRequest], context: grpc.ServicerContext
    ) -> WriteUploadResponse:
        opening = next(iter(request_iterator)).open.upload_id
        if opening == "unknown":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such upload")
        if opening == "stalls":
            self.release.wait(20)
        return WriteUploadResponse(committed_size=sum(len(message.chunk) for message in request_iterator))


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    yield made
    made.release.set()


def test_a_download_that_stands_still_is_given_up(serve: Serve, peer: Peer) -> None:
    config = serve(peer, idle_timeout=0.4)
    stream = connect(config).blobs.read_blob("stalls")
    with pytest.raises(DeadlineError, match=rf"{config.server} stood still for 0.4 s.*ARGOSY_IDLE_TIMEOUT"):
        list(stream)


def read_slowly(config: ClientConfig, *, pause: float) -> list[bytes | memoryview]:
    """Return what is read of a slow blob, after a pause behind the first message.

    Where the machine was so busy that even a slow blob stood still for too long, it is read once more.
    """
    chunks: list[bytes | memoryview] = []

    def is_read() -> bool:
        stream = connect(config).blobs.read_blob("slow")
        with suppress(DeadlineError):
            chunks[:] = [next(stream).chunk]
            time.sleep(pause)
            chunks.extend(message.chunk for message in stream)
            return True
        return False

    wait_until(is_read, "it is not given up")
    return chunks


def test_a_slow_download_that_moves_is_not_given_up(serve: Serve, peer: Peer) -> None:
    assert read_slowly(serve(peer, idle_timeout=3.5 * SLOW_SECONDS), pause=0) == [b"first", *[b"next"] * 4]


def test_the_readers_own_time_does_not_count_as_standing_still(serve: Serve, peer: Peer) -> None:
    config = serve(peer, idle_timeout=3 * SLOW_SECONDS)
    assert len(read_slowly(config, pause=4 * SLOW_SECONDS)) == 5


def test_an_upload_that_stands_still_is_given_up(serve: Serve, peer: Peer) -> None:
    blobs = connect(serve(peer, idle_timeout=0.4)).blobs
    with pytest.raises(DeadlineError, match=r"stood still for 0.4 s"):
        blobs.write_upload("stalls", [b"x"])


def test_closing_a_stream_ends_its_call(serve: Serve, peer: Peer) -> None:
    with connect(serve(peer)).blobs.read_blob("stalls") as stream:
        next(stream)
    assert peer.cancelled.wait(PATIENCE)


def test_a_stream_that_nobody_has_any_more_ends_its_call(serve: Serve, peer: Peer) -> None:
    stream = connect(serve(peer)).blobs.read_blob("stalls")
    next(stream)
    del stream
    assert peer.cancelled.wait(PATIENCE)


def test_an_error_inside_a_stream_is_translated(serve: Serve, peer: Peer) -> None:
    stream = connect(serve(peer)).blobs.read_blob("damaged")
    next(stream)
    with pytest.raises(CorruptDataError, match="damaged"):
        next(stream)


def test_a_refused_upload_is_translated_although_its_source_has_more(serve: Serve, peer: Peer) -> None:
    blobs = connect(serve(peer)).blobs
    with pytest.raises(NotFoundError, match="no such upload"):
        blobs.write_upload("unknown", (bytes(1 << 20) for _ in range(64)))


def test_what_the_source_of_an_upload_raises_comes_out_unchanged(serve: Serve, peer: Peer) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x"
        raise OSError(5, "the disk of the client is broken")

    with pytest.raises(OSError, match="the disk of the client is broken") as caught:
        connect(serve(peer)).blobs.write_upload("fine", broken())
    assert caught.type is OSError


def test_an_upload_is_answered(serve: Serve, peer: Peer) -> None:
    assert connect(serve(peer)).blobs.write_upload("fine", [b"ab", b"c"]) == 3


class Recorder(ArtifactServiceServicer):
    """Answers an upload with what it declared."""

    def UploadArtifact(
        self, request_iterator: Iterable[UploadArtifactRequest], context: grpc.ServicerContext
    ) -> UploadArtifactResponse:
        start, *chunks, finish = list(request_iterator)
        assert len(chunks) == 2
        return UploadArtifactResponse(
            artifact_version=ArtifactVersion(
                name=start.start.spec.name, content_digest=finish.finish.digest, size_bytes=finish.finish.size_bytes
            )
        )


def test_a_simple_upload_declares_digest_and_size_of_all_it_sent(serve: Serve) -> None:
    version = connect(serve(Recorder())).artifacts.upload_artifact(ArtifactSpec(name="w"), "data", [b"ab", b"c"])  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
    # The digest of b"abc" in the published test vectors of BLAKE3.
    digest = "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    assert (version.name, version.content_digest, version.size_bytes) == ("w", digest, 3)


def test_a_server_that_stops_in_a_call_reads_as_unavailable(serve: Serve, peer: Peer) -> None:
    blobs = connect(serve(peer)).blobs
    stream = blobs.read_blob("stalls")
    next(stream)
    stream._call.cancel()
    with pytest.raises(UnavailableError):
        next(stream)


def test_the_watchdog_looks_in_time_at_a_transfer_with_a_shorter_timeout() -> None:
    watchdog, cancelled = Watchdog(), threading.Event()
    longer = watchdog.start(lambda: None, timeout=60)
    time.sleep(0.05)
    watch = watchdog.start(cancelled.set, timeout=0.2)
    watch.wait()
    assert cancelled.wait(PATIENCE)
    assert (watch.expired, longer.expired) == (True, False)


@pytest.mark.parametrize("timeout", [1e12, float("inf")])
def test_the_watchdog_outlives_a_timeout_longer_than_any_clock(timeout: float) -> None:
    watchdog, cancelled = Watchdog(), threading.Event()
    longer = watchdog.start(lambda: None, timeout)
    time.sleep(0.05)
    watch = watchdog.start(cancelled.set, timeout=0.2)
    watch.wait()
    assert cancelled.wait(PATIENCE)
    assert (watch.expired, longer.expired) == (True, False)


def test_the_watchdog_leaves_a_stopped_transfer_alone() -> None:
    watchdog, given_up, cancelled = Watchdog(), threading.Event(), threading.Event()
    watch = watchdog.start(given_up.set, timeout=0.1)
    other = watchdog.start(cancelled.set, timeout=0.1)
    watchdog.stop(watch)
    watch.wait()
    other.wait()
    assert cancelled.wait(PATIENCE)
    assert not given_up.is_set()
