"""BlobService: parse, call a use case, render."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

import grpc

from argosy.v1 import blob_service_pb2 as wire
from argosy.v1 import blob_service_pb2_grpc, transfer_grants_pb2
from argosy_server import __version__
from argosy_server.api.messages.chunk_codec import ReadBlobChunk
from argosy_server.api.messages.error_status import item_status
from argosy_server.api.messages.field_parsing import parse_optional, parse_size, render_timestamp, require_items
from argosy_server.api.servicers.once import answer_once, request_key
from argosy_server.api.servicers.transfer_grants import LAST_EPOCH, render_offer, sign_urls
from argosy_server.api.servicers.upload_stream import BlobUploadStream
from argosy_server.domain.blob import Upload, UploadState
from argosy_server.domain.byte_range import ByteRange
from argosy_server.domain.errors import DigestMismatch, DomainError, InvalidField, LimitExceeded, UploadNotFound
from argosy_server.domain.identifiers import Digest, parse_id, parse_project
from argosy_server.domain.limits import OLDEST_PROTOCOL_REVISION, PROTOCOL_REVISION, Limits
from argosy_server.usecases.blobs.batch_blobs import find_missing, read_blobs, store_blobs
from argosy_server.usecases.blobs.commit_upload import commit_upload, small_content
from argosy_server.usecases.blobs.direct_access import DirectAccess, grant, take_written_file
from argosy_server.usecases.blobs.kept_hashers import KeptHashers
from argosy_server.usecases.blobs.read_blob import find_blob, read_blob
from argosy_server.usecases.blobs.signed_transfers import SignedTransfers, take_sent_parts
from argosy_server.usecases.blobs.upload_blob import (
    abort_upload,
    create_upload,
    discard_upload,
    get_upload,
    write_upload,
)
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction

CANCEL_SECONDS = 0.02
"""So long after the end of a stream its cancellation may be told."""
WIRE_STATES = {
    UploadState.OPEN: wire.UPLOAD_STATE_OPEN,
    UploadState.COMMITTED: wire.UPLOAD_STATE_COMMITTED,
    UploadState.ABORTED: wire.UPLOAD_STATE_ABORTED,
}


class BlobServicer(blob_service_pb2_grpc.BlobServiceServicer):
    """Answers what ``argosy/v1/blob_service.proto`` promises."""

    def __init__(
        self,
        metadata: MetadataStore,
        storage: BlobStorage,
        limits: Limits,
        direct: DirectAccess | None = None,
        signed: SignedTransfers | None = None,
    ) -> None:
        """Serve what these hold; ``direct`` lets clients use the files themselves, ``signed`` URLs of the store."""
        self._direct = direct
        self._signed = signed
        self._hashers = KeptHashers()
        self._metadata = metadata
        self._storage = storage
        self._limits = limits

    def GetCapabilities(
        self, request: wire.GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> wire.GetCapabilitiesResponse:
        """See the contract."""
        parse_project(request.project)
        limits = self._limits
        response = wire.GetCapabilitiesResponse(
            protocol_revision=PROTOCOL_REVISION,
            oldest_protocol_revision=OLDEST_PROTOCOL_REVISION,
            server_version=__version__,
            store_id=self._metadata.store_id,
            preferred_chunk_bytes=limits.preferred_chunk_bytes,
            max_chunk_bytes=limits.max_chunk_bytes,
            max_inline_bytes=limits.max_inline_bytes,
            max_files=limits.max_files,
            max_digests=limits.max_digests,
            max_batch_bytes=limits.max_batch_bytes,
            max_batch_items=limits.max_batch_items,
            mark_bytes=limits.mark_bytes,
        )
        if self._direct is not None:
            response.direct_access.read_token_file = str(self._direct.read_token_file)
            response.direct_access.write_token_file = str(self._direct.write_token_file)
        if self._signed is not None and self._signed.offered:
            response.signed_transfers.CopyFrom(render_offer(self._signed))
        response.blob_lease.FromTimedelta(limits.blob_lease)
        response.upload_lease.FromTimedelta(limits.upload_lease)
        response.run_lease.FromTimedelta(limits.run_lease)
        return response

    def FindMissingBlobs(
        self, request: wire.FindMissingBlobsRequest, context: grpc.ServicerContext
    ) -> wire.FindMissingBlobsResponse:
        """See the contract."""
        project = parse_project(request.project)
        count, most = len(request.digests), self._limits.max_digests
        if count > most:
            raise LimitExceeded(f"digests: {count} digests; at most {most} at once", limit=most)
        digests = _digests("digests", request.digests)
        missing, known = find_missing(self._metadata, self._limits, project, digests, request.sizes)
        return wire.FindMissingBlobsResponse(missing_digests=[digest.text for digest in missing], known_sizes=known)

    def BatchUploadBlobs(
        self, request: wire.BatchUploadBlobsRequest, context: grpc.ServicerContext
    ) -> wire.BatchUploadBlobsResponse:
        """See the contract."""
        project = parse_project(request.project)
        require_items("blobs", request.blobs)
        contents = [
            (Digest.parse(f"blobs[{index}].digest", blob.digest), blob.content)
            for index, blob in enumerate(request.blobs)
        ]
        refusals = store_blobs(self._metadata, self._storage, self._limits, project, contents)
        return wire.BatchUploadBlobsResponse(statuses=[item_status(refusal) for refusal in refusals])

    def BatchReadBlobs(
        self, request: wire.BatchReadBlobsRequest, context: grpc.ServicerContext
    ) -> wire.BatchReadBlobsResponse:
        """See the contract."""
        project = parse_project(request.project)
        require_items("digests", request.digests)
        digests = _digests("digests", request.digests)
        response = wire.BatchReadBlobsResponse()
        for found in read_blobs(self._metadata, self._storage, self._limits, project, digests):
            if isinstance(found, DomainError):
                response.results.add(status=item_status(found))
            else:
                response.results.add(status=item_status(None), content=found)
        return response

    def CreateUpload(
        self, request: wire.CreateUploadRequest, context: grpc.ServicerContext
    ) -> wire.CreateUploadResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        digest = Digest.parse("digest", request.digest) if request.digest else None
        size = parse_size("size_bytes", request.size_bytes)

        def create(tx: Transaction) -> wire.CreateUploadResponse:
            return wire.CreateUploadResponse(upload=_render(create_upload(tx, self._limits, key.project, digest, size)))

        return answer_once(self._metadata, key, wire.CreateUploadResponse, create)

    def WriteUpload(
        self, request_iterator: Iterator[wire.WriteUploadRequest], context: grpc.ServicerContext
    ) -> wire.WriteUploadResponse:
        """See the contract."""
        stream = BlobUploadStream(request_iterator, self._limits)
        project = parse_project(stream.open.project)
        upload_id = parse_id("open.upload_id", stream.open.upload_id)
        offset = parse_size("open.offset", stream.open.offset)
        epoch = stream.open.epoch
        if not 0 <= epoch <= LAST_EPOCH:
            raise InvalidField("open.epoch", f"{epoch} is no epoch; send that of GetUpload plus one, or 0")
        size = write_upload(
            self._metadata,
            self._storage,
            self._limits,
            self._hashers,
            project,
            upload_id,
            offset,
            epoch,
            _unbroken(stream.chunks(), context, 0 if self._storage.goes_on_after_finish else CANCEL_SECONDS),
        )
        return wire.WriteUploadResponse(committed_size=size)

    def GetUpload(self, request: wire.GetUploadRequest, context: grpc.ServicerContext) -> wire.GetUploadResponse:
        """See the contract."""
        project = parse_project(request.project)
        upload = get_upload(self._metadata, project, parse_id("upload_id", request.upload_id))
        return wire.GetUploadResponse(upload=_render(upload))

    def CommitUpload(
        self, request: wire.CommitUploadRequest, context: grpc.ServicerContext
    ) -> wire.CommitUploadResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        upload_id = parse_id("upload_id", request.upload_id)
        digest = Digest.parse("digest", request.digest)
        size = parse_size("size_bytes", request.size_bytes)

        content: bytes | None = None

        def commit(tx: Transaction) -> wire.CommitUploadResponse:
            blob = commit_upload(tx, self._limits, key.project, upload_id, digest, size, content)
            return wire.CommitUploadResponse(digest=blob.digest.text, size_bytes=blob.size)

        try:
            with contextlib.suppress(UploadNotFound):  # told below, unless this was answered before
                upload = (key.project, upload_id, digest, size)
                self._take_written(*upload, request.piece_checksums)
                content = small_content(self._metadata, self._storage, self._limits, *upload)
            return answer_once(self._metadata, key, wire.CommitUploadResponse, commit)
        except DigestMismatch:
            # What cannot be discarded now is taken by the sweep; the caller must hear of the mismatch.
            with contextlib.suppress(DomainError):
                discard_upload(self._metadata, self._storage, self._limits, key.project, upload_id)
            raise

    def AbortUpload(self, request: wire.AbortUploadRequest, context: grpc.ServicerContext) -> wire.AbortUploadResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        upload_id = parse_id("upload_id", request.upload_id)

        locations: list[str] = []

        def abort(tx: Transaction) -> wire.AbortUploadResponse:
            locations[:] = [abort_upload(tx, self._limits, key.project, upload_id)]
            return wire.AbortUploadResponse()

        response = answer_once(self._metadata, key, wire.AbortUploadResponse, abort)
        with contextlib.suppress(DomainError):  # the sweep takes what cannot be removed now
            for location in filter(None, locations):
                self._storage.delete(location)
        return response

    def ReadBlob(self, request: wire.ReadBlobRequest, context: grpc.ServicerContext) -> Iterator[ReadBlobChunk]:  # type: ignore[override]  # each stands for the class of the contract
        """See the contract."""
        project = parse_project(request.project)
        digest = Digest.parse("digest", request.digest)
        with self._metadata.read() as tx:
            blob = find_blob(tx, project, digest)
        wanted = ByteRange.parse(request.offset, request.limit, blob.size)
        for chunk in read_blob(self._metadata, self._storage, blob, wanted):
            yield ReadBlobChunk(chunk)

    def CreateTransferGrants(
        self, request: transfer_grants_pb2.CreateTransferGrantsRequest, context: grpc.ServicerContext
    ) -> transfer_grants_pb2.CreateTransferGrantsResponse:
        """See the contract."""
        project = parse_project(request.project)
        most = self._limits.max_batch_items
        for field, count in (("read_digests", len(request.read_digests)), ("write_parts", len(request.write_parts))):
            if count > most:
                raise LimitExceeded(f"{field}: {count} of them; at most {most}", limit=most)
        digests = _digests("read_digests", request.read_digests)
        upload_id = parse_optional(parse_id, "write_upload_id", request.write_upload_id)
        if request.method not in transfer_grants_pb2.TransferMethod.values():
            raise InvalidField("method", f"{request.method} is none this server knows; use ReadBlob and WriteUpload")
        if request.method == transfer_grants_pb2.TRANSFER_METHOD_SIGNED_URL:
            return sign_urls(self._metadata, self._limits, self._signed, project, digests, upload_id, request)
        grants = grant(self._metadata, self._limits, self._direct, project, request.token, digests, upload_id)
        return transfer_grants_pb2.CreateTransferGrantsResponse(
            read_paths=[str(path) if path is not None else "" for path in grants.read_paths],
            write_path=str(grants.write_path or ""),
            sync=self._direct is not None and self._direct.sync,
        )

    def _take_written(self, project: str, upload_id: str, digest: Digest, size: int, pieces: bytes) -> None:
        """Take over what the client wrote past this server, if it did."""
        written = (project, upload_id, digest, size, pieces)
        if not take_sent_parts(self._metadata, self._storage, self._limits, self._signed, *written) and pieces:
            take_written_file(self._metadata, self._limits, self._direct, *written)


def _unbroken(
    chunks: Iterator[bytes | memoryview], context: grpc.ServicerContext, patience: float
) -> Iterator[bytes | memoryview]:
    """Pass chunks on; a call that was cancelled ends like one whose client has sent everything, which it is not.

    An object store makes an object of what seems to be all, after which nothing can follow. So there it is waited a
    moment: gRPC may tell the end of the stream before it tells what ended it.

    Raises:
        ConnectionError: the call is over.
    """
    over = threading.Event()
    watched = not patience or context.add_callback(over.set)
    yield from chunks
    if not watched or over.wait(patience) or not context.is_active():
        raise ConnectionError("the call was cancelled")


def _render(upload: Upload) -> wire.Upload:
    return wire.Upload(
        id=upload.id,
        state=WIRE_STATES[upload.state],
        committed_size=upload.size,
        expire_time=render_timestamp(upload.expires_at),
        epoch=upload.epoch,
    )


def _digests(field: str, texts: Sequence[str]) -> list[Digest]:
    return [Digest.parse(f"{field}[{index}]", text) for index, text in enumerate(texts)]
