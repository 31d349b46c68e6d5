"""The server's rules, on a real server in this process with servicers that misbehave on purpose."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

import grpc
import pytest

from argosy.v1 import blob_service_pb2 as wire
from argosy.v1 import blob_service_pb2_grpc
from argosy.v1.blob_service_pb2_grpc import BlobServiceStub
from argosy_server.api.serving.request_id import REQUEST_ID
from argosy_server.api.serving.server import ArgosyGrpcServer, PortTaken
from argosy_server.domain.errors import BlobCorrupt, BlobNotFound
from tests.waiting import wait_until

Serve = Callable[..., BlobServiceStub]
PATIENCE = 0.4
"""Of a server with streams that stand still, in seconds."""
UPLOAD_ID = "3a92ae32-a764-4420-98ba-07da8f742b76"


class Servicer(blob_service_pb2_grpc.BlobServiceServicer):
    """Answers some calls, each in its own way."""

    def __init__(self) -> None:
        self.threads: dict[str, str] = {}
        self.request_ids: list[str] = []
        self.release = threading.Event()
        self.ended = threading.Event()

    def GetCapabilities(
        self, request: wire.GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> wire.GetCapabilitiesResponse:
        self.threads["unary"] = threading.current_thread().name
        return wire.GetCapabilitiesResponse(server_version=request.project)

    def CreateUpload(
        self, request: wire.CreateUploadRequest, context: grpc.ServicerContext
    ) -> wire.CreateUploadResponse:
        self.request_ids.append(REQUEST_ID.get())
        raise ZeroDivisionError("secret=hunter2")

    def AbortUpload(self, request: wire.AbortUploadRequest, context: grpc.ServicerContext) -> wire.AbortUploadResponse:
        raise BlobCorrupt("damaged")

    def WriteUpload(
        self, request_iterator: Iterator[wire.WriteUploadRequest], context: grpc.ServicerContext
    ) -> wire.WriteUploadResponse:
        self.threads["upload"] = threading.current_thread().name
        size = 0
        for message in request_iterator:
            size += len(message.chunk)
            if message.chunk == b"slow":
                time.sleep(2 * PATIENCE)
        return wire.WriteUploadResponse(committed_size=size)

    def ReadBlob(self, request: wire.ReadBlobRequest, context: grpc.ServicerContext) -> Iterator[wire.ReadBlobResponse]:
        self.threads["download"] = threading.current_thread().name
        try:
            yield wire.ReadBlobResponse(chunk=b"first")
            if request.digest == "late":
                time.sleep(2 * PATIENCE)
            if request.digest == "endless":
                while True:
                    yield wire.ReadBlobResponse(chunk=b"x" * 1000)
            raise BlobNotFound("gone meanwhile")
        finally:
            self.ended.set()


def answering() -> Servicer:
    return Servicer()  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ArgosyGrpcServer] = []
    channels: list[grpc.Channel] = []

    def start(servicer: blob_service_pb2_grpc.BlobServiceServicer, patience: float = 60.0) -> BlobServiceStub:
        server = ArgosyGrpcServer(2, patience)
        port = server.bind("127.0.0.1", 0)
        server.serve(
            lambda grpc_server: blob_service_pb2_grpc.add_BlobServiceServicer_to_server(servicer, grpc_server),
            ["argosy.v1.BlobService"],
            reflection=False,
        )
        servers.append(server)
        channels.append(grpc.insecure_channel(f"127.0.0.1:{port}"))
        return BlobServiceStub(channels[-1])

    yield start
    for channel in channels:
        channel.close()
    for server in servers:
        server.drain(0)


def test_messages_pass_through_the_interceptor_as_they_are(serve: Serve) -> None:
    response = serve(answering()).GetCapabilities(wire.GetCapabilitiesRequest(project="p"))
    assert response == wire.GetCapabilitiesResponse(server_version="p")


def test_small_calls_uploads_and_downloads_have_threads_of_their_own(serve: Serve) -> None:
    servicer = answering()
    stub = serve(servicer)
    stub.GetCapabilities(wire.GetCapabilitiesRequest())
    assert stub.WriteUpload(iter([wire.WriteUploadRequest(chunk=b"abc")])).committed_size == 3
    with pytest.raises(grpc.RpcError):
        list(stub.ReadBlob(wire.ReadBlobRequest()))
    assert {kind: name.split("_")[0] for kind, name in servicer.threads.items()} == {
        "unary": "call",
        "upload": "upload",
        "download": "download",
    }


def test_a_defect_is_logged_with_its_traceback_and_tells_the_client_only_where_to_look(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    servicer = answering()
    stub = serve(servicer)
    with caplog.at_level(logging.ERROR), pytest.raises(grpc.RpcError) as caught:
        stub.CreateUpload(wire.CreateUploadRequest(request_id=UPLOAD_ID))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert caught.value.details() == (
        f"internal error, a defect of the service; its log has the details under request id {UPLOAD_ID}"
    )
    assert servicer.request_ids == [UPLOAD_ID]
    [record] = [record for record in caplog.records if record.name == "argosy_server.calls"]
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_a_request_id_that_is_no_uuid_does_not_reach_the_log(serve: Serve) -> None:
    servicer = answering()
    with pytest.raises(grpc.RpcError):
        serve(servicer).CreateUpload(wire.CreateUploadRequest(request_id="forged\nline"))
    [request_id] = servicer.request_ids
    assert request_id.isalnum()
    assert len(request_id) == 16


def test_corruption_is_logged_as_an_alarm(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "argosy_server.calls"), pytest.raises(grpc.RpcError) as caught:
        serve(answering()).AbortUpload(wire.AbortUploadRequest())
    assert caught.value.code() is grpc.StatusCode.DATA_LOSS
    assert [(record.levelname, getattr(record, "reason", "")) for record in caplog.records] == [
        ("CRITICAL", "BLOB_CORRUPT")
    ]


def test_a_refusal_in_the_middle_of_a_stream_follows_what_was_sent(serve: Serve) -> None:
    stream = serve(answering()).ReadBlob(wire.ReadBlobRequest())
    assert next(stream).chunk == b"first"
    with pytest.raises(grpc.RpcError) as caught:
        next(stream)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.NOT_FOUND, "gone meanwhile")


def test_a_stream_the_client_leaves_ends_on_the_server(serve: Serve) -> None:
    servicer = answering()
    stub = serve(servicer)
    stream = stub.ReadBlob(wire.ReadBlobRequest(digest="endless"))
    next(stream)
    stream.cancel()
    assert servicer.ended.wait(10)
    assert stub.GetCapabilities(wire.GetCapabilitiesRequest(project="alive")).server_version == "alive"


def uploaded(stub: BlobServiceStub, *chunks: bytes) -> int:
    """Return how much the server took; an upload that it cut, as it may where the machine is busy, is made again."""
    sizes: list[int] = []

    def is_taken() -> bool:
        messages = iter([wire.WriteUploadRequest(chunk=chunk) for chunk in chunks])
        try:
            sizes.append(stub.WriteUpload(messages, timeout=60).committed_size)
        except grpc.RpcError as cut:
            if cut.code() is not grpc.StatusCode.CANCELLED:
                raise
        return bool(sizes)

    wait_until(is_taken, "an upload is taken")
    return sizes[0]


def test_uploads_that_stand_still_are_cut_and_free_their_threads(serve: Serve) -> None:
    stub = serve(answering(), PATIENCE)
    go_on = threading.Event()

    def stalled() -> Iterator[wire.WriteUploadRequest]:
        yield wire.WriteUploadRequest(chunk=b"abc")
        go_on.wait(60)

    uploads = [stub.WriteUpload.future(stalled()) for _ in range(4)]
    assert uploaded(stub, b"abc") == 3
    assert [upload.code() for upload in uploads] == [grpc.StatusCode.CANCELLED] * 4
    go_on.set()


def test_downloads_nobody_takes_are_cut_and_free_their_threads(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    stub = serve(answering(), PATIENCE)
    stalled = [stub.ReadBlob(wire.ReadBlobRequest(digest="endless")) for _ in range(4)]
    after = stub.ReadBlob(wire.ReadBlobRequest(), timeout=60)
    assert next(after).chunk == b"first"
    # To take from one that is not cut yet would be progress, and keep it alive.
    while caplog.text.count("is cut") < len(stalled):
        time.sleep(0.01)
    for stream in stalled:
        with pytest.raises(grpc.RpcError) as cut:
            list(stream)
        assert cut.value.code() is grpc.StatusCode.CANCELLED


def test_a_stream_on_which_the_server_works_long_is_not_cut(serve: Serve) -> None:
    stub = serve(answering(), PATIENCE)
    assert uploaded(stub, b"slow", b"slow") == 8
    with pytest.raises(grpc.RpcError) as ended:
        list(stub.ReadBlob(wire.ReadBlobRequest(digest="late")))
    assert ended.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_taken_port_is_refused_although_grpc_would_share_it() -> None:
    first, second = ArgosyGrpcServer(1), ArgosyGrpcServer(1)
    port = first.bind("127.0.0.1", 0)
    with pytest.raises(PortTaken, match=f"cannot listen on 127.0.0.1:{port}"):
        second.bind("127.0.0.1", port)
    for server in (first, second):
        server.drain(0)


def test_an_address_of_no_interface_is_refused() -> None:
    server = ArgosyGrpcServer(1)
    with pytest.raises(PortTaken, match=r"cannot listen on \[2001:db8::1\]:0"):
        server.bind("2001:db8::1", 0)
    server.drain(0)
