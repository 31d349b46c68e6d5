"""Many blobs in one call: what is missing, many small ones stored, many small ones read."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from argosy_server.domain.blob import Blob, check_received
from argosy_server.domain.errors import (
    BlobCorrupt,
    BlobNotFound,
    DigestMismatch,
    DomainError,
    LimitExceeded,
    StorageUnavailable,
)
from argosy_server.domain.identifiers import Digest
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.read_blob import missing_blob, read_whole
from argosy_server.usecases.blobs.staging import StagedFile, discard_staged, publish_rows, publish_staged, receive_file
from argosy_server.usecases.ports import BlobStorage, MetadataStore


def find_missing(
    metadata: MetadataStore, limits: Limits, project: str, digests: Sequence[Digest], sizes: Sequence[int]
) -> tuple[list[Digest], list[int]]:
    """Return the digests whose bytes the project does not have, and which sizes it knows; lease what it has.

    Raises:
        LimitExceeded: too many digests or sizes.
    """
    for count, what in ((len(digests), "digests"), (len(sizes), "sizes")):
        if count > limits.max_digests:
            raise LimitExceeded(
                f"{what}: {count} {what}; at most {limits.max_digests} at once", limit=limits.max_digests
            )
    live: set[Digest] = set()
    if digests:
        with metadata.write() as tx:
            live = tx.blobs.lease(project, digests, limits.blob_lease)
    known: set[int] = set()
    if sizes:
        with metadata.read() as tx:
            known = tx.blobs.known_sizes(project, sizes)
    missing = [digest for digest in dict.fromkeys(digests) if digest not in live]
    return missing, [size for size in dict.fromkeys(sizes) if size in known]


def store_blobs(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    project: str,
    contents: Sequence[tuple[Digest, bytes]],
) -> list[DigestMismatch | None]:
    """Store small blobs in one transaction; return for each what was wrong with it, ``None`` for nothing.

    Raises:
        LimitExceeded: too many, or too many bytes; nothing was stored.
        StorageFull, StorageUnavailable: nothing was stored.
    """
    _check_batch(limits, len(contents), sum(len(content) for _, content in contents))
    refusals: list[DigestMismatch | None] = []
    staged: list[StagedFile] = []
    try:
        for digest, content in contents:
            file = receive_file(metadata, storage, limits, project, "", [content])
            try:
                check_received(file.digest, file.received_size, digest, len(content))
            except DigestMismatch as error:
                discard_staged(metadata, storage, project, [file])
                refusals.append(error)
            else:
                staged.append(file)
                refusals.append(None)
    except BaseException:
        discard_staged(metadata, storage, project, staged)
        raise
    try:
        _insert(metadata, limits, project, staged)
    except StorageUnavailable:
        # Nobody knows whether the transaction committed: the sweep asks the database.
        raise
    except DomainError:
        with contextlib.suppress(DomainError):
            discard_staged(metadata, storage, project, staged)
        raise
    return refusals


def read_blobs(
    metadata: MetadataStore, storage: BlobStorage, limits: Limits, project: str, digests: Sequence[Digest]
) -> list[bytes | DomainError]:
    """Return the bytes of small blobs, verified, or why there are none.

    Raises:
        LimitExceeded: too many, or too many bytes.
    """
    _check_batch(limits, len(digests), 0)
    with metadata.read() as tx:
        found = tx.blobs.find(project, digests)
        _check_batch(limits, len(digests), sum(found[digest].size for digest in digests if digest in found))
        rows = tx.blobs.contents(project, [blob.digest for blob in found.values() if not blob.location])
    return [
        _read(metadata, storage, found[digest], rows.get(digest)) if digest in found else missing_blob(project, digest)
        for digest in digests
    ]


def _read(metadata: MetadataStore, storage: BlobStorage, blob: Blob, row: bytes | None) -> bytes | DomainError:
    try:
        return read_whole(metadata, storage, blob, row)
    except (BlobCorrupt, BlobNotFound) as error:
        return error


def _insert(metadata: MetadataStore, limits: Limits, project: str, staged: Sequence[StagedFile]) -> None:
    with metadata.write() as tx:
        publish_rows(tx, staged, limits.blob_lease)
        for file in staged:
            if file.upload_id:
                publish_staged(tx, limits, project, file, limits.blob_lease)


def _check_batch(limits: Limits, items: int, size: int) -> None:
    if items > limits.max_batch_items:
        raise LimitExceeded(
            f"{items} items in one batch; at most {limits.max_batch_items} fit; send several batches",
            limit=limits.max_batch_items,
        )
    if size > limits.max_batch_bytes:
        raise LimitExceeded(
            f"{size} bytes in one batch; at most {limits.max_batch_bytes} fit; send several batches, and large "
            "blobs with CreateUpload, WriteUpload and CommitUpload or ReadBlob",
            limit=limits.max_batch_bytes,
        )
