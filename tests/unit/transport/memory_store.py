"""A BlobService in memory that breaks where a test wants it to, and remembers what it was asked."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

import grpc
from blake3 import blake3
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from argosy.transport.rpc.error_mapping import DETAILS_TRAILER, DOMAIN
from argosy.v1 import blob_service_pb2 as wire
from argosy.v1.blob_pb2 import ReadBlobResult
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer
from argosy.v1.errors_pb2 import ItemStatus

CODE = grpc.StatusCode


def digest_of(content: bytes) -> str:
    return f"blake3:{blake3(content).hexdigest()}"


@dataclass(frozen=True)
class Break:
    """How a call ends: at once, or a WriteUpload after so many bytes, of which the last ``lost`` are not kept."""

    code: grpc.StatusCode = CODE.UNAVAILABLE
    reason: str = ""
    after: int = 0
    lost: int = 0


def refuse(context: grpc.ServicerContext, code: grpc.StatusCode, reason: str = "") -> NoReturn:
    """End a call with a status of ours, or, without a reason, as a broken line does."""
    # gRPC shall not try again on its own: what our own code does is tested.
    trailers: list[tuple[str, str | bytes]] = [("grpc-retry-pushback-ms", "-1")]
    if reason:
        info = Any()
        info.Pack(ErrorInfo(domain=DOMAIN, reason=reason))
        trailers.append((DETAILS_TRAILER, Status(details=[info]).SerializeToString()))
    context.set_trailing_metadata(tuple(trailers))
    context.abort(code, f"refused as {reason or code.name}")
    raise AssertionError("abort raises")


class MemoryStore(BlobServiceServicer):
    """Keeps blobs and uploads in memory.

    Attributes:
        blobs: content by digest.
        kept: what has arrived of each upload.
        breaks: for each method, how its next calls end; ``None`` means well.
        asked: the requests of each method, and of WriteUpload the opening messages.
        calls: how often each method was called.
        biggest_chunk: size of the largest one that arrived.
        abort_at_the_next_question: whether the next GetUpload finds the upload aborted.
        together: when set, each WriteUpload waits there for others after its first chunk.
    """

    def __init__(self, **limits: int) -> None:
        self.blobs: dict[str, bytes] = {}
        self.kept: dict[str, bytearray] = {}
        self.breaks: dict[str, Sequence[Break | None]] = {}
        self.asked: dict[str, list[object]] = {}
        self.calls: Counter[str] = Counter()
        self.biggest_chunk = 0
        self.aborted: list[str] = []
        self.abort_at_the_next_question = False
        self.together: threading.Barrier | None = None
        self._numbers = itertools.count()
        self._committed: set[str] = set()
        self._epochs: Counter[str] = Counter()
        defaults = {"max_inline_bytes": 1000, "preferred_chunk_bytes": 4096, "max_files": 50, "max_digests": 1000}
        self._limits = {**defaults, "max_batch_bytes": 2 << 20, "max_batch_items": 1000, **limits}

    def put(self, content: bytes) -> str:
        self.blobs[digest_of(content)] = content
        return digest_of(content)

    def GetCapabilities(
        self, request: wire.GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> wire.GetCapabilitiesResponse:
        return wire.GetCapabilitiesResponse(
            protocol_revision=1,
            oldest_protocol_revision=1,
            **self._limits,  # type: ignore[arg-type]  # all of them are numbers
        )

    def FindMissingBlobs(
        self, request: wire.FindMissingBlobsRequest, context: grpc.ServicerContext
    ) -> wire.FindMissingBlobsResponse:
        self._called("FindMissingBlobs", request, context)
        assert len(request.digests) <= self._limits["max_digests"]
        return wire.FindMissingBlobsResponse(missing_digests=[x for x in request.digests if x not in self.blobs])

    def BatchUploadBlobs(
        self, request: wire.BatchUploadBlobsRequest, context: grpc.ServicerContext
    ) -> wire.BatchUploadBlobsResponse:
        self._called("BatchUploadBlobs", request, context)
        statuses = []
        for blob in request.blobs:
            if self.put(blob.content) == blob.digest:
                statuses.append(ItemStatus())
            else:
                wrong = ItemStatus(code=CODE.INVALID_ARGUMENT.value[0], reason="DIGEST_MISMATCH", message="other bytes")
                statuses.append(wrong)
        return wire.BatchUploadBlobsResponse(statuses=statuses)

    def BatchReadBlobs(
        self, request: wire.BatchReadBlobsRequest, context: grpc.ServicerContext
    ) -> wire.BatchReadBlobsResponse:
        self._called("BatchReadBlobs", request, context)
        return wire.BatchReadBlobsResponse(results=[ReadBlobResult(content=self.blobs[x]) for x in request.digests])

    def CreateUpload(
        self, request: wire.CreateUploadRequest, context: grpc.ServicerContext
    ) -> wire.CreateUploadResponse:
        self._called("CreateUpload", request, context)
        name = f"upload-{next(self._numbers)}"
        self.kept[name] = bytearray()
        if request.digest in self.blobs:
            self._committed.add(name)
        return wire.CreateUploadResponse(upload=self._upload(name))

    def WriteUpload(
        self, request_iterator: Iterator[wire.WriteUploadRequest], context: grpc.ServicerContext
    ) -> wire.WriteUploadResponse:
        opening = next(request_iterator).open
        broken = self._called("WriteUpload", opening, context, waits=True)
        kept = self._find(opening.upload_id, context)
        if opening.epoch and opening.epoch <= self._epochs[opening.upload_id]:
            refuse(context, CODE.ABORTED, "SUPERSEDED")
        self._epochs[opening.upload_id] += 1
        if opening.offset > len(kept):
            refuse(context, CODE.OUT_OF_RANGE, "WRITE_PAST_END")
        del kept[opening.offset :]
        for message in request_iterator if broken is None or broken.after else ():
            self.biggest_chunk = max(self.biggest_chunk, len(message.chunk))
            kept += message.chunk
            if self.together is not None:
                self.together.wait(20)
            if broken is not None and len(kept) - opening.offset >= broken.after:
                break
        if broken is not None:
            del kept[max(len(kept) - broken.lost, 0) :]
            if broken.reason == "UPLOAD_NOT_FOUND":
                del self.kept[opening.upload_id]
            refuse(context, broken.code, broken.reason)
        return wire.WriteUploadResponse(committed_size=len(kept))

    def GetUpload(self, request: wire.GetUploadRequest, context: grpc.ServicerContext) -> wire.GetUploadResponse:
        self._called("GetUpload", request, context)
        self._find(request.upload_id, context)
        upload = self._upload(request.upload_id)
        if self.abort_at_the_next_question:
            self.abort_at_the_next_question = False
            upload.state = wire.UPLOAD_STATE_ABORTED
        return wire.GetUploadResponse(upload=upload)

    def CommitUpload(
        self, request: wire.CommitUploadRequest, context: grpc.ServicerContext
    ) -> wire.CommitUploadResponse:
        broken = self._called("CommitUpload", request, context, waits=True)
        content = bytes(self._find(request.upload_id, context))
        if (digest_of(content), len(content)) != (request.digest, request.size_bytes):
            refuse(context, CODE.INVALID_ARGUMENT, "DIGEST_MISMATCH")
        if broken is not None and not broken.after:
            refuse(context, broken.code, broken.reason)
        self.put(content)
        self._committed.add(request.upload_id)
        if broken is not None:  # the answer is lost
            refuse(context, broken.code, broken.reason)
        return wire.CommitUploadResponse(digest=request.digest, size_bytes=request.size_bytes)

    def AbortUpload(self, request: wire.AbortUploadRequest, context: grpc.ServicerContext) -> wire.AbortUploadResponse:
        self._called("AbortUpload", request, context)
        if request.upload_id in self._committed:
            refuse(context, CODE.FAILED_PRECONDITION, "ILLEGAL_TRANSITION")
        self.aborted.append(request.upload_id)
        return wire.AbortUploadResponse()

    def offsets(self) -> list[int]:
        """Where each WriteUpload started."""
        openings = [
            opening for opening in self.asked.get("WriteUpload", []) if isinstance(opening, wire.WriteUploadOpen)
        ]
        return [opening.offset for opening in openings]

    def _called(
        self, method: str, request: object, context: grpc.ServicerContext, *, waits: bool = False
    ) -> Break | None:
        self.calls[method] += 1
        self.asked.setdefault(method, []).append(request)
        planned = self.breaks.get(method, ())
        broken, self.breaks[method] = next(iter(planned), None), planned[1:]
        if broken is not None and not waits:
            refuse(context, broken.code, broken.reason)
        return broken

    def _find(self, name: str, context: grpc.ServicerContext) -> bytearray:
        if name not in self.kept:
            refuse(context, CODE.NOT_FOUND, "UPLOAD_NOT_FOUND")
        return self.kept[name]

    def _upload(self, name: str) -> wire.Upload:
        state = wire.UPLOAD_STATE_COMMITTED if name in self._committed else wire.UPLOAD_STATE_OPEN
        return wire.Upload(id=name, state=state, committed_size=len(self.kept[name]), epoch=self._epochs[name])


def store(**limits: int) -> MemoryStore:
    """Return a store; ``limits`` are capabilities."""
    return MemoryStore(**limits)  # type: ignore[abstract]  # the other RPCs answer UNIMPLEMENTED
