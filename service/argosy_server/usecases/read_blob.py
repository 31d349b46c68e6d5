"""Reading bytes back: every piece a range touches is verified before any of it is handed on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xxhash import xxh3_64_digest

from argosy_server.domain.blob import PIECE_BYTES, Blob, BlobHasher
from argosy_server.domain.byte_range import ByteRange
from argosy_server.domain.errors import BlobCorrupt, BlobNotFound
from argosy_server.domain.identifiers import Digest
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction

CHUNK_BYTES = 1 << 20


def find_blob(tx: Transaction, project: str, digest: Digest) -> Blob:
    """Return a live blob.

    Raises:
        BlobNotFound: the project has no such blob.
    """
    return find_blobs(tx, project, [digest])[0]


def find_blobs(tx: Transaction, project: str, digests: Sequence[Digest]) -> list[Blob]:
    """Return live blobs in the order of their digests.

    Raises:
        BlobNotFound: the project does not have one of them.
    """
    found = tx.blobs.find(project, digests)
    for digest in digests:
        if digest not in found:
            raise BlobNotFound(f"project {project!r} has no blob {digest}", resource=f"blob {digest}")
    return [found[digest] for digest in digests]


def read_blob(metadata: MetadataStore, storage: BlobStorage, blob: Blob, wanted: ByteRange) -> Iterator[bytes]:
    """Yield the wanted bytes in chunks of at most 1 MiB; holds at most one piece (4 MiB) in memory.

    Raises:
        BlobCorrupt: stored bytes are damaged or gone; chunks yielded before were verified.
        BlobNotFound: the blob was deleted since it was found.
    """
    if not blob.location:
        with metadata.read() as tx:
            content = tx.blobs.content(blob)
        _verify_content(blob, content)
        yield from _chunks(memoryview(content)[wanted.start : wanted.stop])
        return
    if not wanted.length:
        return
    try:
        for piece_start, piece in _verified_pieces(storage, blob, wanted):
            start, stop = max(wanted.start - piece_start, 0), min(wanted.stop - piece_start, PIECE_BYTES)
            yield from _chunks(memoryview(piece)[start:stop])
    except FileNotFoundError as error:
        raise _gone(metadata, blob) from error


def _verified_pieces(storage: BlobStorage, blob: Blob, wanted: ByteRange) -> Iterator[tuple[int, bytes]]:
    """Yield the pieces a range touches, with where they start.

    All come from one read: a file that is open can still be read when a sweep removes it meanwhile.
    """
    index = wanted.start // PIECE_BYTES
    stop = min(-(-wanted.stop // PIECE_BYTES) * PIECE_BYTES, blob.size)
    for piece in _pieces(storage.read(blob.location, index * PIECE_BYTES, stop)):
        start = index * PIECE_BYTES
        if xxh3_64_digest(piece) != blob.piece_checksum(index):
            raise _corrupt(blob, f"bytes {start} to {start + len(piece)} do not match their checksum")
        yield start, piece
        index += 1


def _pieces(stored: Iterator[bytes]) -> Iterator[bytes]:
    """Put bytes together, or cut them, to pieces of ``PIECE_BYTES``; the last one may be shorter."""
    parts: list[memoryview] = []
    size = 0
    for data in stored:
        view = memoryview(data)
        while view.nbytes:
            part = view[: PIECE_BYTES - size]
            parts.append(part)
            size += part.nbytes
            view = view[part.nbytes :]
            if size == PIECE_BYTES:
                yield b"".join(parts)
                parts, size = [], 0
    if parts:
        yield b"".join(parts)


def _gone(metadata: MetadataStore, blob: Blob) -> BlobNotFound | BlobCorrupt:
    """Tell bytes that were deleted since they were found from those that were lost."""
    with metadata.read() as tx:
        current = tx.blobs.find(blob.project, [blob.digest]).get(blob.digest)
    if current is not None and current.location == blob.location:
        return _corrupt(blob, "its bytes are gone")
    return BlobNotFound(f"blob {blob.digest} was deleted while it was read", resource=f"blob {blob.digest}")


def _verify_content(blob: Blob, content: bytes) -> None:
    hasher = BlobHasher()
    hasher.update(content)
    if hasher.digest() != blob.digest:
        raise _corrupt(blob, "its bytes do not match its digest")


def _corrupt(blob: Blob, what: str) -> BlobCorrupt:
    cure = "restore the store from a backup, or save the value again after deleting the versions that use it"
    return BlobCorrupt(f"blob {blob.digest} is damaged: {what}; {cure}", resource=f"blob {blob.digest}")


def _chunks(view: memoryview) -> Iterator[bytes]:
    for start in range(0, view.nbytes, CHUNK_BYTES):
        yield bytes(view[start : start + CHUNK_BYTES])
