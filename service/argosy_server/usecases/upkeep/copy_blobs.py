"""Blobs on their way to another storage: each is read, compared with its digest while it is written, and read back.

Locations stay the same. They are never reused and what is stored there never changes, so a blob that is there with the
right bytes need not be copied again, whoever was interrupted before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from blake3 import blake3

from argosy_server.domain.blob import Blob
from argosy_server.domain.errors import DomainError, StorageUnavailable
from argosy_server.usecases.ports import BlobStorage, BlobWriter, MetadataStore
from argosy_server.usecases.upkeep.verify_store import (
    MAX_UNREADABLE,
    Damage,
    DamageKind,
    Flaw,
    StoredBytes,
    confirmed_damage,
    find_flaw,
    read_blobs,
)

QUEUED = 4
"""Blobs that wait for each thread; the bytes of those in the database are held in memory with them."""


class Outcome(Enum):
    """What became of a blob that is right."""

    COPIED = "copied"
    PRESENT = "present"
    """The target has its bytes: from an earlier attempt, or because both use the same storage."""
    INSIDE = "inside"
    """Its bytes are a row of the database."""


@dataclass
class BlobTally:
    """What became of the blobs.

    Attributes:
        copied: blobs that were written to the target.
        copied_bytes: their bytes.
        present: blobs whose bytes the target had, from an earlier attempt or because both use the same storage.
        present_bytes: their bytes.
        inside: small blobs whose bytes are rows of the database.
        damage: those that are damaged in the source.
        damaged: the same blobs.
    """

    copied: int = 0
    copied_bytes: int = 0
    present: int = 0
    present_bytes: int = 0
    inside: int = 0
    damage: list[Damage] = field(default_factory=list)
    damaged: list[Blob] = field(default_factory=list)

    def count(self, blob: Blob, outcome: Outcome) -> None:
        """Count a blob that is right."""
        if outcome is Outcome.COPIED:
            self.copied += 1
            self.copied_bytes += blob.size
        elif outcome is Outcome.PRESENT:
            self.present += 1
            self.present_bytes += blob.size
        else:
            self.inside += 1


class BlobCopier:
    """Copies blobs in passes: each deals with those that came since the one before."""

    def __init__(
        self,
        metadata: MetadataStore,
        source: BlobStorage,
        target: BlobStorage | None,
        *,
        is_resumed: bool,
        jobs: int,
        advance: Callable[[int], None],
    ) -> None:
        """Copy nothing yet.

        Args:
            metadata: the database of the source.
            source: its bytes.
            target: where they go, ``None`` when they stay where they are and are only verified.
            is_resumed: whether somebody may have begun to write to the target before.
            jobs: how many blobs at once.
            advance: called with the number of bytes just read, by any thread.
        """
        self.tally = BlobTally()
        self._metadata = metadata
        self._source = source
        self._target = target
        self._is_resumed = is_resumed
        self._jobs = jobs
        self._advance = advance
        self._stopped = threading.Event()
        self._done: set[bytes] = set()
        self._unreadable = 0

    def copy_new(self) -> int:
        """Copy the blobs that no pass before has dealt with, and return how many they were.

        Raises:
            StorageUnavailable, StorageFull: a storage or the database cannot be reached, read or written.
        """
        before = len(self._done)
        with ThreadPoolExecutor(self._jobs, thread_name_prefix="copy-blobs") as pool:
            try:
                self._feed(pool)
            except BaseException:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return len(self._done) - before

    def _feed(self, pool: ThreadPoolExecutor) -> None:
        waiting: set[_Promise] = set()
        for blob, content in read_blobs(self._metadata, lambda blob: _key(blob) not in self._done):
            self._done.add(_key(blob))
            waiting.add(pool.submit(self._deal_with, blob, content))
            if len(waiting) >= QUEUED * self._jobs:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                self._judge(ready)
        self._judge(wait(waiting).done)

    def _judge(self, ready: set[_Promise]) -> None:
        for promise in ready:
            blob, found = promise.result()
            if isinstance(found, Outcome):
                self._unreadable = 0
                self.tally.count(blob, found)
                continue
            self._unreadable = self._unreadable + 1 if found.kind is DamageKind.UNREADABLE else 0
            if self._unreadable >= MAX_UNREADABLE:
                # Then it is the storage that is away, not the blobs.
                raise StorageUnavailable(
                    f"{self._unreadable} blobs in a row cannot be read; the last one: {found.problem}"
                )
            if damage := confirmed_damage(self._metadata, blob, found):
                self.tally.damage.append(damage)
                self.tally.damaged.append(blob)

    def _deal_with(self, blob: Blob, content: bytes | None) -> tuple[Blob, Outcome | Flaw]:
        if not blob.location:
            return blob, find_flaw(self._source, blob, content, self._advance) or Outcome.INSIDE
        if self._target is None:
            return blob, self._flaw(self._source, blob) or Outcome.PRESENT
        if self._is_there(self._target, blob):
            return blob, Outcome.PRESENT
        flaw = self._copy(self._target, blob)
        if flaw is not None and flaw.kind is not DamageKind.UNREADABLE:
            # Bytes change on the way as well: only what is wrong twice is damage.
            flaw = self._copy(self._target, blob)
        return blob, flaw or Outcome.COPIED

    def _flaw(self, storage: StoredBytes, blob: Blob) -> Flaw | None:
        return find_flaw(_Interruptible(storage, self._stopped), blob, None, self._advance)

    def _is_there(self, target: BlobStorage, blob: Blob) -> bool:
        size = target.size(blob.location)
        if size == blob.size and self._flaw(target, blob) is None:
            return True
        if size is not None or self._is_resumed:
            # Also what was begun and cannot be seen, as the parts of an object.
            target.delete(blob.location)
        return False

    def _copy(self, target: BlobStorage, blob: Blob) -> Flaw | None:
        writer = target.open_writer(blob.location)
        try:
            flaw = self._flaw(_Tee(self._source, writer), blob)
            if flaw is None:
                writer.finish()
        except _WriteFailed as failed:
            writer.discard()
            raise failed.refusal from failed.refusal.__cause__
        except BaseException:
            writer.discard()
            raise
        if flaw is not None:
            writer.discard()
            return flaw
        if wrong := find_flaw(_Interruptible(target, self._stopped), blob):
            target.delete(blob.location)
            raise StorageUnavailable(
                f"blob {blob.digest} was written to the target and does not read back as it was: {wrong.problem}; "
                "check the storage of the target, then migrate again, which goes on where it stopped"
            )
        return None


_Promise: TypeAlias = "Future[tuple[Blob, Outcome | Flaw]]"


class _WriteFailed(Exception):
    """The target refused bytes: not to be taken for damage of the source."""

    def __init__(self, refusal: DomainError) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class _Interrupted(Exception):
    """Another blob failed, or the operator stops it all."""


class _Interruptible:
    """A storage whose reads end when all is to end."""

    def __init__(self, storage: StoredBytes, stopped: threading.Event) -> None:
        self._storage = storage
        self._stopped = stopped

    def size(self, location: str) -> int | None:
        return self._storage.size(location)

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        for chunk in self._storage.read(location, start, stop):
            if self._stopped.is_set():
                raise _Interrupted
            yield chunk


class _Tee:
    """A storage that writes elsewhere what is read of it."""

    def __init__(self, storage: BlobStorage, writer: BlobWriter) -> None:
        self._storage = storage
        self._writer = writer

    def size(self, location: str) -> int | None:
        return self._storage.size(location)

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        for chunk in self._storage.read(location, start, stop):
            try:
                self._writer.write(chunk)
            except DomainError as refusal:
                raise _WriteFailed(refusal) from refusal
            yield chunk


def _key(blob: Blob) -> bytes:
    return blake3(f"{blob.project}\0{blob.digest.text}\0{blob.location}".encode()).digest(length=16)
