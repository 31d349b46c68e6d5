"""One digest of several pieces, each with its length, so that none runs into the next."""

from __future__ import annotations

from collections.abc import Iterable

from blake3 import blake3


def digest_of(pieces: Iterable[str | bytes]) -> str:
    """Return the digest of pieces in their order; texts count as UTF-8."""
    hasher = blake3()
    for piece in pieces:
        data = piece.encode() if isinstance(piece, str) else piece
        hasher.update(len(data).to_bytes(8, "big") + data)
    return hasher.hexdigest()
