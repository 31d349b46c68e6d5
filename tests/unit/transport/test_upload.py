"""Files on their way in: what goes inline, what is streamed, and what a failure leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import grpc
import pytest
from blake3 import blake3

from argosy.config import ClientConfig
from argosy.errors import InvalidRequestError, ResourceExhaustedError
from argosy.materializers.files import FileContent
from argosy.transport.connection import connect
from argosy.transport.upload import InlineBudget, chunks_of, upload_files
from argosy.v1.blob_service_pb2 import (
    AbortUploadRequest,
    AbortUploadResponse,
    CommitUploadRequest,
    CommitUploadResponse,
    CreateUploadRequest,
    CreateUploadResponse,
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    Upload,
    WriteUploadRequest,
    WriteUploadResponse,
)
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer

Serve = Callable[..., ClientConfig]


def content(path: str, *buffers: bytes) -> FileContent:
    return FileContent(path, buffers=tuple(memoryview(buffer) for buffer in buffers))


@pytest.mark.parametrize(
    ("buffers", "expected"),
    [
        ([], []),
        ([b"abc"], [b"abc"]),
        ([b"abcdefgh"], [b"abcd", b"efgh"]),
        ([b"a", b"b", b"c"], [b"abc"]),
        ([b"a", b"bcdefghij"], [b"abcd", b"efgh", b"ij"]),
        ([b"abcde", b"f", b"ghi"], [b"abcd", b"efgh", b"i"]),
        ([b"ab", b"cd", b"ef"], [b"abcd", b"ef"]),
    ],
)
def test_content_is_cut_into_equal_chunks(buffers: list[bytes], expected: list[bytes]) -> None:
    assert expected == list(chunks_of(content("x", *buffers), 4))


def test_a_local_file_is_cut_into_chunks_although_its_views_are_reused(tmp_path: Path) -> None:
    local = tmp_path / "big"
    local.write_bytes(bytes(range(256)) * 10_000)
    chunks = list(chunks_of(FileContent("x", local_path=local), 3 << 20))
    assert b"".join(chunks) == local.read_bytes()


class Store(BlobServiceServicer):
    """Takes uploads of up to ``room`` bytes; remembers what became of each."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.committed: dict[str, bytes] = {}
        self.aborted: list[str] = []
        self.biggest_chunk = 0
        self._room = room
        self._written: dict[str, bytes] = {}

    def GetCapabilities(
        self, request: GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> GetCapabilitiesResponse:
        return GetCapabilitiesResponse(
            protocol_revision=1,
            oldest_protocol_revision=1,
            max_inline_bytes=1000,
            preferred_chunk_bytes=4096,
            max_files=3,
        )

    def CreateUpload(self, request: CreateUploadRequest, context: grpc.ServicerContext) -> CreateUploadResponse:
        return CreateUploadResponse(upload=Upload(id=f"upload-{len(self._written)}"))

    def WriteUpload(
        self, request_iterator: Iterable[WriteUploadRequest], context: grpc.ServicerContext
    ) -> WriteUploadResponse:
        opening, *chunks = list(request_iterator)
        content = b"".join(message.chunk for message in chunks)
        self.biggest_chunk = max(self.biggest_chunk, *(len(message.chunk) for message in chunks))
        self._written[opening.open.upload_id] = content
        if len(content) > self._room:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "the disk is full")
        return WriteUploadResponse(committed_size=len(content))

    def CommitUpload(self, request: CommitUploadRequest, context: grpc.ServicerContext) -> CommitUploadResponse:
        content = self._written[request.upload_id]
        assert (f"blake3:{blake3(content).hexdigest()}", len(content)) == (request.digest, request.size_bytes)
        self.committed[request.digest] = content
        return CommitUploadResponse(digest=request.digest, size_bytes=request.size_bytes)

    def AbortUpload(self, request: AbortUploadRequest, context: grpc.ServicerContext) -> AbortUploadResponse:
        self.aborted.append(request.upload_id)
        return AbortUploadResponse()


def store(room: int = 1 << 30) -> Store:
    return Store(room)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED


def test_small_files_go_inline_and_cost_no_round_trip(serve: Serve) -> None:
    peer = store()
    files = upload_files(connect(serve(peer)), [content("b", b"x" * 600), content("a", b"y", b"z" * 399)])
    assert [(file.path, file.inline_content) for file in files] == [("b", b"x" * 600), ("a", b"y" + b"z" * 399)]
    assert peer.committed == {}


def test_what_does_not_fit_inline_is_streamed_and_the_order_stays(serve: Serve) -> None:
    peer = store()
    big = bytes(range(256)) * 50
    files = upload_files(connect(serve(peer)), [content("big", big), content("small", b"s" * 10)])
    assert [file.path for file in files] == ["big", "small"]
    assert peer.committed == {files[0].digest: big}
    assert files[1].inline_content == b"s" * 10
    assert peer.biggest_chunk == 4096


def test_an_empty_file_goes_inline(serve: Serve) -> None:
    (file,) = upload_files(connect(serve(store())), [content("empty")])
    assert (file.WhichOneof("content"), file.inline_content) == ("inline_content", b"")


def test_a_budget_is_shared_by_several_values(serve: Serve) -> None:
    connection = connect(serve(store()))
    budget = InlineBudget.of(connection.capabilities)
    kinds = [upload_files(connection, [content("x", b"x" * 600)], budget=budget)[0].WhichOneof("content") for _ in "ab"]
    assert kinds == ["inline_content", "digest"]


def test_too_many_files_are_refused_before_anything_is_sent(serve: Serve) -> None:
    peer = store()
    with pytest.raises(InvalidRequestError, match=r"4 files; a version has at most 3: pack them"):
        upload_files(connect(serve(peer)), [content(str(number), b"x" * 5000) for number in range(4)])
    assert peer.committed == {}


def test_a_refused_upload_is_given_up(serve: Serve) -> None:
    peer = store(room=5000)
    with pytest.raises(ResourceExhaustedError, match="the disk is full"):
        upload_files(connect(serve(peer)), [content("x", b"x" * 6000)])
    assert (peer.committed, peer.aborted) == ({}, ["upload-0"])


def test_a_file_that_cannot_be_read_raises_its_own_error_and_gives_the_upload_up(serve: Serve, tmp_path: Path) -> None:
    class Vanishing(FileContent):
        @property
        def size_bytes(self) -> int:
            return 5000

    peer = store()
    with pytest.raises(FileNotFoundError):
        upload_files(connect(serve(peer)), [Vanishing("x", local_path=tmp_path / "gone")])
    assert (peer.committed, peer.aborted) == ({}, ["upload-0"])
