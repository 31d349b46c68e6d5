"""The life of an upload session: create, write, go on after a break, commit or abort.

``create_upload`` writes a row with a lease. ``write_upload`` takes the upload over from any earlier stream by raising
its epoch, goes on with the bytes that are kept (hashing them again: nothing that was stored is trusted), and records
how many are durable at marks and where the stream breaks. When it ends well, size, digest and checksums are recorded.
Object stores do not give back what is not finished: what another process sent is hashed when the object is whole.
``commit_upload``, in a file of its own, compares what was declared with what was recorded and publishes the blob. A
server killed anywhere in between leaves an upload row and perhaps a file; a later stream goes on with both, or the
sweep takes them when the lease ends.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import replace

from argosy_server.domain.blob import BlobHasher, Upload, UploadState
from argosy_server.domain.errors import (
    BlobCorrupt,
    DomainError,
    IllegalTransition,
    InvalidField,
    StorageUnavailable,
    Superseded,
    WritePastEnd,
)
from argosy_server.domain.identifiers import Digest, new_id
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.kept_hashers import KeptHashers
from argosy_server.usecases.blobs.upload_sink import UploadSink
from argosy_server.usecases.ports import BlobStorage, BlobWriter, MetadataStore, Transaction

CHECK_SECONDS = 1.0
"""How often a stream that hashes what is kept looks whether it still counts; the next one waits for the file longer."""


def create_upload(tx: Transaction, limits: Limits, project: str, digest: Digest | None, size: int) -> Upload:
    """Open an upload; it is committed at once when the project has bytes of this digest.

    Raises:
        InvalidField: the size is not that of the blob the project has.
    """
    upload = tx.uploads.add(project, limits.upload_lease)
    if digest is None or not tx.blobs.lease(project, [digest], limits.blob_lease):
        return upload
    blob = tx.blobs.find(project, [digest])[digest]
    if blob.size != size:
        raise InvalidField("size_bytes", f"{size} is not the size of {digest}, which has {blob.size} bytes")
    committed = replace(upload, state=UploadState.COMMITTED, size=blob.size, digest=blob.digest, pieces=blob.pieces)
    return tx.uploads.put(committed, limits.upload_lease)


def write_upload(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    hashers: KeptHashers,
    project: str,
    upload_id: str,
    offset: int,
    epoch: int,
    chunks: Iterator[bytes | memoryview],
) -> int:
    """Take bytes of an upload from ``offset`` on and return how many there are now.

    However the stream ends, what arrived is kept for the next one, except when the storage fails: then it is discarded.

    Args:
        metadata: the database.
        storage: where the bytes go.
        limits: leases and distance of marks.
        hashers: digests of what earlier streams of this process brought.
        project: whose upload it is.
        upload_id: which one.
        offset: where the first chunk starts; what is kept already is skipped.
        epoch: the upload's epoch plus one; 0 takes whatever is next.
        chunks: the bytes.

    Raises:
        UploadNotFound: no such upload, or it expired.
        IllegalTransition: it is committed or aborted.
        WritePastEnd: ``offset`` lies beyond what is kept.
        Superseded: a later stream took over, or took over before this one opened.
        StorageFull, StorageUnavailable: from the storage.
    """
    upload = _take_over(metadata, storage, limits, project, upload_id, offset, epoch)
    upload, writer, hasher = _open_sink(metadata, storage, limits, hashers, upload)

    def on_mark(size: int) -> None:
        _record(metadata, limits, upload, replace(upload, size=size))

    sink = UploadSink(writer, hasher, limits.mark_bytes, on_mark, size=upload.size)
    try:
        for chunk in _keep_alive(metadata, limits, upload, _skip(chunks, upload.size - offset)):
            sink.write(chunk)
        sink.finish()
    except BaseException:
        # The error that broke the stream is the one to tell.
        with contextlib.suppress(DomainError):
            # Before the writer lets go: the next stream may be waiting for both.
            hashers.put(_place(upload, writer), *sink.hashers())
            kept = sink.keep()
            _record(metadata, limits, upload, replace(upload, size=kept))
        raise
    if hasher is None:
        hasher = _hash_finished(metadata, storage, limits, hashers, replace(upload, size=sink.size))
    received = replace(upload, size=sink.size, digest=hasher.digest(), pieces=hasher.pieces())
    _record(metadata, limits, upload, received)
    return sink.size


def get_upload(metadata: MetadataStore, project: str, upload_id: str) -> Upload:
    """Return an upload as it stands.

    Raises:
        UploadNotFound: no such upload, or it expired.
    """
    with metadata.read() as tx:
        return tx.uploads.get(project, upload_id)


def abort_upload(tx: Transaction, limits: Limits, project: str, upload_id: str) -> str:
    """Give an upload up, and return the location of its bytes, which nothing refers to any more.

    Raises:
        UploadNotFound: no such upload, or it expired.
        IllegalTransition: it is committed.
    """
    upload = tx.uploads.get(project, upload_id)
    if upload.state is UploadState.COMMITTED:
        raise IllegalTransition(
            f"upload {upload_id} is committed and cannot be aborted", resource=f"upload {upload_id}"
        )
    tx.uploads.put(replace(upload, state=UploadState.ABORTED), limits.upload_lease)
    return upload.location if upload.writer else ""


def discard_upload(metadata: MetadataStore, storage: BlobStorage, limits: Limits, project: str, upload_id: str) -> None:
    """Abort an upload whose bytes turned out to be wrong, and remove them now."""
    with metadata.write() as tx:
        upload = tx.uploads.get(project, upload_id)
        if upload.state is not UploadState.OPEN:
            return
        tx.uploads.put(replace(upload, state=UploadState.ABORTED), limits.upload_lease)
    storage.delete(upload.location)


def open_upload(tx: Transaction, project: str, upload_id: str) -> Upload:
    """Return and lock an upload that takes bytes.

    Raises:
        UploadNotFound: no such upload, or it expired.
        IllegalTransition: it is committed or aborted.
    """
    upload = tx.uploads.get(project, upload_id)
    if upload.state is not UploadState.OPEN:
        raise IllegalTransition(
            f"upload {upload_id} is {upload.state.value}; create a new one", resource=f"upload {upload_id}"
        )
    return upload


def current_upload(tx: Transaction, upload: Upload) -> Upload:
    """Return and lock an upload as it is now, if it is still ours.

    Raises:
        Superseded: another writer took it over.
        UploadNotFound, IllegalTransition: as :func:`open_upload`.
    """
    current = open_upload(tx, upload.project, upload.id)
    if current.epoch != upload.epoch:
        raise superseded(upload)
    return current


def superseded(upload: Upload) -> Superseded:
    """Return the refusal of a writer that counts no more."""
    return Superseded(f"another writer took upload {upload.id} over", resource=f"upload {upload.id}")


def _take_over(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    project: str,
    upload_id: str,
    offset: int,
    epoch: int,
) -> Upload:
    """Make this stream the one that counts."""
    found: Upload | None = None
    there = 0
    while (upload := _taken_over(metadata, limits, project, upload_id, epoch, found, there)) is None:
        # Between two transactions: no row waits for a slow storage.
        found = get_upload(metadata, project, upload_id)
        there = storage.size(found.location) or 0 if found.size else 0
    # After the transaction: what is kept may have become less, which GetUpload must tell.
    if offset > upload.size:
        raise WritePastEnd(
            f"offset {offset} lies beyond the {upload.size} bytes that are kept; go on there",
            committed_size=upload.size,
        )
    return upload


def _taken_over(
    metadata: MetadataStore,
    limits: Limits,
    project: str,
    upload_id: str,
    epoch: int,
    found: Upload | None,
    there: int,
) -> Upload | None:
    """Take an upload over, unless it has to be asked for first how much of it is ``there``: it is not as ``found``."""
    with metadata.write() as tx:
        upload = open_upload(tx, project, upload_id)
        if epoch and epoch <= upload.epoch:
            raise Superseded(
                f"stream {epoch} of upload {upload_id} comes after stream {upload.epoch}; ask GetUpload and go on",
                resource=f"upload {upload_id}",
            )
        if upload.size and (found is None or (found.location, found.size) != (upload.location, upload.size)):
            return None
        upload = replace(upload, epoch=max(epoch, upload.epoch + 1), digest=None, pieces=b"")
        if there < upload.size:
            upload = replace(upload, size=0)  # somebody removed or cut the file
        if not upload.size or upload.is_direct or upload.is_signed:
            upload = replace(upload, size=0, writer=new_id())
        return tx.uploads.put(upload, limits.upload_lease)


def _open_sink(
    metadata: MetadataStore, storage: BlobStorage, limits: Limits, hashers: KeptHashers, upload: Upload
) -> tuple[Upload, BlobWriter, BlobHasher | None]:
    """Return what takes the next byte, and the digest of all before it, if that can be known now."""
    if not upload.size:
        return upload, storage.open_writer(upload.location), BlobHasher()
    writer = storage.resume_writer(upload.location, upload.size)
    hasher: BlobHasher | None
    try:
        if writer is None:
            # Another stream is still alive that may write there any time: leave the location to it.
            old, upload = upload, replace(upload, writer=new_id())
            _record(metadata, limits, upload, replace(upload, size=0))
            writer = storage.open_writer(upload.location)
            hasher = BlobHasher()
            for data in storage.read(old.location, 0, old.size):
                hasher.update(data)
                writer.write(data)
        elif writer.readable:
            hasher = _hash_kept(metadata, storage, limits, hashers, upload)
        else:
            _record(metadata, limits, upload, upload)
            found = hashers.take(_place(upload, writer), writer.known)
            hasher = found if found.size == upload.size else None
    except (FileNotFoundError, BlobCorrupt) as error:
        # The stream that was given up discarded it just now.
        if writer is not None:
            writer.discard()
        raise StorageUnavailable(f"what was kept of upload {upload.id} is gone; ask GetUpload and go on") from error
    except BaseException:
        if writer is not None:
            writer.suspend()
        raise
    return upload, writer, hasher


def _hash_kept(
    metadata: MetadataStore, storage: BlobStorage, limits: Limits, hashers: KeptHashers, upload: Upload
) -> BlobHasher:
    """Return the digest of what is kept; a later stream goes on with it when this one is overtaken meanwhile."""
    hasher = hashers.take(upload.location, upload.size)
    checked = -math.inf
    try:
        for data in storage.read(upload.location, hasher.size, upload.size):
            if time.monotonic() - checked >= CHECK_SECONDS:
                # At once too: later streams may have gone on here while this one waited for the location.
                _record(metadata, limits, upload, upload)
                checked = time.monotonic()
            hasher.update(data)
    except BaseException:
        hashers.put(upload.location, hasher)
        raise
    _record(metadata, limits, upload, upload)
    return hasher


def _place(upload: Upload, writer: BlobWriter) -> str:
    """Name what a hasher has the first bytes of: parts may be replaced before they are an object, and not be known."""
    return upload.location if writer.readable else f"parts of {upload.location}"


def _hash_finished(
    metadata: MetadataStore, storage: BlobStorage, limits: Limits, hashers: KeptHashers, upload: Upload
) -> BlobHasher:
    """Return the digest of what has just been finished; when this stream breaks, later ones have nothing to send."""
    _record(metadata, limits, upload, upload)
    try:
        return _hash_kept(metadata, storage, limits, hashers, upload)
    except (FileNotFoundError, BlobCorrupt) as error:
        raise StorageUnavailable(f"what was sent of upload {upload.id} is gone; ask GetUpload and go on") from error


def _record(metadata: MetadataStore, limits: Limits, upload: Upload, changed: Upload) -> None:
    """Store how far an upload has come, unless a later stream took over.

    Raises:
        Superseded, IllegalTransition, UploadNotFound: this stream counts no more.
    """
    with metadata.write() as tx:
        current_upload(tx, upload)
        tx.uploads.put(changed, limits.upload_lease)


def _keep_alive(
    metadata: MetadataStore, limits: Limits, upload: Upload, chunks: Iterator[bytes | memoryview]
) -> Iterator[bytes | memoryview]:
    """Pass chunks on; those of a slow client renew the lease of the upload long before it ends."""
    interval = limits.upload_lease.total_seconds() / 4
    renewed = time.monotonic()
    for chunk in chunks:
        yield chunk
        if time.monotonic() - renewed > interval:
            with metadata.write() as tx:
                tx.uploads.put(current_upload(tx, upload), limits.upload_lease)
            renewed = time.monotonic()


def _skip(chunks: Iterator[bytes | memoryview], count: int) -> Iterator[bytes | memoryview]:
    """Pass on what follows the first ``count`` bytes."""
    for chunk in chunks:
        if count >= len(chunk):
            count -= len(chunk)
            continue
        yield memoryview(chunk)[count:] if count else chunk
        count = 0
