"""A store that plays the vectors of breaks and pages, each in a project of its own, to programs in any language."""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo

from argosy.v1 import artifact_service_pb2 as versions
from argosy.v1 import blob_service_pb2 as blobs
from argosy.v1.artifact_pb2 import ArtifactFile, ArtifactSummary, ArtifactVersion
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceServicer, add_ArtifactServiceServicer_to_server
from argosy.v1.blob_service_pb2_grpc import BlobServiceServicer, add_BlobServiceServicer_to_server
from tests.api.calls import digest_of
from tools.testdata.digests import content_of
from tools.testdata.reasons import trailer

Vector = dict[str, Any]
CHUNK_BYTES = 1 << 20
TIMER_SLACK = 0.98
"""A timer may go off a little before its time; no upper bound is checked, since a machine may be busy."""
# Without preferred_chunk_bytes: a client has a size of its own where a server tells none.
LIMITS = blobs.GetCapabilitiesResponse(
    protocol_revision=1,
    oldest_protocol_revision=1,
    server_version="scripted",
    max_chunk_bytes=2 * CHUNK_BYTES,
    max_inline_bytes=1 << 20,
    max_files=16384,
    max_digests=16384,
    max_batch_bytes=2 << 20,
    max_batch_items=1000,
)


class Play:
    """One vector while it is played.

    Attributes:
        vector: what is played.
        content: the bytes of its file.
        faults: what the client did otherwise than the vector says.
        created: how many uploads were created; trying the next one again is the same intention.
    """

    def __init__(self, vector: Vector) -> None:
        """Begin before its first call."""
        self.vector = vector
        self.content = content_of(vector.get("size_bytes", 0))
        self.faults: list[str] = []
        self.created = 0
        self._steps: Iterator[Vector] = iter(vector.get("steps") or vector["calls"])
        self._lock = threading.Lock()
        self._intentions: dict[str, tuple[object, str]] = {}
        self._answered = time.monotonic()

    def take(self, context: grpc.ServicerContext, **call: Any) -> Vector:
        """Return the step that a call has to be; a call that is another one is refused."""
        with self._lock:
            step = next(self._steps, {})
            waited, (shortest, _) = time.monotonic() - self._answered, step.get("pause", (0, 0))
            if not call.items() <= step.items():
                self.faults.append(f"{call} instead of {step}")
            elif waited < shortest * TIMER_SLACK:
                self.faults.append(f"waited {waited} s before {step}")
            if self.faults:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, self.faults[0])
        return step

    def intend(self, call: str, intention: object, request_id: str) -> None:
        """Check that a mutation names its intention by a UUID: the same in each attempt, and no other one's."""
        try:
            uuid.UUID(request_id)
        except ValueError:
            self.faults.append(f"{call} with the request_id {request_id!r}")
        before, named = self._intentions.get(call, (None, ""))
        if named and (before == intention) != (named == request_id):
            self.faults.append(f"{call} of {intention} with the request_id {request_id}, after {named} of {before}")
        self._intentions[call] = intention, request_id

    def answered(self, context: grpc.ServicerContext, status: Mapping[str, str] | None = None) -> None:
        """A step ends, with a status where it has one: the pause before the next one begins."""
        self._answered = time.monotonic()
        if status is not None and status["code"] != "OK":
            code, reason = status["code"], status["reason"]
            info = [ErrorInfo(domain="argosy", reason=reason)] if reason else []
            details = base64.b64decode(trailer(code, f"scripted {reason}", *info))
            context.set_trailing_metadata((("grpc-status-details-bin", details),))
            context.abort(grpc.StatusCode[code], f"scripted {reason}")

    def finish(self, result: str | list[str]) -> None:
        """Hold how the client ended, or what it listed, against the vector."""
        expected = self.vector["result"] if "result" in self.vector else self.vector["items"]
        left = list(self._steps)
        if self.vector.get("may_stop") and result != "done":
            left, result = [], expected
        assert (self.faults, left, result) == ([], [], expected), self.vector["name"]


