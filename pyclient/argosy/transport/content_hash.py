"""Digests of what is about to be sent, or was received, by as many threads as pay."""

from __future__ import annotations

import os
from collections.abc import Iterable

from blake3 import blake3
from xxhash import xxh3_64

PIECE_BYTES = 4 << 20
"""The store keeps a checksum of each piece of this size; who writes a file itself tells them."""
_PARALLEL_BYTES = 4 << 20
"""Less than this is hashed by one thread: a pool would cost more than it saves."""


def new_hasher(size_bytes: int) -> blake3:
    """Return a hasher for content of about this size.

    It gets threads of its own rather than those all hashers of the process share: these would be gone after a fork.
    """
    return blake3(max_threads=os.cpu_count() or 1) if size_bytes > _PARALLEL_BYTES else blake3()


def digest_text(hasher: blake3) -> str:
    """Return a digest as the contract writes it."""
    return f"blake3:{hasher.hexdigest()}"


def digest_of(chunks: Iterable[bytes | memoryview], size_bytes: int) -> str:
    """Return the digest of content of about ``size_bytes``; large chunks make it fast."""
    hasher = new_hasher(size_bytes)
    for chunk in chunks:
        hasher.update(chunk)
    return digest_text(hasher)


class PieceChecksums:
    """XXH3-64 of each piece of the content, 8 bytes big-endian each."""

    def __init__(self) -> None:
        """Start with no bytes."""
        self._size = 0
        self._piece = xxh3_64()
        self._ended = bytearray()

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        while view.nbytes:
            part = view[: PIECE_BYTES - self._size % PIECE_BYTES]
            self._piece.update(part)
            self._size += part.nbytes
            view = view[part.nbytes :]
            if self._size % PIECE_BYTES == 0:
                self._ended += self._piece.digest()
                self._piece.reset()

    def value(self) -> bytes:
        """Return the checksums of all pieces so far, the last one possibly shorter than the others."""
        return bytes(self._ended) + (self._piece.digest() if self._size % PIECE_BYTES else b"")
