"""What is asked of the database about the whole store.

Everything else is told a project and sees nothing of another. This is for those who check a store or clean it; no call
of a client comes here. Like the repositories it works inside the transaction it was taken from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from argosy_server.domain.blob import Blob
from argosy_server.domain.identifiers import Digest


@dataclass(frozen=True)
class Reference:
    """A digest that files of versions name, and whether the blob they mean is there: live, or damaged."""

    project: str
    digest: Digest
    size: int
    there: bool


@dataclass(frozen=True)
class BlobUser:
    """An artifact version that has a file of some bytes."""

    name: str
    version: str


@dataclass(frozen=True)
class UploadRow:
    """An upload, by what an operator may recognize."""

    project: str
    id: str


class StoreSurvey(Protocol):
    """Reads everything the store holds, in pages that keep no transaction long."""

    def refuse_moved(self) -> None:
        """Refuse to go on with a store that has moved: it does not know what its copy has stored since.

        Raises:
            StorageUnavailable: it has; says where it is.
        """
        ...

    def restored_from(self) -> str:
        """Return where the database was before it was restored, ``""`` unless it was or :meth:`end_restore` came."""
        ...

    def end_restore(self) -> None:
        """Take note that no other database uses the same bytes any more."""
        ...

    def totals(self) -> tuple[int, int]:
        """Return how many blobs there are, damaged ones included, and the bytes of all of them."""
        ...

    def blobs(self, after: Blob | None, limit: int) -> list[Blob]:
        """Return the blobs, damaged ones too, after ``after`` (``None``: the first ones), by project and digest."""
        ...

    def damaged(self) -> list[Blob]:
        """Return all blobs that are marked as damaged."""
        ...

    def references(self, after: Reference | None, limit: int) -> list[Reference]:
        """Return each digest that files name, and follows ``after``, once, by project and digest."""
        ...

    def users(self, project: str, digest: Digest, limit: int) -> list[BlobUser]:
        """Return up to ``limit`` versions that have a file of this digest, oldest first."""
        ...

    def uploads_under_way(self) -> int:
        """Return how many open uploads have a lease."""
        ...

    def removable_uploads(self, after: str, limit: int, grace: timedelta) -> list[UploadRow]:
        """Return what ``UploadRepository.remove_expired`` would remove, by id, after an id (``""``: the first ones)."""
        ...

    def replies_older_than(self, age: timedelta) -> int:
        """Return how many replies are older than ``age``."""
        ...

    def events_older_than(self, age: timedelta) -> int:
        """Return how many events are older than ``age``."""
        ...
