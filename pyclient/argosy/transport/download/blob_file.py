"""One stored file as a read-only file object that seeks: little more is moved than is read.

Reading on where the last read ended asks for more and more at once; reading elsewhere asks for exactly what
is wanted. Memory holds the chunk at hand and what gRPC has on its way, whatever the size of the file.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from blake3 import blake3

from argosy.errors import ArgosyError, CorruptDataError
from argosy.transport.content_hash import digest_text
from argosy.transport.rpc.retry import Backoff, worth_going_on

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from argosy.transport.download.byte_lanes import ByteLane, ByteStream
    from argosy.v1.artifact_pb2 import ArtifactFile

_BUFFER_BYTES = 64 << 10
_FIRST_AHEAD_BYTES = 128 << 10
_MOST_AHEAD_BYTES = 64 << 20
_SKIPPED_BYTES = 64 << 10
"""A gap up to this size is read and thrown away: a call of its own for what follows would take longer."""


class BlobFile(io.RawIOBase):
    """Reads any range of one file.

    The server verifies the pieces that a range touches. Bytes that come in order from the first to the last are
    also held against the digest of the file, before the last of them is handed out.

    Attributes:
        name: the path of the file in its version.
    """

    def __init__(
        self, blobs: ByteLane, file: ArtifactFile, advance: Callable[[int], None] = lambda _count: None
    ) -> None:
        """Read ``file``, whose path, digest and size were recorded; the first read makes the first call.

        ``advance`` is told how many bytes more have arrived.
        """
        self._advance = advance
        self.name = file.path
        self._blobs = blobs
        self._file = file
        self._position = 0
        self._expected: list[tuple[int, int]] = []
        self._stream: ByteStream | None = None
        self._has_delivered = False
        self._backoff = Backoff(f"download of {file.path!r}")
        self._stop = 0  # where the range ends that was asked for last
        self._ahead = 0
        self._chunk = memoryview(b"")
        self._arrived = 0  # where the chunk at hand ends, and the next one begins
        self._hasher = blake3()
        self._hashed = 0
        self._damage: CorruptDataError | None = None

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """Return where the next read begins."""
        self._check_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to another place, which costs nothing until it is read; beyond the end there is nothing to read.

        Raises:
            ValueError: the place lies before the beginning, or ``whence`` is none of 0, 1 and 2.
        """
        self._check_open()
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._file.size_bytes}
        if whence not in bases:
            raise ValueError(f"whence={whence!r} is none of 0 (beginning), 1 (here) and 2 (end)")
        if bases[whence] + offset < 0:
            raise ValueError(f"seek to {bases[whence] + offset}, before the beginning of {self.name!r}")
        self._position = bases[whence] + offset
        return self._position

    def expect(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Say which ranges (start, stop) will be read, each in order: each comes by one call, neighbours together."""
        merged: list[tuple[int, int]] = []
        for start, stop in sorted(ranges):
            if merged and start - merged[-1][1] <= _SKIPPED_BYTES:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        self._expected = merged

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill ``buffer``; less than that only at the end of the file.

        Raises:
            CorruptDataError: stored or arrived bytes are not those that were recorded.
            UnavailableError: the store cannot be reached any more.
        """
        self._check_open()
        target = memoryview(buffer).cast("B")
        wanted = min(len(target), max(self._file.size_bytes - self._position, 0))
        done = 0
        while done < wanted:
            piece = self._bytes_at(self._position + done, wanted - done)
            target[done : done + len(piece)] = piece
            done += len(piece)
        self._position += done
        return done

    def readall(self) -> bytes:
        """Return all that follows, held once in memory.

        Raises:
            CorruptDataError: stored or arrived bytes are not those that were recorded.
            UnavailableError: the store cannot be reached any more.
        """
        self._check_open()
        whole, offset = io.BytesIO(), self._position
        while offset < self._file.size_bytes:
            offset += whole.write(self._bytes_at(offset, self._file.size_bytes - offset))
        self._position = offset
        return whole.getvalue()

    def buffered(self) -> io.BufferedReader:
        """Return the file with small reads buffered and large ones direct."""
        return io.BufferedReader(self, _BUFFER_BYTES)

    def close(self) -> None:
        """End the call that may be under way; closing twice is fine."""
        if not self.closed:
            self._drop()
            self._chunk = memoryview(b"")
        super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError(f"{self.name!r} was closed; open it again")

    def _bytes_at(self, offset: int, wanted: int) -> memoryview:
        """Return at least one and at most ``wanted`` bytes, from the chunk at hand or the next one that has them."""
        if self._damage is not None:
            raise self._damage
        while not self._arrived - len(self._chunk) <= offset < self._arrived:
            runs_into_it = self._arrived <= offset < min(self._stop, self._arrived + _SKIPPED_BYTES + 1)
            if self._stream is None or not runs_into_it:
                self._start(offset, wanted)
            self._receive()
        start = offset - (self._arrived - len(self._chunk))
        return self._chunk[start : start + wanted]

    def _start(self, offset: int, wanted: int) -> None:
        """Ask for a range: the expected one, else what is wanted, and more of it the longer reading goes on."""
        self._drop()
        goes_on = 0 < offset == self._stop
        self._ahead = min(max(2 * self._ahead, _FIRST_AHEAD_BYTES), _MOST_AHEAD_BYTES) if goes_on else 0
        announced = (stop for start, stop in self._expected if start <= offset < stop)
        self._stop = min(next(announced, offset + max(wanted, self._ahead)), self._file.size_bytes)
        self._arrived, self._chunk = offset, memoryview(b"")
        self._open()

    def _open(self) -> None:
        self._has_delivered = False
        self._stream = self._blobs.read_blob(self._file.digest, offset=self._arrived, limit=self._stop - self._arrived)

    def _receive(self) -> None:
        try:
            chunk = self._next_chunk()
            self._check(chunk)
        except BaseException:
            self._drop()
            raise
        self._arrived += len(chunk)
        self._chunk = chunk
        self._advance(len(chunk))
        if self._arrived >= self._stop:
            self._finish()

    def _next_chunk(self) -> memoryview:
        """Return what comes next; a call that breaks is made again from where it ended."""
        while True:
            assert self._stream is not None
            try:
                message = next(self._stream, None)
            except ArgosyError as error:
                # One that had begun may have been cut only because nothing was read for long: no need to wait.
                if not (self._has_delivered and worth_going_on(error)):
                    self._backoff.pause(error)
                self._drop()
                self._open()
                continue
            if message is None:
                raise self._corrupt(f"ended at byte {self._arrived} of the range up to {self._stop}")
            self._has_delivered = True
            self._backoff.progressed()
            return memoryview(message.chunk)

    def _check(self, chunk: memoryview) -> None:
        """Hash what continues the bytes hashed so far, and compare the digest when they are all."""
        end = self._arrived + len(chunk)
        if end > self._file.size_bytes:
            raise self._corrupt(f"goes on after byte {self._file.size_bytes}")
        if not self._arrived <= self._hashed < end:
            return
        self._hasher.update(chunk[self._hashed - self._arrived :])
        self._hashed = end
        digest = digest_text(self._hasher) if end == self._file.size_bytes else self._file.digest
        if digest != self._file.digest:
            self._damage = self._corrupt(f"arrived as {digest}")
            raise self._damage

    def _finish(self) -> None:
        """End the call well, so that no server counts it as broken off."""
        assert self._stream is not None
        with contextlib.suppress(ArgosyError):  # everything that was asked for is here
            next(self._stream, None)
        self._drop()

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _corrupt(self, what: str) -> CorruptDataError:
        file = self._file
        return CorruptDataError(
            f"file {file.path!r} {what}, but {file.digest} with {file.size_bytes} bytes is recorded; "
            "do not use what was read of it: open it again, and if that fails restore the store from its backup"
        )
