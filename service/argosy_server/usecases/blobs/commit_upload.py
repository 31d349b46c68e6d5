"""The end of an upload that went well: what was declared is compared with what was recorded, and the blob published.

Small blobs are rows of the database. Their bytes are read from the storage before the transaction, so that a slow one
never holds rows, and compared in it, as the upload may have changed meanwhile.
"""

from __future__ import annotations

from dataclasses import replace

from argosy_server.domain.blob import Blob, BlobHasher, UploadState, check_received
from argosy_server.domain.errors import BlobCorrupt, IllegalTransition, StorageUnavailable
from argosy_server.domain.identifiers import Digest
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.read_blob import find_blob
from argosy_server.usecases.blobs.upload_blob import get_upload
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction


def small_content(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    project: str,
    upload_id: str,
    digest: Digest,
    size: int,
) -> bytes | None:
    """Return what :func:`commit_upload` makes a row of; it is read before, so that no row waits for a slow storage.

    Returns:
        ``None`` where the bytes stay where they are, or the commit is refused or was done.

    Raises:
        UploadNotFound: no such upload, or it expired.
        StorageUnavailable: the bytes are gone, or cannot be read.
    """
    if size > limits.max_blob_row_bytes:
        return None
    upload = get_upload(metadata, project, upload_id)
    if upload.state is not UploadState.OPEN or (upload.digest, upload.size) != (digest, size):
        return None
    try:
        return b"".join(storage.read(upload.location, 0, size))
    except (FileNotFoundError, BlobCorrupt) as error:
        raise StorageUnavailable(f"what was sent of upload {upload_id} is gone; ask GetUpload and go on") from error


def commit_upload(
    tx: Transaction,
    limits: Limits,
    project: str,
    upload_id: str,
    digest: Digest,
    size: int,
    content: bytes | None,
) -> Blob:
    """Publish the bytes of an upload as a blob; committing the same again answers the same.

    Args:
        tx: the transaction.
        limits: leases, and which blobs are rows of the database.
        project: whose upload it is.
        upload_id: which one.
        digest: what the client says it sent.
        size: the same.
        content: what :func:`small_content` returned.

    Raises:
        StorageUnavailable: the upload changed since ``content`` was read; the same commit may go well.
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
    is_row = size <= limits.max_blob_row_bytes
    if is_row and (content is None or _digest_of(content) != digest):
        raise StorageUnavailable(f"upload {upload_id} was still being written when its commit began; try again")
    tx.uploads.put(replace(upload, state=UploadState.COMMITTED), limits.upload_lease)
    if is_row:
        return tx.blobs.insert(Blob(project, digest, size, "", upload.pieces), content, limits.blob_lease)
    blob = Blob(project, digest, size, upload.location, upload.pieces)
    return tx.blobs.insert(blob, None, limits.blob_lease)


def _digest_of(content: bytes) -> Digest:
    hasher = BlobHasher()
    hasher.update(content)
    return hasher.digest()
