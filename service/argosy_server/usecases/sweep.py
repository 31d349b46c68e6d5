"""Removing what nothing can reach any more. Every step can be redone, and may run beside any other call.

Order matters. A location is orphaned when no blob row and no live upload names it; since rows are written before
locations and locations are listed before rows are asked, a location on its way is never taken for an orphan.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from argosy_server.domain.limits import Limits
from argosy_server.usecases.ports import BlobStorage, MetadataStore

BATCH = 500


@dataclass(frozen=True)
class SweepReport:
    """How much one sweep removed."""

    uploads: int
    blobs: int
    orphans: int
    replies: int
    events: int


def sweep(metadata: MetadataStore, storage: BlobStorage, limits: Limits) -> SweepReport:
    """Remove expired uploads, unreferenced blobs, orphaned locations, old replies and old events."""
    with metadata.write() as tx:
        uploads = tx.uploads.remove_expired()
        replies = tx.replies.remove_older_than(limits.reply_retention)
        events = tx.events.remove_older_than(limits.event_retention)
    blobs = _sweep_blobs(metadata, storage)
    orphans = _sweep_orphans(metadata, storage)
    metadata.shrink()
    return SweepReport(uploads, blobs, orphans, replies, events)


def _sweep_blobs(metadata: MetadataStore, storage: BlobStorage) -> int:
    removed = 0
    last = None
    while True:
        # Searching takes time in a large store, so it keeps no writer waiting.
        with metadata.read() as tx:
            found = tx.blobs.unreachable(last, BATCH)
        if not found:
            return removed
        with metadata.write() as tx:
            blobs = tx.blobs.mark_deleting(found)
        for blob in blobs:
            if blob.location:
                storage.delete(blob.location)
        if blobs:
            with metadata.write() as tx:
                tx.blobs.remove(blobs)
        removed += len(blobs)
        last = found[-1]


def _sweep_orphans(metadata: MetadataStore, storage: BlobStorage) -> int:
    removed = 0
    locations = storage.locations()
    while batch := list(islice(locations, BATCH)):
        with metadata.read() as tx:
            known = tx.blobs.known_locations(batch)
        for location in batch:
            if location not in known:
                storage.delete(location)
                removed += 1
    return removed
