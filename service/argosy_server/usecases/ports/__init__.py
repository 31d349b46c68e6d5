"""What the use cases need from the outside. Read this file first.

The life of bytes: a :class:`BlobWriter` is opened at a *new* location, takes bytes, and is finished, which makes
them durable; only then does a transaction insert the row of a blob that names the location. A location is never
reused and what is stored there never changes. To remove a blob its row first becomes ``deleting`` (in a transaction
that rechecks references and leases), then the location is removed, then the row; each step can be redone. The same
bytes may come back in between: they take the row over with a new location of their own.

The life of a fact: every change happens inside one :class:`Transaction`, together with its event row and with the
reply stored under the caller's request id. Leaving the block commits; an exception rolls everything back.

What is asked of the database stands in ``repositories``.
One contract suite for each port runs on every adapter: ``tests/contracts``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from argosy_server.usecases.ports.cache_repository import CacheRepository, ReservationRepository
from argosy_server.usecases.ports.event_repository import EventRepository
from argosy_server.usecases.ports.lineage_repository import LineageRepository
from argosy_server.usecases.ports.log_repository import LogRepository
from argosy_server.usecases.ports.repositories import (
    ArtifactRepository,
    BlobRepository,
    ReplyRepository,
    UploadRepository,
)
from argosy_server.usecases.ports.run_repository import RunRepository
from argosy_server.usecases.ports.survey import StoreSurvey


class BlobWriter(Protocol):
    """Bytes on their way to one location."""

    @property
    def readable(self) -> bool:
        """Whether ``read`` gives what is written at once; where it is false, only what is finished can be read."""
        ...

    @property
    def known(self) -> int:
        """Bytes that were there when the writer was resumed and surely are as this process wrote or read them.

        Digests it has computed of them hold.
        """
        ...

    def boundary_after(self, size: int) -> int | None:
        """Return the next place after ``size`` bytes where a later writer may go on; ``None`` means anywhere."""
        ...

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes.

        Raises:
            StorageFull: no room; the writer must be discarded.
            StorageUnavailable: the storage cannot be written.
        """
        ...

    def mark(self) -> int:
        """Make what was written so far as durable as ``finish`` would; another thread may write meanwhile.

        Returns:
            how many bytes a later writer would find now. Stores that keep whole parts only wait for the first of
            those on their way; where part of an object cannot be kept it is 0.

        Raises:
            StorageFull, StorageUnavailable: final, as for ``finish``.
        """
        ...

    def suspend(self) -> int:
        """Stop writing, but keep what was written for ``resume_writer``; return how many bytes it finds.

        Raises:
            StorageFull, StorageUnavailable: final, as for ``finish``.
        """
        ...

    def salvage(self) -> int:
        """Stop writing after a failure: keep what is there beyond doubt and discard the rest; return as ``suspend``."""
        ...

    def finish(self) -> None:
        """Make the bytes durable, as far as the store's durability level promises; afterwards they can be read.

        A failure is final: it is never retried and then trusted.

        Raises:
            StorageFull, StorageUnavailable: nothing may be assumed about the location; it must be discarded.
        """
        ...

    def discard(self) -> None:
        """Remove what was written. May be called at any time before ``finish`` returned, also twice."""
        ...


