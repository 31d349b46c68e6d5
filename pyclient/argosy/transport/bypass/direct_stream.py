"""A file of the store read from its first byte to its last, verified before the last of them is handed out."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from argosy.errors import ArgosyError, CorruptDataError
from argosy.transport.clients.blob_client import BlobClient
from argosy.transport.content_hash import digest_text, new_hasher

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_READ_BYTES = 1 << 20


def damaged_file(blobs: BlobClient, path: Path, what: str, digest: str) -> CorruptDataError:
    """Return the error of a file of the store that is not what it should be, and let the store find that out too.

    A store that has read damage itself takes the same bytes when they are saved again.
    """
    with contextlib.suppress(ArgosyError), blobs.read_blob(digest) as messages:
        for _ in messages:
            continue
    return CorruptDataError(
        f"the file {path} of the store {what}, but {digest} is recorded; nothing of it was used: save the same value "
        "again, which repairs it, or restore the store from a backup"
    )


class DirectStream(io.RawIOBase):
    """Reads one file forward only; memory holds what the reader gives, whatever the size of the file."""

    def __init__(
        self,
        blobs: BlobClient,
        descriptor: int,
        path: Path,
        digest: str,
        size_bytes: int,
        advance: Callable[[int], None],
    ) -> None:
        """Take over an open file.

        Args:
            blobs: the store, which is told of damage.
            descriptor: the file, at its beginning.
            path: its name, for people.
            digest: what its bytes must have.
            size_bytes: how many it must have.
            advance: told how many bytes more were read.
        """
        self._blobs = blobs
        self._file = io.FileIO(descriptor, "rb")
        self._path = path
        self._digest = digest
        self._left = size_bytes
        self._advance = advance
        self._hasher = new_hasher(0)

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill ``buffer`` as far as the file goes; 0 at its end.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest or size.
        """
        target = memoryview(buffer).cast("B")[: min(self._left, _READ_BYTES)]
        if not target:
            return 0
        count = self._file.readinto(target) or 0
        self._hasher.update(target[:count])
        self._left -= count
        if not count:
            raise damaged_file(self._blobs, self._path, f"ends {self._left} bytes early", self._digest)
        if not self._left and digest_text(self._hasher) != self._digest:
            raise damaged_file(self._blobs, self._path, f"has {digest_text(self._hasher)}", self._digest)
        self._advance(count)
        return count

    def readall(self) -> bytes:
        """Return all that is left, held once in memory.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest or size.
        """
        whole, piece = io.BytesIO(), bytearray(min(self._left, _READ_BYTES))
        while count := self.readinto(piece):
            whole.write(memoryview(piece)[:count])
        return whole.getvalue()

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self._file.close()
        super().close()
