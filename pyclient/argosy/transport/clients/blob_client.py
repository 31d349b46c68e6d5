"""BlobService, one method for each RPC. Errors are those of the contract, as exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import grpc

from argosy.transport.channels.replicas import on_one_replica
from argosy.transport.clients.chunk_codec import IncomingChunk, OutgoingChunk, decode_read_blob, encode_write_upload
from argosy.transport.rpc.calls import Calls, ReceivingStream, new_request_id
from argosy.v1.blob_pb2 import NewBlob, ReadBlobResult
from argosy.v1.blob_service_pb2 import (
    AbortUploadRequest,
    BatchReadBlobsRequest,
    BatchUploadBlobsRequest,
    CommitUploadRequest,
    CommitUploadResponse,
    CreateUploadRequest,
    FindMissingBlobsRequest,
    FindMissingBlobsResponse,
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    GetUploadRequest,
    ReadBlobRequest,
    ReadBlobResponse,
    Upload,
    WriteUploadOpen,
    WriteUploadRequest,
    WriteUploadResponse,
)
from argosy.v1.blob_service_pb2_grpc import BlobServiceStub
from argosy.v1.errors_pb2 import ItemStatus
from argosy.v1.transfer_grants_pb2 import (
    CreateTransferGrantsRequest,
    CreateTransferGrantsResponse,
    TransferMethod,
    UploadPart,
)

_SERVICE = "/argosy.v1.BlobService"


class BlobClient:
    """Sends and reads immutable bytes by digest."""

    def __init__(self, channel: grpc.Channel, calls: Calls) -> None:
        """Use ``channel`` as ``calls`` says."""
        self._channel = channel
        self._stub = BlobServiceStub(channel)
        self._calls = calls
        # The two methods that carry bytes have codecs of their own.
        self._write_upload: Any = channel.stream_unary(
            f"{_SERVICE}/WriteUpload", encode_write_upload, WriteUploadResponse.FromString
        )
        self._read_blob: Any = channel.unary_stream(
            f"{_SERVICE}/ReadBlob", ReadBlobRequest.SerializeToString, decode_read_blob
        )

    def get_capabilities(self) -> GetCapabilitiesResponse:
        """Return limits and versions of the server."""
        return self._calls.unary(self._stub.GetCapabilities, GetCapabilitiesRequest(project=self._calls.project))

    def find_missing_blobs(self, digests: Iterable[str], sizes: Iterable[int] = ()) -> FindMissingBlobsResponse:
        """Return the digests the project does not have, and which of the sizes it knows; what it has is leased.

        Raises:
            InvalidRequestError: more digests or sizes than the capabilities allow.
        """
        request = FindMissingBlobsRequest(project=self._calls.project, digests=digests, sizes=sizes)
        return self._calls.unary(self._stub.FindMissingBlobs, request)

    def batch_upload_blobs(self, blobs: Iterable[NewBlob]) -> Sequence[ItemStatus]:
        """Store many small blobs; return how each of them ended.

        Raises:
            InvalidRequestError: more items or bytes than the capabilities allow.
            ResourceExhaustedError: disk or quota is full; nothing was stored.
        """
        request = BatchUploadBlobsRequest(project=self._calls.project, blobs=blobs)
        return self._calls.unary(self._stub.BatchUploadBlobs, request).statuses

    def batch_read_blobs(self, digests: Iterable[str]) -> Sequence[ReadBlobResult]:
        """Return many small blobs, each with a status, in the order asked for.

        Raises:
            InvalidRequestError: more items or bytes than the capabilities allow.
        """
        request = BatchReadBlobsRequest(project=self._calls.project, digests=digests)
        return self._calls.unary(self._stub.BatchReadBlobs, request).results

    def create_upload(self, *, digest: str = "", size_bytes: int = 0, request_id: str = "") -> Upload:
        """Open an upload; it is COMMITTED at once when the project has the declared bytes.

        Args:
            digest: what the bytes will have, if that is known.
            size_bytes: their number.
            request_id: stands for the intention when the call is repeated; empty for a new one.
        """
        request = CreateUploadRequest(
            project=self._calls.project,
            request_id=request_id or new_request_id(),
            digest=digest,
            size_bytes=size_bytes,
        )
        return self._calls.unary(self._stub.CreateUpload, request).upload

    def write_upload(
        self, upload_id: str, chunks: Iterable[bytes | memoryview], *, offset: int = 0, epoch: int = 0
    ) -> int:
        """Send bytes of an upload from ``offset`` on; return how many the server holds then.

        Args:
            upload_id: which upload.
            chunks: the bytes; a view must not change until the call has ended.
            offset: where they start, not beyond what is kept.
            epoch: the upload's epoch plus one; 0 is whatever is next.

        Raises:
            NotFoundError: no such upload, or it expired.
            ConflictError: a later stream took over.
            OutOfRangeError: ``offset`` lies beyond what is kept.
            PreconditionError: the upload is committed or aborted.
            ResourceExhaustedError: disk or quota is full.
        """
        opening = WriteUploadOpen(project=self._calls.project, upload_id=upload_id, offset=offset, epoch=epoch)

        def messages() -> Iterator[WriteUploadRequest | OutgoingChunk]:
            yield WriteUploadRequest(open=opening)
            for chunk in chunks:
                yield OutgoingChunk(chunk)

        answer: WriteUploadResponse = self._calls.send(self._write_upload, messages())
        return answer.committed_size

    def get_upload(self, upload_id: str, deadline: float | None = None) -> Upload:
        """Return where an upload stands; with a ``deadline`` also of a server that comes back within so many seconds.

        Raises:
            NotFoundError: no such upload, or it expired.
        """
        request = GetUploadRequest(project=self._calls.project, upload_id=upload_id)
        answer = self._calls.unary(self._stub.GetUpload, request, deadline, wait_for_ready=deadline is not None)
        return answer.upload

    def commit_upload(
        self,
        upload_id: str,
        digest: str,
        size_bytes: int,
        piece_checksums: bytes = b"",
        deadline: float | None = None,
    ) -> CommitUploadResponse:
        """Publish the bytes of an upload as a blob.

        Args:
            upload_id: which upload.
            digest: digest of all bytes.
            size_bytes: their number.
            piece_checksums: those of one that was written past the server.
            deadline: seconds it may take, where the server has to read the bytes first.

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
            piece_checksums=piece_checksums,
        )
        return self._calls.unary(self._stub.CommitUpload, request, deadline)

    def abort_upload(self, upload_id: str, deadline: float | None = None) -> None:
        """Give an upload up, within ``deadline`` seconds; its bytes are discarded.

        Raises:
            NotFoundError: no such upload, or it expired.
            PreconditionError: the upload is committed.
        """
        request = AbortUploadRequest(project=self._calls.project, request_id=new_request_id(), upload_id=upload_id)
        self._calls.unary(self._stub.AbortUpload, request, deadline)

    def read_blob(
        self, digest: str, *, offset: int = 0, limit: int = 0
    ) -> ReceivingStream[ReadBlobResponse | IncomingChunk]:
        """Stream a range of a blob, all that follows for ``limit`` 0. Errors are raised where it is read.

        Raises:
            NotFoundError: the project has no such blob.
            OutOfRangeError: ``offset`` lies beyond the end.
            CorruptDataError: the stored bytes are damaged.
        """
        request = ReadBlobRequest(project=self._calls.project, digest=digest, offset=offset, limit=limit)
        return self._calls.receive(self._read_blob, request)

    def create_transfer_grants(
        self,
        token: str = "",
        read_digests: Iterable[str] = (),
        write_upload_id: str = "",
        *,
        method: TransferMethod.ValueType = TransferMethod.TRANSFER_METHOD_FILE,
        write_epoch: int = 0,
        write_parts: Iterable[UploadPart] = (),
    ) -> CreateTransferGrantsResponse:
        """Return the files, or signed URLs, of blobs to read and of an upload to write.

        Args:
            token: proves that this client shares a file system with the server.
            read_digests: the blobs.
            write_upload_id: the upload.
            method: what is asked for.
            write_epoch: 0 takes the upload over, else what the response said that did so.
            write_parts: the parts to send by signed URLs.

        Raises:
            ConflictError: another writer took the upload over.
            NotFoundError: the project has no such blob or upload.
            PermissionDeniedError: the token does not allow it, or nobody may.
            PreconditionError: the upload is committed or aborted.
        """
        request = CreateTransferGrantsRequest(
            project=self._calls.project,
            token=token,
            read_digests=read_digests,
            write_upload_id=write_upload_id,
            method=method,
            write_epoch=write_epoch,
            write_parts=write_parts,
        )
        return self._calls.unary(self._stub.CreateTransferGrants, request)


def with_one_replica(blobs: BlobClient) -> BlobClient:
    """Return a client that stays with one of several servers while that answers, so that it goes on where it is.

    Any server goes on with an upload that another one began; but that one knows the hash of what has arrived.
    """
    channel = on_one_replica(blobs._channel)
    return blobs if channel is blobs._channel else BlobClient(channel, blobs._calls)