class ScriptedStore(ArtifactServiceServicer, BlobServiceServicer):
    """Serves vectors by the projects they are played in.

    Attributes:
        plays: the vectors by project.
        address: as ``ARGOSY_SERVER`` takes it.
    """

    def __init__(self, plays: Mapping[str, Play]) -> None:
        """Listen."""
        self.plays = plays
        self._server = grpc.server(ThreadPoolExecutor(64))
        add_ArtifactServiceServicer_to_server(self, self._server)
        add_BlobServiceServicer_to_server(self, self._server)
        self.address = f"grpc://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def __enter__(self) -> ScriptedStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.stop(None).wait()

    def GetCapabilities(self, request: Any, context: grpc.ServicerContext) -> blobs.GetCapabilitiesResponse:
        return LIMITS

    def FindMissingBlobs(self, request: Any, context: grpc.ServicerContext) -> blobs.FindMissingBlobsResponse:
        return blobs.FindMissingBlobsResponse(missing_digests=request.digests)

    def CreateUpload(self, request: Any, context: grpc.ServicerContext) -> blobs.CreateUploadResponse:
        play = self.plays[request.project]
        play.intend("CreateUpload", play.created, request.request_id)
        return blobs.CreateUploadResponse(upload=self._upload("CreateUpload", request, context))

    def GetUpload(self, request: Any, context: grpc.ServicerContext) -> blobs.GetUploadResponse:
        return blobs.GetUploadResponse(upload=self._upload("GetUpload", request, context))

    def CommitUpload(self, request: Any, context: grpc.ServicerContext) -> blobs.CommitUploadResponse:
        play = self.plays[request.project]
        play.intend("CommitUpload", play.created, request.request_id)
        if (request.digest, request.size_bytes) != (digest_of(play.content), len(play.content)):
            play.faults.append(f"CommitUpload of {request.digest} and {request.size_bytes} bytes")
        self._upload("CommitUpload", request, context)
        return blobs.CommitUploadResponse(digest=request.digest, size_bytes=request.size_bytes)

    def AbortUpload(self, request: Any, context: grpc.ServicerContext) -> blobs.AbortUploadResponse:
        return blobs.AbortUploadResponse()

    def _upload(self, call: str, request: Any, context: grpc.ServicerContext) -> blobs.Upload | None:
        play = self.plays[request.project]
        answer = play.take(context, call=call)["answer"]
        play.answered(context, answer.get("status"))
        if "upload" not in answer:
            return None
        play.created += call == "CreateUpload"
        told = answer["upload"]
        return blobs.Upload(**{**told, "state": f"UPLOAD_STATE_{told['state']}"})

    def WriteUpload(self, requests: Iterator[Any], context: grpc.ServicerContext) -> blobs.WriteUploadResponse:
        opened = next(requests).open
        play = self.plays[opened.project]
        step = play.take(context, call="WriteUpload", offset=opened.offset, epoch=opened.epoch)
        if "status" not in step["answer"]:
            received = b"".join(message.chunk for message in requests)
            if received != play.content[opened.offset :]:
                play.faults.append(f"other bytes came from {opened.offset} on")
        play.answered(context, step["answer"].get("status"))
        return blobs.WriteUploadResponse(committed_size=step["answer"]["committed_size"])

    def ReadBlob(self, request: Any, context: grpc.ServicerContext) -> Iterator[blobs.ReadBlobResponse]:
        play = self.plays[request.project]
        step = play.take(context, call="ReadBlob", offset=request.offset)
        sent = bytearray(content_of(step["until"]))
        if "flip" in step:
            sent[step["flip"]] ^= 1
        for at in range(request.offset, len(sent), CHUNK_BYTES):
            yield blobs.ReadBlobResponse(chunk=bytes(sent[at : at + CHUNK_BYTES]))
        play.answered(context, step["status"])

    def CreateArtifactVersion(
        self, request: Any, context: grpc.ServicerContext
    ) -> versions.CreateArtifactVersionResponse:
        return versions.CreateArtifactVersionResponse(artifact_version=self._version(request))

    def GetArtifactVersion(self, request: Any, context: grpc.ServicerContext) -> versions.GetArtifactVersionResponse:
        return versions.GetArtifactVersionResponse(artifact_version=self._version(request))

    def _version(self, request: Any) -> ArtifactVersion:
        content = self.plays[request.project].content
        file = ArtifactFile(path="data.bin", digest=digest_of(content), size_bytes=len(content))
        return ArtifactVersion(
            id="0", name="vector", version="1", format="bytes", size_bytes=len(content), files=[file]
        )

    def ListArtifacts(self, request: Any, context: grpc.ServicerContext) -> versions.ListArtifactsResponse:
        page = self.plays[request.project].take(context, page_token=request.page_token)["answer"]
        items = [ArtifactSummary(name=name) for name in page["items"]]
        return versions.ListArtifactsResponse(artifacts=items, next_page_token=page["next_page_token"])
