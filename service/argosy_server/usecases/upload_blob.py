"""The life of an upload session: create, write, commit or abort.

``create_upload`` writes a row with a lease. ``write_upload`` takes the upload over from any earlier stream, writes to
a location of its own while hashing, makes the bytes durable and only then records size, digest and checksums.
``commit_upload`` compares what was declared with what was recorded and publishes the blob. A server killed anywhere
in between leaves an upload row and perhaps a file; the sweep takes both when the lease ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from argosy_server.domain.blob import Blob, BlobHasher, Upload, UploadState, check_received
from argosy_server.domain.errors import (
    DomainError,
    IllegalTransition,
    InvalidField,
    LimitExceeded,
    Superseded,
)
from argosy_server.domain.identifiers import Digest, new_id
from argosy_server.domain.limits import Limits
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction
from argosy_server.usecases.read_blob import find_blob
from argosy_server.usecases.staging import write_all


def find_missing(metadata: MetadataStore, limits: Limits, project: str, digests: Sequence[Digest]) -> list[Digest]:
    """Return the digests whose bytes the project does not have; lease the others.

    Raises:
        LimitExceeded: too many digests.
    """
    if len(digests) > limits.max_digests:
        raise LimitExceeded(f"{len(digests)} digests; at most {limits.max_digests} at once", limit=limits.max_digests)
    with metadata.write() as tx:
        live = tx.blobs.lease(project, digests, limits.blob_lease)
    return [digest for digest in dict.fromkeys(digests) if digest not in live]


def create_upload(tx: Transaction, limits: Limits, project: str, digest: Digest | None, size: int) -> Upload:
    """Open an upload; it is committed at once when the project has bytes of this digest.

    Raises:
        InvalidField: the size is negative, or is not that of the blob the project has.
    """
    if size < 0:
        raise InvalidField("size_bytes", f"{size} is negative")
    upload = tx.uploads.add(project, limits.upload_lease)
    if digest is None or not tx.blobs.lease(project, [digest], limits.blob_lease):
        return upload
    blob = tx.blobs.find(project, [digest])[digest]
    if blob.size != size:
        raise InvalidField("size_bytes", f"{size} is not the size of {digest}, which has {blob.size} bytes")
    received = (blob.size, blob.digest, blob.pieces)
    return tx.uploads.put(upload, limits.upload_lease, state=UploadState.COMMITTED, received=received)


def write_upload(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    project: str,
    upload_id: str,
    chunks: Iterator[bytes],
) -> int:
    """Take all bytes of an upload and return how many there are; whatever fails, the bytes are discarded.

    Raises:
        UploadNotFound: no such upload, or it expired.
        IllegalTransition: it is committed or aborted.
        Superseded: a later stream took over.
        StorageFull, StorageUnavailable: from the storage.
    """
    with metadata.write() as tx:
        upload = _open_upload(tx, project, upload_id)
        upload = tx.uploads.put(upload, limits.upload_lease, writer=new_id())
    hasher = BlobHasher()
    kept_alive = _keep_alive(metadata, limits, upload, chunks)
    write_all(storage.open_writer(upload.location), hasher, b"", kept_alive)
    try:
        with metadata.write() as tx:
            current = _current_upload(tx, upload)
            received = (hasher.size, hasher.digest(), hasher.pieces())
            tx.uploads.put(current, limits.upload_lease, received=received)
    except DomainError:
        storage.delete(upload.location)
        raise
    return hasher.size


def commit_upload(
    tx: Transaction,
    storage: BlobStorage,
    limits: Limits,
    project: str,
    upload_id: str,
    digest: Digest,
    size: int,
) -> Blob:
    """Publish the bytes of an upload as a blob; committing the same again answers the same.

    Raises:
        UploadNotFound: no such upload, or it expired.
        IllegalTransition: it was aborted, or no stream has ended well yet.
        BlobNotFound: it was committed before, and its blob has been deleted since.
        DigestMismatch: other bytes arrived. The caller discards them with :func:`discard_upload`.
    """
    upload = tx.uploads.get(project, upload_id)
    if upload.state is UploadState.ABORTED or upload.digest is None:
        state = "aborted" if upload.state is UploadState.ABORTED else "not written to its end"
        raise IllegalTransition(
            f"upload {upload_id} is {state} and cannot be committed", resource=f"upload {upload_id}"
        )
    check_received(upload.digest, upload.size, digest, size)
    if upload.state is UploadState.COMMITTED:
        return find_blob(tx, project, digest)
    tx.uploads.put(upload, limits.upload_lease, state=UploadState.COMMITTED)
    if size <= limits.max_blob_row_bytes:
        content = b"".join(storage.read(upload.location, 0, size))
        return tx.blobs.insert(Blob(project, digest, size, "", upload.pieces), content, limits.blob_lease)
    blob = Blob(project, digest, size, upload.location, upload.pieces)
    return tx.blobs.insert(blob, None, limits.blob_lease)


def abort_upload(tx: Transaction, limits: Limits, project: str, upload_id: str) -> None:
    """Give an upload up; the sweep removes its bytes.

    Raises:
        UploadNotFound: no such upload, or it expired.
        IllegalTransition: it is committed.
    """
    upload = tx.uploads.get(project, upload_id)
    if upload.state is UploadState.COMMITTED:
        raise IllegalTransition(
            f"upload {upload_id} is committed and cannot be aborted", resource=f"upload {upload_id}"
        )
    tx.uploads.put(upload, limits.upload_lease, state=UploadState.ABORTED)


def discard_upload(metadata: MetadataStore, storage: BlobStorage, limits: Limits, project: str, upload_id: str) -> None:
    """Abort an upload whose bytes turned out to be wrong, and remove them now."""
    with metadata.write() as tx:
        upload = tx.uploads.get(project, upload_id)
        if upload.state is not UploadState.OPEN:
            return
        tx.uploads.put(upload, limits.upload_lease, state=UploadState.ABORTED)
    storage.delete(upload.location)


def _open_upload(tx: Transaction, project: str, upload_id: str) -> Upload:
    upload = tx.uploads.get(project, upload_id)
    if upload.state is not UploadState.OPEN:
        raise IllegalTransition(
            f"upload {upload_id} is {upload.state.value}; create a new one", resource=f"upload {upload_id}"
        )
    return upload


def _current_upload(tx: Transaction, upload: Upload) -> Upload:
    current = _open_upload(tx, upload.project, upload.id)
    if current.writer != upload.writer:
        raise Superseded(f"a later stream took upload {upload.id} over", resource=f"upload {upload.id}")
    return current


def _keep_alive(metadata: MetadataStore, limits: Limits, upload: Upload, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass chunks on, renewing the lease of the upload long before it ends."""
    interval = limits.upload_lease.total_seconds() / 4
    renewed = time.monotonic()
    for chunk in chunks:
        yield chunk
        if time.monotonic() - renewed > interval:
            with metadata.write() as tx:
                tx.uploads.put(_current_upload(tx, upload), limits.upload_lease)
            renewed = time.monotonic()
