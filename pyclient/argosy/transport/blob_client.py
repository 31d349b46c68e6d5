"""BlobService, one method for each RPC. Errors are those of the contract, as exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import grpc

from argosy.transport.calls import Calls, ReceivingStream, new_request_id
from argosy.v1.blob_service_pb2 import (
    AbortUploadRequest,
    CommitUploadRequest,
    CommitUploadResponse,
    CreateUploadRequest,
    FindMissingBlobsRequest,
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    ReadBlobRequest,
    ReadBlobResponse,
    Upload,
    WriteUploadOpen,
    WriteUploadRequest,
)
from argosy.v1.blob_service_pb2_grpc import BlobServiceStub


class BlobClient:
    """Sends and reads immutable bytes by digest."""

    def __init__(self, channel: grpc.Channel, calls: Calls) -> None:
        """Use ``channel`` as ``calls`` says."""
        self._stub = BlobServiceStub(channel)
        self._calls = calls

    def get_capabilities(self) -> GetCapabilitiesResponse:
        """Return limits and versions of the server."""
        return self._calls.unary(self._stub.GetCapabilities, GetCapabilitiesRequest(project=self._calls.project))

    def find_missing_blobs(self, digests: Iterable[str]) -> list[str]:
        """Return the digests the project does not have; those it has are leased.

        Raises:
            InvalidRequestError: more digests than the capabilities allow.
        """
        request = FindMissingBlobsRequest(project=self._calls.project, digests=digests)
        return list(self._calls.unary(self._stub.FindMissingBlobs, request).missing_digests)

    def create_upload(self, *, digest: str = "", size_bytes: int = 0) -> Upload:
        """Open an upload; it is COMMITTED at once when the project has the declared bytes."""
        request = CreateUploadRequest(
            project=self._calls.project, request_id=new_request_id(), digest=digest, size_bytes=size_bytes
        )
        return self._calls.unary(self._stub.CreateUpload, request).upload

    def write_upload(self, upload_id: str, chunks: Iterable[bytes]) -> int:
        """Send all bytes of an upload; return how many the server holds.

        Raises:
            NotFoundError: no such upload, or it expired.
            ConflictError: a later stream took over.
            PreconditionError: the upload is committed or aborted.
            ResourceExhaustedError: disk or quota is full.
        """
        opening = WriteUploadOpen(project=self._calls.project, upload_id=upload_id)

        def messages() -> Iterator[WriteUploadRequest]:
            yield WriteUploadRequest(open=opening)
            for chunk in chunks:
                yield WriteUploadRequest(chunk=chunk)

        return self._calls.send(self._stub.WriteUpload, messages()).committed_size

    def commit_upload(self, upload_id: str, digest: str, size_bytes: int) -> CommitUploadResponse:
        """Publish the bytes of an upload as a blob.

        Raises:
            CorruptDataError: other bytes or another size arrived; they are discarded.
            NotFoundError: no such upload, or it expired.
            PreconditionError: the upload was aborted, or is still being written.
        """
        request = CommitUploadRequest(
            project=self._calls.project,
            request_id=new_request_id(),
            upload_id=upload_id,
            digest=digest,
            size_bytes=size_bytes,
        )
        return self._calls.unary(self._stub.CommitUpload, request)

    def abort_upload(self, upload_id: str) -> None:
        """Give an upload up; its bytes are discarded.

        Raises:
            NotFoundError: no such upload, or it expired.
            PreconditionError: the upload is committed.
        """
        request = AbortUploadRequest(project=self._calls.project, request_id=new_request_id(), upload_id=upload_id)
        self._calls.unary(self._stub.AbortUpload, request)

    def read_blob(self, digest: str, *, offset: int = 0, limit: int = 0) -> ReceivingStream[ReadBlobResponse]:
        """Stream a range of a blob, all that follows for ``limit`` 0. Errors are raised where it is read.

        Raises:
            NotFoundError: the project has no such blob.
            OutOfRangeError: ``offset`` lies beyond the end.
            CorruptDataError: the stored bytes are damaged.
        """
        request = ReadBlobRequest(project=self._calls.project, digest=digest, offset=offset, limit=limit)
        return self._calls.receive(self._stub.ReadBlob, request)
