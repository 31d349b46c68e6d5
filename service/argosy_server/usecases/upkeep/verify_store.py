"""Reading everything back, to find damage before somebody needs the bytes.

References come first: each file of a version must mean a blob that is there. Then every chosen blob, also one that is
known to be damaged, is read where it is, and compared with its size, the checksum of each piece, and its digest. A blob
that seems damaged is read once more, for bytes may have changed on their way, and looked up once more, for it may have
been deleted and swept, or repaired, while it was read, which is no damage. Last, what is left over is counted.

One thing is changed: a blob that was marked as damaged and is right, as when a disk or a bucket was restored, is live
again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import groupby
from typing import Protocol

from argosy_server.domain.blob import PIECE_BYTES, Blob, BlobHasher
from argosy_server.domain.byte_range import ByteRange
from argosy_server.domain.errors import BlobCorrupt, DomainError, StorageUnavailable
from argosy_server.domain.identifiers import Digest
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction
from argosy_server.usecases.ports.survey import BlobUser
from argosy_server.usecases.upkeep.blob_subset import Subset, chooser
from argosy_server.usecases.upkeep.sweep import find_orphans

PAGE = 200
"""Blobs of one transaction; the bytes of those in the database, 32 KiB each at most, are held in memory with them."""
MAX_USERS = 5
MAX_RANGES = 20
MAX_UNREADABLE = 10
"""After so many blobs in a row that cannot be read it is the storage that is away, not the blobs."""
_log = logging.getLogger(__name__)


class StoredBytes(Protocol):
    """What is read of a storage to judge its blobs."""

    def size(self, location: str) -> int | None:
        """As ``BlobStorage.size``."""
        ...

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        """As ``BlobStorage.read``."""
        ...


class DamageKind(Enum):
    """What is wrong, from bad to worse."""

    UNREADABLE = "unreadable"
    """The storage refuses to give the bytes: a bad sector, a file nobody may read."""
    CORRUPT = "corrupt"
    """Bytes do not match their checksums."""
    TRUNCATED = "truncated"
    """The end is missing."""
    MISSING = "missing"
    """All bytes are gone."""
    DANGLING = "dangling"
    """A file of a version refers to a blob the database does not have."""


@dataclass(frozen=True)
class Flaw:
    """What is wrong with some bytes.

    Attributes:
        kind: kind of the damage.
        problem: the same for people.
        ranges: the damaged bytes as far as they are known, at most 20 ranges.
    """

    kind: DamageKind
    problem: str
    ranges: tuple[ByteRange, ...] = ()


@dataclass(frozen=True)
class Damage:
    """A damaged blob.

    Attributes:
        project: the project that has it.
        digest: its digest.
        size: the bytes it should have.
        location: where they should be; ``""`` when that is the database.
        flaw: what is wrong.
        users: up to 5 versions that have a file of it.
    """

    project: str
    digest: Digest
    size: int
    location: str
    flaw: Flaw
    users: tuple[BlobUser, ...]


@dataclass
class VerifyReport:
    """What a check came across, filled while it goes on.

    Attributes:
        total: blobs when it began.
        total_bytes: their bytes.
        blobs: blobs that were read.
        bytes: bytes that were read.
        damage: how much of each kind was found.
        orphans: locations nothing refers to, which the sweep takes.
        orphan_bytes: their bytes.
        uploads: uploads under way at the end.
        recovered: blobs that were marked as damaged, were read back right, and are live again.
    """

    total: int = 0
    total_bytes: int = 0
    blobs: int = 0
    bytes: int = 0
    damage: Counter[DamageKind] = field(default_factory=Counter)
    orphans: int = 0
    orphan_bytes: int = 0
    uploads: int = 0
    recovered: int = 0


def verify_store(
    metadata: MetadataStore,
    storage: BlobStorage,
    report: VerifyReport,
    subset: Subset | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[Damage]:
    """Yield what is damaged in all projects; holds at most one page of rows and one chunk of a blob in memory.

    Args:
        metadata: the database.
        storage: the bytes.
        report: filled on the way.
        subset: which blobs are read, ``None`` for all. References and left-overs are always looked at.
        advance: called with the number of bytes just read.

    Raises:
        StorageUnavailable: database or storage cannot be reached.
    """
    with metadata.read() as tx:
        report.total, report.total_bytes = tx.survey.totals()
    for damage in _damage(metadata, storage, report, subset, advance):
        report.damage[damage.flaw.kind] += 1
        yield damage
    for orphan in find_orphans(metadata, storage):
        report.orphans += 1
        report.orphan_bytes += orphan.size
    with metadata.read() as tx:
        report.uploads = tx.survey.uploads_under_way()


def _damage(
    metadata: MetadataStore,
    storage: BlobStorage,
    report: VerifyReport,
    subset: Subset | None,
    advance: Callable[[int], None],
) -> Iterator[Damage]:
    yield from _dangling(metadata)
    unreadable = 0
    with metadata.read() as tx:
        marked = frozenset(map(_identity, tx.survey.damaged()))
    for blob, content in read_blobs(metadata, chooser(metadata, subset)):
        reader = _Reader(advance)
        flaw = reader.check(storage, blob, content)
        if flaw and blob.location and flaw.kind is not DamageKind.UNREADABLE:
            flaw = find_flaw(storage, blob)
        report.blobs += 1
        report.bytes += reader.read
        unreadable = unreadable + 1 if flaw and flaw.kind is DamageKind.UNREADABLE else 0
        if flaw and unreadable >= MAX_UNREADABLE:
            raise StorageUnavailable(f"{unreadable} blobs in a row cannot be read; the last one: {flaw.problem}")
        if flaw and (damage := confirmed_damage(metadata, blob, flaw)):
            yield damage
        if flaw is None and _identity(blob) in marked:
            report.recovered += _recover(metadata, blob)


def _recover(metadata: MetadataStore, blob: Blob) -> bool:
    """Let a blob whose bytes are right be live again, and tell whether it was not."""
    try:
        with metadata.write() as tx:
            return tx.blobs.mark_live(blob)
    except DomainError:
        # The check goes on: what it finds is worth more, and its next run marks the blob.
        _log.exception("blob %s of project %r is right, which could not be recorded", blob.digest, blob.project)
        return False


def _identity(blob: Blob) -> tuple[str, str, str]:
    return blob.project, blob.digest.text, blob.location


def _dangling(metadata: MetadataStore) -> Iterator[Damage]:
    last = None
    while True:
        with metadata.read() as tx:
            references = tx.survey.references(last, PAGE)
            flaw = Flaw(DamageKind.DANGLING, "files refer to it, but the database does not have it")
            found = [
                Damage(
                    it.project, it.digest, it.size, "", flaw, tuple(tx.survey.users(it.project, it.digest, MAX_USERS))
                )
                for it in references
                if not it.there
            ]
        if not references:
            return
        yield from found
        last = references[-1]


def read_blobs(metadata: MetadataStore, chosen: Callable[[Blob], bool]) -> Iterator[tuple[Blob, bytes | None]]:
    """Yield the chosen blobs, with their bytes if the database has them."""
    last = None
    while True:
        with metadata.read() as tx:
            page = tx.survey.blobs(last, PAGE)
            wanted = [blob for blob in page if chosen(blob)]
            contents = _contents(tx, wanted)
        if not page:
            return
        for blob in wanted:
            yield blob, contents.pop(blob, None)
        last = page[-1]


def _contents(tx: Transaction, blobs: Sequence[Blob]) -> dict[Blob, bytes]:
    """Return the bytes of those of the blobs whose bytes are in the database; they are sorted by project."""
    contents: dict[Blob, bytes] = {}
    inside = [blob for blob in blobs if not blob.location]
    for project, group in groupby(inside, key=lambda blob: blob.project):
        by_digest = {blob.digest: blob for blob in group}
        found = tx.blobs.contents(project, by_digest)
        contents.update((by_digest[digest], content) for digest, content in found.items())
    return contents


def confirmed_damage(metadata: MetadataStore, blob: Blob, flaw: Flaw) -> Damage | None:
    """Return the damage of a blob that is still there: a sweep may have taken it while it was read."""
    with metadata.read() as tx:
        current = tx.blobs.find(blob.project, [blob.digest]).get(blob.digest)
        if current is None or current.location != blob.location:
            return None
        users = tx.survey.users(blob.project, blob.digest, MAX_USERS)
    return Damage(blob.project, blob.digest, blob.size, blob.location, flaw, tuple(users))


def find_flaw(
    storage: StoredBytes, blob: Blob, content: bytes | None = None, advance: Callable[[int], None] = lambda _: None
) -> Flaw | None:
    """Read a blob and compare it with its size, its digest and the checksum of each piece; ``None``: it is right.

    Args:
        storage: where its bytes are.
        blob: what they should be.
        content: its bytes, when the database has them.
        advance: called with the number of bytes just read.
    """
    return _Reader(advance).check(storage, blob, content)


class _Reader:
    """Reads one blob and judges it."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self.read = 0
        self._advance = advance

    def check(self, storage: StoredBytes, blob: Blob, content: bytes | None) -> Flaw | None:
        return self.check_stored(storage, blob) if blob.location else self.check_content(blob, content)

    def check_content(self, blob: Blob, content: bytes | None) -> Flaw | None:
        if content is None:
            return Flaw(DamageKind.MISSING, "its bytes are gone from the database")
        return _size_flaw(blob, len(content)) or self._compare(blob, [content])

    def check_stored(self, storage: StoredBytes, blob: Blob) -> Flaw | None:
        gone = Flaw(DamageKind.MISSING, "its bytes are gone")
        try:
            size = storage.size(blob.location)
            if size is None:
                return gone
            return _size_flaw(blob, size) or self._compare(blob, storage.read(blob.location, 0, blob.size))
        except FileNotFoundError:
            return gone
        except BlobCorrupt as error:
            return Flaw(DamageKind.TRUNCATED, str(error))
        except StorageUnavailable as error:
            return Flaw(DamageKind.UNREADABLE, str(error))
        except ValueError as error:
            return Flaw(DamageKind.MISSING, str(error))  # the row names no location at all

    def _compare(self, blob: Blob, chunks: Iterable[bytes]) -> Flaw | None:
        hasher = BlobHasher()
        for chunk in chunks:
            hasher.update(chunk)
            self.read += len(chunk)
            self._advance(len(chunk))
        ranges = _differing(blob, hasher.pieces())
        if hasher.digest() != blob.digest:
            where = f"{_told(ranges)} do not match their checksum" if ranges else "its bytes do not match its digest"
            return Flaw(DamageKind.CORRUPT, where, ranges)
        if ranges or len(hasher.pieces()) != len(blob.pieces):
            return Flaw(
                DamageKind.CORRUPT, "its bytes are right, but the checksums kept for their pieces are not", ranges
            )
        return None


