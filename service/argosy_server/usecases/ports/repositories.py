"""What the use cases ask of the database, one interface for each kind of fact.

All of them work inside the transaction they were taken from (``ports.Transaction``), and every method is told the
project: nothing of another one can be seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from argosy_server.domain.artifact import (
    ArtifactSummary,
    ArtifactVersion,
    NewVersion,
    VersionSelector,
)
from argosy_server.domain.blob import Blob, Upload
from argosy_server.domain.identifiers import Digest
from argosy_server.domain.paging import Page, PageRequest
from argosy_server.domain.pruning import Prunable, PruneRule

NO_GRACE = timedelta()
IGNORE_LEASES = -timedelta(days=36_500)
"""As a grace: leases ended so long before that none counts."""


class ArtifactRepository(Protocol):
    """Artifact versions and aliases of all projects; every method is told the project."""

    def take_turn(self, project: str, names: Collection[str]) -> None:
        """Wait until no other transaction changes artifacts of these names; none means all of the project.

        Whoever writes an event of an artifact does so before it writes or locks anything else: then the events of one
        artifact come in the order of its changes.
        """
        ...

    def add_many(
        self, project: str, wanted: Sequence[NewVersion], *, inserted: Collection[Digest] = ()
    ) -> list[ArtifactVersion]:
        """Insert versions in this order, each under the next number or the label of its spec, and move its aliases.

        The counter row of an artifact is locked until the transaction ends, so numbers and ordinals have no gaps
        and no duplicates. A numeric label raises the counter. Every file's blob must be live.

        Args:
            project: where.
            wanted: what the caller says about each, its files, and the step run that makes it.
            inserted: digests of blobs that this transaction inserted; they are not looked up once more.

        Raises:
            VersionExists: a label is taken, also by a deleted version. Some rows may be written: the caller rolls back.
            BlobMissing: a file's blob is not live in this project; names up to 20 digests.
            LimitExceeded: no version number is left.
        """
        ...

    def get(self, project: str, selector: VersionSelector) -> ArtifactVersion:
        """Return the one version, with its files; ids also find deleted versions, names never do.

        ``pipeline_name`` means: among the outputs and saved versions of the steps of that pipeline's most recently
        completed run (cached steps included), the one of that name with the highest ordinal.

        Raises:
            ArtifactNotFound: with up to 5 similar names in metadata ``near`` (comma separated).
        """
        ...

    def get_many(self, project: str, ids: Sequence[str]) -> list[ArtifactVersion]:
        """Return versions by id in the order asked for, without files, deleted ones included.

        Raises:
            ArtifactNotFound: one of them does not exist in this project.
        """
        ...

    def live_digests(self, project: str, ids: Sequence[str]) -> dict[str, frozenset[Digest]]:
        """Return the digests of the files of those of the versions that are live."""
        ...

    def list_artifacts(
        self, project: str, name_contains: str, include_unnamed: bool, page: PageRequest
    ) -> Page[ArtifactSummary]:
        """Return a row for each artifact that has a live version, sorted by name (bytes of UTF-8)."""
        ...

    def list_versions(
        self,
        project: str,
        page: PageRequest,
        *,
        name: str = "",
        pipeline_name: str = "",
        tag: str = "",
        metadata: Mapping[str, str] | None = None,
        created_from: datetime | None = None,
        created_until: datetime | None = None,
        oldest_first: bool = False,
    ) -> Page[ArtifactVersion]:
        """Return live versions without files, by order of creation in the project.

        Args:
            project: where.
            page: which of them.
            name: only versions of this artifact.
            pipeline_name: only versions made by runs of this pipeline.
            tag: only versions with this tag.
            metadata: only versions that have all of these keys with an equal JSON value; texts of JSON documents.
            created_from: only versions created at this time or later.
            created_until: only versions created before this time.
            oldest_first: turn the order around.
        """
        ...

    def update(
        self,
        project: str,
        version_id: str,
        *,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, str] | None = None,
        description: str | None = None,
        etag: str = "",
    ) -> ArtifactVersion:
        """Replace tags and description, and merge the metadata (an empty text removes its key).

        Raises:
            ArtifactNotFound: no such live version.
            EtagMismatch: ``etag`` is given and is not the current one.
        """
        ...

    def set_alias(self, project: str, alias: str, version: ArtifactVersion) -> ArtifactVersion:
        """Point an alias of the version's artifact at it, and return the version as it is now."""
        ...

    def alias_target(self, project: str, name: str, alias: str) -> str:
        """Return the id of the version an alias points at, ``""`` for none; no other transaction moves it meanwhile."""
        ...

    def delete_alias(self, project: str, name: str, alias: str) -> None:
        """Remove an alias.

        Raises:
            ArtifactNotFound: no such alias.
        """
        ...

    def get_live(self, project: str, version_id: str) -> ArtifactVersion:
        """Return a live version; no other transaction changes it, or points an alias at it, meanwhile.

        Raises:
            ArtifactNotFound: no such live version.
        """
        ...

    def delete(self, project: str, version_id: str) -> ArtifactVersion:
        """Make a version a tombstone: files, tags, aliases and metadata go; row, label, ordinal and lineage stay.

        Raises:
            ArtifactNotFound: no such live version.
        """
        ...

    def is_used(self, project: str, version_id: str) -> bool:
        """Tell whether a run made, returned, was given or loaded the version."""
        ...

    def prunable(self, project: str, rule: PruneRule) -> list[Prunable]:
        """Return the live versions a rule means, newest first; in a transaction that writes they are locked."""
        ...

    def delete_many(self, project: str, ids: Sequence[str]) -> None:
        """Do as :meth:`delete` for many live versions."""
        ...


