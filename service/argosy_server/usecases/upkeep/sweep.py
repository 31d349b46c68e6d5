"""Removing what nothing can reach any more. Every step can be redone, and may run beside any other call.

Nothing is removed but what has a name our writers give, for a folder may hold files of others too. Order matters. A
location is orphaned when no blob row and no live upload names it; since rows are written before locations and locations
are listed before rows are asked, a location on its way is never taken for an orphan.

``plan_sweep`` tells what ``sweep`` would remove: both find it the same way. A grace keeps longer what has just become
garbage, for an operator who may want to look at it, or to bring back a database of yesterday.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from itertools import islice

from argosy_server.domain.blob import Blob, is_upload_location
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.domain.limits import Limits
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction
from argosy_server.usecases.ports.repositories import NO_GRACE
from argosy_server.usecases.ports.survey import UploadRow

BATCH = 500
RESTORED = (
    "the database was restored or moved (it was at %s), and the one it was copied from may still use the same bytes, "
    "so none are removed; once no other database does, run argosy-server gc --execute, after which servers remove them "
    "again; while one does, give this one a copy of the bytes, for the other one removes what is saved here"
)
_log = logging.getLogger(__name__)


class GarbageKind(Enum):
    """Why something may go."""

    UPLOAD = "upload"
    BLOB = "blob"
    ORPHAN = "orphan"


@dataclass(frozen=True)
class Garbage:
    """Something that may go.

    Attributes:
        kind: why.
        project: the project that had it; ``""`` for an orphan, which belongs to nobody.
        name: id of an upload, digest of a blob, location of an orphan.
        size: bytes that become free; 0 for an upload, whose bytes are orphans.
        location: where they are; ``""`` when they are in the database.
    """

    kind: GarbageKind
    project: str
    name: str
    size: int
    location: str


@dataclass
class SweepReport:
    """How much one sweep removed, or would remove."""

    uploads: int = 0
    blobs: int = 0
    blob_bytes: int = 0
    orphans: int = 0
    orphan_bytes: int = 0
    replies: int = 0
    events: int = 0

    def add_blob(self, blob: Blob) -> None:
        """Count a blob."""
        self.blobs += 1
        self.blob_bytes += blob.size

    def add_orphan(self, orphan: Orphan) -> None:
        """Count an orphaned location."""
        self.orphans += 1
        self.orphan_bytes += orphan.size


@dataclass(frozen=True)
class Orphan:
    """A location nothing refers to."""

    location: str
    size: int


def sweep(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    grace: timedelta = NO_GRACE,
    *,
    after_restore: bool = False,
) -> SweepReport:
    """Remove expired uploads, unreferenced blobs, orphaned locations, old replies and old events.

    Of a database that was restored only rows are removed: what it does not know, or nothing in it refers to, may be
    what another database over the same bytes has saved.

    Args:
        metadata: the database.
        storage: the bytes.
        limits: tells how long replies and events are kept.
        grace: how long ago leases must have expired and orphans must have been written; ``IGNORE_LEASES`` also takes
            what only a lease keeps, which whoever is saving just now loses.
        after_restore: an operator says that no other database uses the same bytes: from now on sweeps remove them.

    Raises:
        StorageUnavailable: it cannot be reached, has moved, was restored meanwhile, or does not tell when an orphan
            was written although that matters.
    """
    report = SweepReport()
    with metadata.write() as tx:
        tx.survey.refuse_moved()
        if after_restore:
            tx.survey.end_restore()
        restored_from = tx.survey.restored_from()
        report.uploads = tx.uploads.remove_expired(grace)
        report.replies = tx.replies.remove_older_than(limits.reply_retention)
        report.events = tx.events.remove_older_than(limits.event_retention)
    if restored_from:
        _log.warning(RESTORED, restored_from)
        return report
    for found in _unreachable(metadata, grace):
        for blob in _remove_blobs(metadata, storage, found, grace):
            report.add_blob(blob)
    for orphan in find_orphans(metadata, storage, grace):
        _refuse_moved_or_restored(metadata)
        storage.delete(orphan.location)
        report.add_orphan(orphan)
    metadata.shrink()
    return report


def plan_sweep(
    metadata: MetadataStore, storage: BlobStorage, limits: Limits, grace: timedelta, report: SweepReport
) -> Iterator[Garbage]:
    """Yield what a sweep would remove and change nothing; ``report`` adds up to what the sweep would report.

    Raises:
        StorageUnavailable: as for :func:`sweep`.
    """
    _refuse_moved(metadata)
    for upload in _removable_uploads(metadata, grace):
        report.uploads += 1
        yield Garbage(GarbageKind.UPLOAD, upload.project, upload.id, 0, "")
    for found in _unreachable(metadata, grace):
        for blob in found:
            report.add_blob(blob)
            yield Garbage(GarbageKind.BLOB, blob.project, blob.digest.text, blob.size, blob.location)
    for orphan in find_orphans(metadata, storage, grace):
        report.add_orphan(orphan)
        yield Garbage(GarbageKind.ORPHAN, "", orphan.location, orphan.size, orphan.location)
    with metadata.read() as tx:
        report.replies = tx.survey.replies_older_than(limits.reply_retention)
        report.events = tx.survey.events_older_than(limits.event_retention)


def find_orphans(metadata: MetadataStore, storage: BlobStorage, grace: timedelta = NO_GRACE) -> Iterator[Orphan]:
    """Yield the locations nothing refers to, written ``grace`` ago or before, and made by a writer of ours.

    Raises:
        StorageUnavailable: as for :func:`sweep`.
    """
    locations = filter(is_upload_location, storage.locations())
    while batch := list(islice(locations, BATCH)):
        with metadata.read() as tx:
            known = tx.blobs.known_locations(batch, grace)
            latest = tx.now() - grace
        for location in batch:
            if location in known:
                continue
            size = storage.size(location)
            if size is None:
                continue
            if grace > NO_GRACE:
                written = storage.modified_at(location)
                if written is None or written > latest:
                    continue
            yield Orphan(location, size)


def _refuse_moved(metadata: MetadataStore) -> None:
    """Asked once it is known that nothing refers to a location: then it was known by a store in use.

    What a copy over the same storage has stored since is nothing that this store knows of.
    """
    with metadata.read() as tx:
        tx.survey.refuse_moved()


def _refuse_moved_or_restored(metadata: MetadataStore) -> None:
    with metadata.read() as tx:
        tx.survey.refuse_moved()
        _refuse_restored(tx)


def _refuse_restored(tx: Transaction) -> None:
    """Asked again before anything is removed, for a database may be restored while it is swept."""
    if restored_from := tx.survey.restored_from():
        raise StorageUnavailable(RESTORED % restored_from)


def _removable_uploads(metadata: MetadataStore, grace: timedelta) -> Iterator[UploadRow]:
    last = ""
    while True:
        with metadata.read() as tx:
            found = tx.survey.removable_uploads(last, BATCH, grace)
        if not found:
            return
        yield from found
        last = found[-1].id


def _unreachable(metadata: MetadataStore, grace: timedelta) -> Iterator[list[Blob]]:
    last = None
    while True:
        # Searching takes time in a large store, so it keeps no writer waiting.
        with metadata.read() as tx:
            found = tx.blobs.unreachable(last, BATCH, grace)
        if not found:
            return
        yield found
        last = found[-1]


def _remove_blobs(metadata: MetadataStore, storage: BlobStorage, found: list[Blob], grace: timedelta) -> list[Blob]:
    with metadata.write() as tx:
        _refuse_restored(tx)
        blobs = tx.blobs.mark_deleting(found, grace)
    for blob in blobs:
        if blob.location:
            storage.delete(blob.location)
    if blobs:
        with metadata.write() as tx:
            tx.blobs.remove(blobs)
    return blobs