def _size_flaw(blob: Blob, size: int) -> Flaw | None:
    if size < blob.size:
        lost = ByteRange(size, blob.size)
        return Flaw(DamageKind.TRUNCATED, f"{size} of {blob.size} bytes are left", (lost,))
    if size > blob.size:
        surplus = ByteRange(blob.size, size)
        return Flaw(DamageKind.CORRUPT, f"{size} bytes are stored instead of {blob.size}", (surplus,))
    return None


def _differing(blob: Blob, pieces: bytes) -> tuple[ByteRange, ...]:
    """Return where the checksums of pieces differ; neighbours are one range."""
    ranges: list[ByteRange] = []
    for index in range(len(pieces) // 8):
        if pieces[8 * index : 8 * index + 8] == blob.piece_checksum(index):
            continue
        start, stop = index * PIECE_BYTES, min((index + 1) * PIECE_BYTES, blob.size)
        if ranges and ranges[-1].stop == start:
            ranges[-1] = ByteRange(ranges[-1].start, stop)
        elif len(ranges) < MAX_RANGES:
            ranges.append(ByteRange(start, stop))
    return tuple(ranges)


def _told(ranges: tuple[ByteRange, ...]) -> str:
    first = f"bytes {ranges[0].start} to {ranges[0].stop}"
    return first if len(ranges) == 1 else f"{first} and {len(ranges) - 1} more ranges"
