"""Reading bytes back: every piece a range touches is verified before any of it is handed on."""

from __future__ import annotations

from collections.abc import Iterator

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
    blob = tx.blobs.find(project, [digest]).get(digest)
    if blob is None:
        raise BlobNotFound(f"project {project!r} has no blob {digest}", resource=f"blob {digest}")
    return blob


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
    first, last = wanted.start // PIECE_BYTES, -(-wanted.stop // PIECE_BYTES)
    for index in range(first, last) if wanted.length else ():
        piece_start = index * PIECE_BYTES
        piece = _verified_piece(storage, blob, index)
        start, stop = max(wanted.start - piece_start, 0), min(wanted.stop - piece_start, PIECE_BYTES)
        yield from _chunks(memoryview(piece)[start:stop])


def _verified_piece(storage: BlobStorage, blob: Blob, index: int) -> bytes:
    start = index * PIECE_BYTES
    stop = min(start + PIECE_BYTES, blob.size)
    try:
        piece = b"".join(storage.read(blob.location, start, stop))
    except FileNotFoundError as error:
        raise _corrupt(blob, "its bytes are gone") from error
    if xxh3_64_digest(piece) != blob.piece_checksum(index):
        raise _corrupt(blob, f"bytes {start} to {stop} do not match their checksum")
    return piece


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