class BlobStorage(Protocol):
    """Holds bytes at locations, all of one store. Knows nothing of digests, projects or rows.

    Attributes:
        goes_on_after_finish: whether a location that was finished can still be written on, as a file can.
    """

    goes_on_after_finish: bool

    def open_writer(self, location: str) -> BlobWriter:
        """Begin to write a location that was never used before.

        Raises:
            StorageFull, StorageUnavailable: as for the writer.
        """
        ...

    def resume_writer(self, location: str, size: int) -> BlobWriter | None:
        """Go on writing a location after its first ``size`` bytes.

        What follows them is cut off, but not before the writer writes or finishes: whoever finds, now that no other
        writer can, that somebody else has gone on there meanwhile, suspends it and has changed nothing.

        Returns:
            ``None`` when that is not possible: another writer has not let go of it, it is shorter, or this
            storage cannot. Where writers cannot shut each other out, one that was given up makes ``finish`` fail when
            it has changed anything.

        Raises:
            StorageUnavailable: the storage cannot be written.
        """
        ...

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes ``start`` to ``stop`` (exclusive) in pieces of at most 1 MiB.

        Raises:
            FileNotFoundError: nothing is stored there, or it is not finished and cannot be read before.
            BlobCorrupt: the location holds fewer bytes than asked for.
            StorageUnavailable: the storage cannot be read.
        """
        ...

    def size(self, location: str) -> int | None:
        """Return the number of bytes stored there, unfinished ones included, ``None`` when there is nothing."""
        ...

    def modified_at(self, location: str) -> datetime | None:
        """Return when the location was written to last, by the clock of the storage, ``None`` when there is nothing.

        Raises:
            StorageUnavailable: the storage cannot be asked, or does not keep such times.
        """
        ...

    def delete(self, location: str) -> None:
        """Remove a location, finished or not; removing what is not there is fine."""
        ...

    def locations(self) -> Iterator[str]:
        """Yield every location, unfinished ones included, and whatever else lies there but what the storage keeps."""
        ...

    def owner(self) -> str | None:
        """Return the id of the store the storage was claimed for, ``None`` when nobody has claimed it.

        Raises:
            StorageUnavailable: the storage cannot be read, or what it keeps is no id.
        """
        ...

    def claim(self, store_id: str) -> str:
        """Keep the id of a store as that of the owner, unless there is one; return the owner's. It is no location.

        Raises:
            StorageFull, StorageUnavailable: the storage cannot be written, or what it keeps is no id.
        """
        ...


class Transaction(Protocol):
    """One transaction over everything the database holds."""

    artifacts: ArtifactRepository
    blobs: BlobRepository
    uploads: UploadRepository
    runs: RunRepository
    logs: LogRepository
    cache: CacheRepository
    reservations: ReservationRepository
    lineage: LineageRepository
    replies: ReplyRepository
    events: EventRepository
    survey: StoreSurvey

    def attempt(self) -> AbstractContextManager[None]:
        """Undo what the block did when it raises; the transaction goes on."""
        ...

    def now(self) -> datetime:
        """Return the time by the clock of the database."""
        ...


class Leadership(Protocol):
    """Whether this process does the work that one of all processes over a store is enough for."""

    def __bool__(self) -> bool:
        """Tell whether it leads now: one that did no longer does once its connection to the database was lost."""
        ...


class MetadataStore(Protocol):
    """The database."""

    @property
    def store_id(self) -> str:
        """UUID made when the database was created; equal on all replicas."""
        ...

    def read(self) -> AbstractContextManager[Transaction]:
        """Open a read-only transaction with one view of the data.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        ...

    def write(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that commits when the block ends well, and rolls back when it raises.

        Raises:
            StorageUnavailable, StorageFull: the database cannot be reached or written.
        """
        ...

    def wait_for_events(self, seen: int, timeout: float) -> int:
        """Wait until a transaction has written events, or ``timeout`` seconds.

        Those of other processes wake where the database can tell of them, and also there not surely: whoever waits has
        to look now and then. To be woken for nothing happens too.

        Args:
            seen: what the call before returned; another number returns at once.
            timeout: seconds.

        Returns:
            a number that grows with each transaction that is known to have written events.
        """
        ...

    def lead(self) -> AbstractContextManager[Leadership]:
        """Lead until the block ends, unless another process does: then the answer is false, at once.

        Who is killed leads no longer. A leader whose connection is lost may learn of it later than another one leads,
        so what leaders do must be safe when two do it.

        Raises:
            StorageUnavailable, StorageFull: the database cannot be reached or its lock file not be written.
        """
        ...

    def shrink(self) -> None:
        """Give room that much was removed from back to the disk, where the database does not do so itself.

        Raises:
            StorageUnavailable, StorageFull: the database cannot be reached or written.
        """
        ...

    def close(self) -> None:
        """Give all connections back."""
        ...
