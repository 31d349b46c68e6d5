"""Bytes on their way into one location: written here, hashed in a second thread, made durable in a third.

The digest costs no time of its own that way. Marks follow each other as fast as the disk takes them, once a quarter of
``mark_bytes`` has arrived; only when three quarters are at risk the stream waits for one. So less than ``mark_bytes``
have to be sent again when the process dies, most of those included that were on the wire. A store that keeps whole
parts lags behind by those that fill and are on their way; waiting would not hurry it, and it bounds them itself.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from argosy_server.domain.blob import BlobHasher
from argosy_server.domain.errors import DomainError
from argosy_server.usecases.ports import BlobWriter

INLINE_BYTES = 4 << 20
"""Less than this is hashed at once: a thread would cost more than it saves."""
PENDING = 4
"""Chunks that may wait to be hashed; with it the memory of an upload is bounded."""
_log = logging.getLogger(__name__)


class UploadSink:
    """Takes the bytes of one location. Ends with exactly one of ``finish``, ``keep`` and ``discard``."""

    def __init__(
        self,
        writer: BlobWriter,
        hasher: BlobHasher | None,
        mark_bytes: int,
        on_mark: Callable[[int], None] | None = None,
        *,
        size: int | None = None,
    ) -> None:
        """Go on where ``writer`` stands.

        Args:
            writer: takes each byte.
            hasher: has as many bytes, and takes each one; ``None`` when nobody knows those before, so that all are
                hashed when they can be read.
            mark_bytes: how many bytes may be lost with the process.
            on_mark: called in another thread with the number of bytes that are durable; what it raises, the next
                ``write`` or ``finish`` raises.
            size: how many bytes the writer has, when there is no hasher.
        """
        self.hasher = hasher
        self.size = hasher.size if hasher is not None else size or 0
        self._writer = writer
        self._on_mark = on_mark
        self._worth = mark_bytes // 4
        self._most = mark_bytes * 3 // 4
        self._marked = self._durable = self.size
        self._lags = self._broken = False
        self._boundary = writer.boundary_after(self.size)
        self._snapshots: deque[BlobHasher] = deque()
        self._hashes: ThreadPoolExecutor | None = None
        self._marks: ThreadPoolExecutor | None = None
        self._hashing: deque[Future[None]] = deque()
        self._marking: Future[None] | None = None

    def write(self, chunk: bytes | memoryview) -> None:
        """Append bytes, which must not change afterwards.

        Raises:
            StorageFull, StorageUnavailable: from the storage.
            Exception: what ``on_mark`` raised.
        """
        if self.size + len(chunk) - self._durable > self._most and not self._lags:
            self._mark()
        self._hash_within_boundaries(chunk)
        with self._noticing():
            self._writer.write(chunk)
        self.size += len(chunk)
        if self.size - self._marked >= self._worth and (self._marking is None or self._marking.done()):
            self._mark()

    def finish(self) -> None:
        """Make all bytes durable; afterwards ``hasher`` has them all. When it fails, ``keep`` or ``discard`` follows.

        Raises:
            StorageFull, StorageUnavailable: from the storage.
            Exception: what ``on_mark`` raised.
        """
        if self._marking is not None:
            self._marking.result()
        self._settle()
        with self._noticing():
            self._writer.finish()

    def keep(self) -> int:
        """Leave what was written to a later writer; return how many bytes it finds.

        Where the storage failed, only what is there beyond doubt is kept.
        """
        self._settle()
        try:
            with self._noticing():
                return self._writer.salvage() if self._broken else self._writer.suspend()
        except DomainError as error:
            _log.warning("what arrived of an upload could not be kept: %s", error)
            self._writer.discard()
            return 0

    def hashers(self) -> list[BlobHasher]:
        """Stop, and return hashers that have the bytes before each place where a later writer may go on."""
        self._settle()
        return [*self._snapshots, self.hasher] if self.hasher is not None else []

    def discard(self) -> None:
        """Remove what was written."""
        self._settle()
        self._writer.discard()

    def _hash_within_boundaries(self, chunk: bytes | memoryview) -> None:
        """Hash a chunk; where a later writer may go on the digest of all before is kept, until that place is passed."""
        if self.hasher is None:
            return
        start = self.size
        while self._boundary is not None and start + len(chunk) >= self._boundary:
            count = self._boundary - start
            self._do_hashing(memoryview(chunk)[:count])
            self._do_hashing(None)
            start, chunk = self._boundary, memoryview(chunk)[count:]
            self._boundary = self._writer.boundary_after(start)
        if len(chunk):
            self._do_hashing(chunk)

    def _do_hashing(self, chunk: bytes | memoryview | None) -> None:
        if self.size < INLINE_BYTES and self._hashes is None:
            self._hash(chunk)
            return
        if self._hashes is None:
            self._hashes = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self._hashing.append(self._hashes.submit(self._hash, chunk))
        if len(self._hashing) > PENDING:
            self._hashing.popleft().result()

    def _hash(self, chunk: bytes | memoryview | None) -> None:
        """Hash bytes; ``None`` takes a snapshot."""
        assert self.hasher is not None
        if chunk is not None:
            self.hasher.update(chunk)
            return
        self._snapshots.append(self.hasher.copy())
        while len(self._snapshots) > 1 and self._snapshots[1].size <= self._durable:
            self._snapshots.popleft()

    def _mark(self) -> None:
        """Make durable what is written so far, once the mark before is done."""
        if self._on_mark is None:
            return
        if self._marking is not None:
            self._marking.result()
        if self.size > self._marked:
            if self._marks is None:
                self._marks = ThreadPoolExecutor(1, thread_name_prefix="mark")
            self._marked = self.size
            self._marking = self._marks.submit(self._make_durable, self.size, self._on_mark)

    def _make_durable(self, size: int, on_mark: Callable[[int], None]) -> None:
        while True:
            with self._noticing():
                kept = self._writer.mark()
            self._lags = kept < size
            progressed = kept > self._durable
            if progressed:
                on_mark(kept)
                self._durable = kept
            # What lags is recorded as it arrives, also when nothing more is written for a while.
            if not (self._lags and progressed):
                return
            size = self.size

    def _settle(self) -> None:
        """Let both threads end."""
        for pool in (self._hashes, self._marks):
            if pool is not None:
                pool.shutdown(wait=True)

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Remember that the storage failed: nothing may be assumed then about what it has."""
        try:
            yield
        except DomainError:
            self._broken = True
            raise
