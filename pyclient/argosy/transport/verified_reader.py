"""A file arriving in chunks, as a binary stream that never ends well with wrong bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from blake3 import blake3

from argosy.errors import CorruptDataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from argosy.v1.artifact_pb2 import ArtifactFile

_READ_AHEAD = 64 << 10


class VerifiedReader(io.RawIOBase):
    """Reads one file forward only, straight from the chunks into the caller's buffer.

    The bytes are checked before the last of them is handed out, so a reader that takes exactly
    as many as there are is safe without reading on to the end.
    """

    def __init__(
        self, file: ArtifactFile, chunks: Generator[bytes, None, None], closed: Callable[[bool], None]
    ) -> None:
        """Read ``file`` from ``chunks``.

        Args:
            file: path, digest and size that must come true.
            chunks: the content in pieces of any size; raises when the transfer fails.
            closed: called once, with whether the end was reached.
        """
        self._file = file
        self._chunks = chunks
        self._on_close = closed
        self._hasher = blake3()
        self._arrived = 0
        self._chunk = memoryview(b"")
        self._verified = False
        if file.size_bytes == 0:
            self._verify()

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill ``buffer`` as far as the chunk at hand goes; 0 at the end.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest or size.
        """
        if not self._chunk:
            self._fetch()
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._chunk))
        target[:count] = self._chunk[:count]
        self._chunk = self._chunk[count:]
        return count

    def readall(self) -> bytes:
        """Return all that is left, held once in memory.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest or size.
        """
        whole = io.BytesIO()
        while self._chunk or not self._verified:
            whole.write(self._chunk)
            self._chunk = memoryview(b"")
            self._fetch()
        return whole.getvalue()

    def buffered(self) -> io.BufferedReader:
        """Return the stream with the small reads buffered and the large ones direct."""
        return io.BufferedReader(self, _READ_AHEAD)

    def close(self) -> None:
        """Give up what was not read."""
        if not self.closed:
            super().close()
            self._chunks.close()
            self._on_close(self._verified)

    def _fetch(self) -> None:
        while not self._chunk and not self._verified:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise self._corrupt(f"ended after {self._arrived} of {self._file.size_bytes} bytes")
            self._hasher.update(chunk)
            self._arrived += len(chunk)
            if self._arrived >= self._file.size_bytes:
                self._verify()
            self._chunk = memoryview(chunk)

    def _verify(self) -> None:
        digest = f"blake3:{self._hasher.hexdigest()}"
        if (digest, self._arrived) != (self._file.digest, self._file.size_bytes):
            raise self._corrupt(f"arrived as {digest} with {self._arrived} bytes")
        self._verified = True

    def _corrupt(self, what: str) -> CorruptDataError:
        file = self._file
        return CorruptDataError(
            f"file {file.path!r} {what}, but {file.digest} with {file.size_bytes} bytes is recorded; "
            "nothing of it was used: load it again, and if that fails restore the store from its backup"
        )