class BlobRepository(Protocol):
    """The rows of blobs, and the bytes of the small ones."""

    def find(self, project: str, digests: Iterable[Digest]) -> dict[Digest, Blob]:
        """Return those of the blobs that may be read: live ones, and damaged ones, of which readers shall be told."""
        ...

    def find_live(self, project: str, digests: Iterable[Digest]) -> dict[Digest, Blob]:
        """Return the live blobs among the digests."""
        ...

    def mark_damaged(self, blob: Blob) -> None:
        """Let a blob count as missing from now on, unless other bytes have taken its place meanwhile.

        It can still be found and read, and is kept as long as a live one. The same bytes, when they are inserted
        again, take the row over, which repairs every version that uses it.
        """
        ...

    def mark_live(self, blob: Blob) -> bool:
        """Let a damaged blob whose bytes were read back right be live again.

        Returns:
            whether it was damaged; what is being deleted, or has other bytes by now, stays as it is.
        """
        ...

    def lease(self, project: str, digests: Iterable[Digest], duration: timedelta) -> set[Digest]:
        """Lock the live blobs among the digests, keep them for ``duration`` at least, and return which they are."""
        ...

    def insert(self, blob: Blob, content: bytes | None, lease: timedelta) -> Blob:
        """Add a live blob, or keep and lease the live one that is there, and return the one that counts.

        A row that is ``deleting`` is taken over, so that a sweep that died keeps nobody from saving the same bytes; so
        is a ``damaged`` one, which these bytes repair.

        Args:
            blob: with ``location == ""`` when ``content`` is given.
            content: the bytes of a blob that lives in the database.
            lease: how long it is kept without a version that refers to it.
        """
        ...

    def insert_contents(self, contents: Sequence[tuple[Blob, bytes]], lease: timedelta) -> None:
        """Do as :meth:`insert` for many blobs that live in the database."""
        ...

    def known_sizes(self, project: str, sizes: Iterable[int]) -> set[int]:
        """Return those of the sizes that some live blob with a location has."""
        ...

    def content(self, blob: Blob) -> bytes:
        """Return the bytes of a blob that lives in the database.

        Raises:
            BlobNotFound: it was deleted since.
        """
        ...

    def contents(self, project: str, digests: Iterable[Digest]) -> dict[Digest, bytes]:
        """Return the bytes of those of the blobs that live in the database."""
        ...

    def unreachable(self, after: Blob | None, limit: int, grace: timedelta = NO_GRACE) -> list[Blob]:
        """Return blobs that may go, by project and digest: unreferenced with an expired lease, or ``deleting`` already.

        Args:
            after: the last one of the batch before, ``None`` for the first.
            limit: at most this many.
            grace: how long ago the lease must have expired.
        """
        ...

    def mark_deleting(self, blobs: Sequence[Blob], grace: timedelta = NO_GRACE) -> list[Blob]:
        """Turn those of the blobs that still are unreachable into ``deleting``; return those that are, as they are."""
        ...

    def remove(self, blobs: Sequence[Blob]) -> None:
        """Remove the rows of ``deleting`` blobs whose locations are gone."""
        ...

    def known_locations(self, locations: Sequence[str], grace: timedelta = NO_GRACE) -> set[str]:
        """Return those of the locations that a blob row, or an open upload, names.

        An upload counts until ``grace`` after its lease expired.
        """
        ...


class UploadRepository(Protocol):
    """Uploads on their way."""

    def add(self, project: str, lease: timedelta) -> Upload:
        """Insert an open upload."""
        ...

    def get(self, project: str, upload_id: str) -> Upload:
        """Return and lock an upload.

        Raises:
            UploadNotFound: no such upload in this project, or its lease has expired.
        """
        ...

    def put(self, upload: Upload, lease: timedelta) -> Upload:
        """Store an upload that was got in this transaction, changed or not, and renew its lease.

        Args:
            upload: as it shall be.
            lease: how long it lives from now on.
        """
        ...

    def remove_expired(self, grace: timedelta = NO_GRACE) -> int:
        """Remove uploads that expired ``grace`` ago, were aborted or were committed; return how many.

        The bytes of those that never became a blob are orphans then.
        """
        ...


@dataclass(frozen=True)
class KeptReply:
    """What was answered, and the fingerprint of the request that it answers."""

    fingerprint: bytes
    reply: bytes


class ReplyRepository(Protocol):
    """Replies kept under request ids, so that a retried mutation changes nothing the second time."""

    def find(self, project: str, request_ids: Collection[str]) -> dict[str, KeptReply]:
        """Return what is kept under those of the ids that are not new."""
        ...

    def store(self, project: str, replies: Mapping[str, KeptReply]) -> None:
        """Keep replies by request id.

        Raises:
            RequestIdReused: another transaction stored one under one of the ids just now.
        """
        ...

    def remove_older_than(self, age: timedelta) -> int:
        """Forget replies older than ``age`` and return how many."""
        ...
