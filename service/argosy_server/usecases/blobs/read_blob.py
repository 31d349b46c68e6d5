"""Reading bytes back: every piece a range touches is verified before any of it is handed on.

What is wrong is asked of the storage once more: bytes change on the way as well, and a store may answer wrongly once.
Only what is wrong twice is damage, and whoever finds it records it. From then on the project does not have these bytes:
a client that saves the same value again is asked for them, and what it sends repairs every version that uses them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from xxhash import xxh3_64

from argosy_server.domain.blob import PIECE_BYTES, Blob, BlobHasher
from argosy_server.domain.byte_range import ByteRange
from argosy_server.domain.errors import BlobCorrupt, BlobNotFound
from argosy_server.domain.identifiers import Digest
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction

CHUNK_BYTES = 1 << 20
_log = logging.getLogger(__name__)


def find_blob(tx: Transaction, project: str, digest: Digest) -> Blob:
    """Return a blob that may be read.

    Raises:
        BlobNotFound: the project has no such blob.
    """
    return find_blobs(tx, project, [digest])[0]


def find_blobs(tx: Transaction, project: str, digests: Sequence[Digest]) -> list[Blob]:
    """Return blobs that may be read, in the order of their digests.

    Raises:
        BlobNotFound: the project does not have one of them.
    """
    found = tx.blobs.find(project, digests)
    for digest in digests:
        if digest not in found:
            raise missing_blob(project, digest)
    return [found[digest] for digest in digests]


def missing_blob(project: str, digest: Digest) -> BlobNotFound:
    """Return the refusal of a blob a project does not have."""
    return BlobNotFound(f"project {project!r} has no blob {digest}", resource=f"blob {digest}")


def read_blob(metadata: MetadataStore, storage: BlobStorage, blob: Blob, wanted: ByteRange) -> Iterator[bytes]:
    """Yield the wanted bytes in chunks of at most 1 MiB; holds at most one piece (4 MiB) in memory.

    Chunks are handed on as the storage gave them, once the piece they belong to was verified.

    Raises:
        BlobCorrupt: stored bytes are damaged or gone; chunks yielded before were verified.
        BlobNotFound: the blob was deleted since it was found.
    """
    try:
        yield from _read(metadata, storage, blob, wanted)
    except FileNotFoundError as error:
        raise _gone(metadata, blob) from error
    except BlobCorrupt:
        mark_damaged(metadata, blob)
        raise


def read_whole(metadata: MetadataStore, storage: BlobStorage, blob: Blob, row: bytes | None) -> bytes:
    """Return all bytes of a small blob, verified.

    Args:
        metadata: the database.
        storage: the bytes.
        blob: what to read.
        row: its bytes, if the database has them and they were read with it.

    Raises:
        BlobCorrupt, BlobNotFound: as for :func:`read_blob`.
    """
    if row is None:
        return b"".join(read_blob(metadata, storage, blob, ByteRange(0, blob.size)))
    try:
        _verify_content(blob, row)
    except BlobCorrupt:
        mark_damaged(metadata, blob)
        raise
    return row


def mark_damaged(metadata: MetadataStore, blob: Blob) -> None:
    """Let a damaged blob count as missing, so that the same bytes are stored when they are saved again."""
    try:
        with metadata.write() as tx:
            tx.blobs.mark_damaged(blob)
    except Exception:
        # Whoever reads shall be told of the damage, and whoever reads next marks it.
        _log.exception("blob %s of project %r is damaged, which could not be recorded", blob.digest, blob.project)


def _read(metadata: MetadataStore, storage: BlobStorage, blob: Blob, wanted: ByteRange) -> Iterator[bytes]:
    if not blob.location:
        content = _row_content(metadata, blob)
        _verify_content(blob, content)
        yield from _chunks(memoryview(content)[wanted.start : wanted.stop])
    elif wanted.length:
        for start, chunk in _verified_chunks(storage, blob, wanted):
            if start >= wanted.start and start + len(chunk) <= wanted.stop:
                yield chunk
            elif part := chunk[max(wanted.start - start, 0) : max(wanted.stop - start, 0)]:
                yield part


def _row_content(metadata: MetadataStore, blob: Blob) -> bytes:
    with metadata.read() as tx:
        try:
            return tx.blobs.content(blob)
        except BlobNotFound as error:
            raise FileNotFoundError(str(error)) from error  # as a storage says so


def _verified_chunks(storage: BlobStorage, blob: Blob, wanted: ByteRange) -> Iterator[tuple[int, bytes]]:
    """Yield the chunks of the pieces a range touches, with where they start.

    All come from one read: a file that is open can still be read when a sweep removes it meanwhile. Only from a piece
    that is wrong on they are read anew.
    """
    start = wanted.start // PIECE_BYTES * PIECE_BYTES
    stop = min(-(-wanted.stop // PIECE_BYTES) * PIECE_BYTES, blob.size)
    doubted = -1
    while True:
        try:
            for chunks in _verified_pieces(storage, blob, start, stop):
                for chunk in chunks:
                    yield start, chunk
                    start += len(chunk)
        except (FileNotFoundError, BlobCorrupt) as error:
            if start == doubted:
                raise
            doubted = start
            _log.warning(
                "blob %s of project %r seems damaged, and is read again from byte %d: %s",
                blob.digest,
                blob.project,
                start,
                error,
            )
        else:
            return


def _verified_pieces(storage: BlobStorage, blob: Blob, start: int, stop: int) -> Iterator[list[bytes]]:
    """Yield the chunks of each piece, which are valid until the next ones are asked for.

    Raises:
        BlobCorrupt: a piece does not match its checksum, or ends too early.
        FileNotFoundError: the storage has nothing of the blob.
    """
    chunks: list[bytes] = []
    piece_start, checksum = start, xxh3_64()
    for chunk in _within_pieces(_stored(storage, blob, start, stop), start):
        chunks.append(chunk)
        checksum.update(chunk)
        start += len(chunk)
        if start % PIECE_BYTES and start < stop:
            continue
        if checksum.digest() != blob.piece_checksum(piece_start // PIECE_BYTES):
            raise _corrupt(blob, f"bytes {piece_start} to {start} do not match their checksum")
        yield chunks
        piece_start = start
        chunks.clear()
        checksum.reset()


def _stored(storage: BlobStorage, blob: Blob, start: int, stop: int) -> Iterator[bytes]:
    """Read a blob where it is; the storage itself knows only locations when its bytes end too early."""
    try:
        yield from storage.read(blob.location, start, stop)
    except BlobCorrupt as error:
        raise _corrupt(blob, str(error)) from error


def _within_pieces(stored: Iterator[bytes], start: int) -> Iterator[bytes]:
    """Cut bytes where a piece ends; storages seldom give some of two pieces at once."""
    for data in stored:
        rest = data
        while rest:
            room = PIECE_BYTES - start % PIECE_BYTES
            part = rest if len(rest) <= room else rest[:room]
            yield part
            start += len(part)
            rest = rest[len(part) :]


def _gone(metadata: MetadataStore, blob: Blob) -> BlobNotFound | BlobCorrupt:
    """Tell bytes that were deleted since they were found from those that were lost."""
    with metadata.read() as tx:
        current = tx.blobs.find(blob.project, [blob.digest]).get(blob.digest)
    if current is not None and current.location == blob.location:
        mark_damaged(metadata, blob)
        return _corrupt(blob, "its bytes are gone")
    return BlobNotFound(f"blob {blob.digest} was deleted while it was read", resource=f"blob {blob.digest}")


def _verify_content(blob: Blob, content: bytes) -> None:
    """Check the bytes of a blob that lives in the database.

    Raises:
        BlobCorrupt: they are damaged.
    """
    hasher = BlobHasher()
    hasher.update(content)
    if hasher.digest() != blob.digest:
        raise _corrupt(blob, "its bytes do not match its digest")


def _corrupt(blob: Blob, what: str) -> BlobCorrupt:
    cure = "save the same value again, which repairs it, or restore the store from a backup"
    return BlobCorrupt(f"blob {blob.digest} is damaged: {what}; {cure}", resource=f"blob {blob.digest}")


def _chunks(view: memoryview) -> Iterator[bytes]:
    for start in range(0, view.nbytes, CHUNK_BYTES):
        yield bytes(view[start : start + CHUNK_BYTES])
