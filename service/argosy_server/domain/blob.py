"""Immutable bytes known by their digest."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from blake3 import blake3
from xxhash import xxh3_64

from argosy_server.domain.errors import BlobMissing, DigestMismatch
from argosy_server.domain.identifiers import Digest

PIECE_BYTES = 4 << 20
"""Each piece of this size has a checksum of its own, so that a range read verifies what it touches."""


DIRECT_WRITER = "direct-"
"""The writer of an upload whose file the client writes begins with this."""
SIGNED_WRITER = "signed-"
"""The writer of an upload whose parts the client sends to the object store itself begins with this."""

MAX_NAMED = 20
"""A message names at most this many digests."""

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UPLOAD_LOCATION = re.compile(rf"([0-9a-f]{{2}})/(?=\1){_UUID}\.({DIRECT_WRITER}|{SIGNED_WRITER})?{_UUID}")


class BlobState(Enum):
    """Whether a blob may be referred to."""

    LIVE = "live"
    DAMAGED = "damaged"
    """Found not to be what it was. Still read, so that readers are told, but the same bytes are stored again."""
    DELETING = "deleting"


@dataclass(frozen=True)
class Blob:
    """Bytes a project has.

    Attributes:
        project: the project that has them.
        digest: digest of all of them.
        size: their number.
        location: key of the file or object that holds them; ``""`` when they are in the database.
        pieces: XXH3-64 checksums, 8 bytes big-endian for each piece of ``PIECE_BYTES``.
    """

    project: str
    digest: Digest
    size: int
    location: str
    pieces: bytes

    def piece_checksum(self, index: int) -> bytes:
        """Return the 8 bytes of the checksum of one piece."""
        return self.pieces[8 * index : 8 * index + 8]


class BlobHasher:
    """Computes digest, size and piece checksums of bytes while they pass."""

    def __init__(self) -> None:
        """Start with no bytes."""
        self.size = 0
        self._digest = blake3()
        self._piece = xxh3_64()
        self._pieces = bytearray()

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._digest.update(data)
        view = memoryview(data)
        while view.nbytes:
            part = view[: PIECE_BYTES - self.size % PIECE_BYTES]
            self._piece.update(part)
            self.size += part.nbytes
            view = view[part.nbytes :]
            if self.size % PIECE_BYTES == 0:
                self._end_piece()

    def copy(self) -> BlobHasher:
        """Return another hasher that has the same bytes."""
        other = BlobHasher()
        other.size = self.size
        other._digest = self._digest.copy()
        other._piece = self._piece.copy()
        other._pieces = bytearray(self._pieces)
        return other

    def digest(self) -> Digest:
        """Return the digest of all bytes so far."""
        return Digest.of_raw(self._digest.digest())

    def pieces(self) -> bytes:
        """Return the checksums of all pieces, the last one possibly shorter than the others."""
        tail = self._piece.digest() if self.size % PIECE_BYTES else b""
        return bytes(self._pieces) + tail

    def _end_piece(self) -> None:
        self._pieces += self._piece.digest()
        self._piece.reset()


def check_received(digest: Digest, size: int, declared_digest: Digest, declared_size: int) -> None:
    """Compare the bytes that arrived with those the client declares.

    Raises:
        DigestMismatch: they differ; the caller discards them.
    """
    if (digest, size) != (declared_digest, declared_size):
        raise DigestMismatch(
            f"declared {declared_digest} of {declared_size} bytes, received {digest} of {size} bytes; "
            "send the bytes again",
            expected=declared_digest,
            actual=digest,
            expected_size=declared_size,
            actual_size=size,
        )


def refuse_missing(project: str, digests: Collection[Digest]) -> None:
    """Refuse files whose bytes a project does not have.

    Raises:
        BlobMissing: there are any; it names the first ones.
    """
    if digests:
        missing = sorted({str(digest) for digest in digests})
        more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
        raise BlobMissing(
            f"project {project!r} does not have {', '.join(missing[:MAX_NAMED])}{more}; upload the bytes first",
            resource=f"blob {missing[0]}",
            count=len(missing),
        )


class UploadState(Enum):
    """Where an upload stands."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(frozen=True)
class Upload:
    """Bytes on their way to become a blob.

    Attributes:
        id: UUID; also the stem of the location its bytes are written to.
        project: the project it belongs to.
        state: where it stands.
        writer: the other part of the location; ``""`` before anything was written.
        epoch: how many streams have opened; only the last of them counts.
        size: number of bytes that are kept, whatever happens to the server.
        digest: digest of all bytes, once a stream has ended well; ``None`` before.
        pieces: their piece checksums.
        expires_at: when it is swept, by the database's clock.
    """

    id: str
    project: str
    state: UploadState
    writer: str
    epoch: int
    size: int
    digest: Digest | None
    pieces: bytes
    expires_at: datetime

    @property
    def location(self) -> str:
        """Where its bytes are; never used again for others."""
        return upload_location(self.id, self.writer)

    @property
    def is_direct(self) -> bool:
        """Whether the client writes the file of the location itself."""
        return self.writer.startswith(DIRECT_WRITER)

    @property
    def is_signed(self) -> bool:
        """Whether the client sends the parts of the location to the object store itself."""
        return self.writer.startswith(SIGNED_WRITER)


def upload_location(upload_id: str, writer: str) -> str:
    """Return the storage key of what one stream of an upload writes."""
    return f"{upload_id[:2]}/{upload_id}.{writer}"


def is_upload_location(location: str) -> bool:
    """Tell whether :func:`upload_location` may have made a name; every other one is somebody else's."""
    return _UPLOAD_LOCATION.fullmatch(location) is not None
