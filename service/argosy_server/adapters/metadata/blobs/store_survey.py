"""Reading the whole store, for those who check or clean it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import and_, bindparam, func, select, tuple_, update

from argosy_server.adapters.metadata.blobs.blob_repository import DAMAGED, DELETING, blob_of_row
from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.schema.closed_store import check_open
from argosy_server.adapters.metadata.schema.tables import (
    artifacts,
    blobs,
    events,
    replies,
    store,
    uploads,
    version_files,
    versions,
)
from argosy_server.domain.blob import Blob, UploadState
from argosy_server.domain.identifiers import Digest
from argosy_server.usecases.ports.survey import BlobUser, Reference, UploadRow

_OPEN = UploadState.OPEN.value
_RESTORED_FROM = select(store.c.restored_from)
_END_RESTORE = update(store).values(restored_from="")
_AFTER = tuple_(bindparam("project"), bindparam("digest"))
_TOTALS = select(func.count().label("rows"), func.coalesce(func.sum(blobs.c.size), 0).label("bytes")).where(
    blobs.c.state != DELETING
)
_BLOBS = (
    select(blobs.c.project, blobs.c.digest, blobs.c.size, blobs.c.location, blobs.c.pieces)
    # Not "= 'live'": SQLite would take the index of states, which holds nearly all blobs, again for each page.
    .where(tuple_(blobs.c.project, blobs.c.digest) > _AFTER, blobs.c.state != DELETING)
    .order_by(blobs.c.project, blobs.c.digest)
    .limit(bindparam("rows"))
)
_DAMAGED = (
    select(blobs.c.project, blobs.c.digest, blobs.c.size, blobs.c.location, blobs.c.pieces)
    .where(blobs.c.state == DAMAGED)
    .order_by(blobs.c.project, blobs.c.digest)
)
_NAMED = (version_files.c.project, version_files.c.digest)
_REFERENCES = (
    select(*_NAMED, func.max(version_files.c.size).label("size"), func.count(blobs.c.digest).label("found"))
    .outerjoin(
        blobs,
        and_(
            blobs.c.project == version_files.c.project,
            blobs.c.digest == version_files.c.digest,
            blobs.c.state != DELETING,
        ),
    )
    .where(tuple_(*_NAMED) > _AFTER)
    .group_by(*_NAMED)
    .order_by(*_NAMED)
    .limit(bindparam("rows"))
)
_USERS = (
    select(artifacts.c.name, versions.c.label, versions.c.seq)
    .distinct()
    .join(versions, versions.c.artifact_seq == artifacts.c.seq)
    .join(version_files, version_files.c.version_seq == versions.c.seq)
    .where(version_files.c.project == bindparam("project"), version_files.c.digest == bindparam("digest"))
    .order_by(versions.c.seq)
    .limit(bindparam("rows"))
)
_UNDER_WAY = select(func.count()).where(uploads.c.state == _OPEN, uploads.c.expires_at >= bindparam("now"))
_REMOVABLE = (
    select(uploads.c.project, uploads.c.id)
    .where(uploads.c.id > bindparam("after"), (uploads.c.expires_at < bindparam("now")) | (uploads.c.state != _OPEN))
    .order_by(uploads.c.id)
    .limit(bindparam("rows"))
)
_OLD_REPLIES = select(func.count()).where(replies.c.created_at < bindparam("before"))
_OLD_EVENTS = select(func.count()).where(events.c.created_at < bindparam("before"))


class SqlStoreSurvey:
    """Reads everything the store holds, of all projects."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session

    def refuse_moved(self) -> None:
        """Refuse to go on with a store that has moved."""
        check_open(self._session.connection)

    def restored_from(self) -> str:
        """Return where the database was before it was restored, ``""`` when no other one uses its bytes."""
        return str(self._session.execute(_RESTORED_FROM).scalar_one())

    def end_restore(self) -> None:
        """Take note that no other database uses the same bytes any more."""
        self._session.execute(_END_RESTORE)

    def totals(self) -> tuple[int, int]:
        """Return how many blobs there are, damaged ones included, and the bytes of all of them."""
        row = self._session.execute(_TOTALS).one()
        return int(row.rows), int(row.bytes)

    def blobs(self, after: Blob | None, limit: int) -> list[Blob]:
        """Return the blobs, damaged ones included, that follow ``after``, by project and digest."""
        return [blob_of_row(row) for row in self._session.execute(_BLOBS, _page(after, limit))]

    def damaged(self) -> list[Blob]:
        """Return all blobs that are marked as damaged."""
        return [blob_of_row(row) for row in self._session.execute(_DAMAGED)]

    def references(self, after: Reference | None, limit: int) -> list[Reference]:
        """Return each digest that files name, and follows ``after``, once, by project and digest."""
        rows = self._session.execute(_REFERENCES, _page(after, limit))
        return [Reference(row.project, Digest(row.digest), row.size, row.found > 0) for row in rows]

    def users(self, project: str, digest: Digest, limit: int) -> list[BlobUser]:
        """Return up to ``limit`` versions that have a file of this digest, oldest first."""
        rows = self._session.execute(_USERS, {"project": project, "digest": digest.text, "rows": limit})
        return [BlobUser(row.name, row.label) for row in rows]

    def uploads_under_way(self) -> int:
        """Return how many open uploads have a lease."""
        return int(self._session.execute(_UNDER_WAY, {"now": self._session.now()}).scalar_one())

    def removable_uploads(self, after: str, limit: int, grace: timedelta) -> list[UploadRow]:
        """Return what ``UploadRepository.remove_expired`` would remove, by id."""
        facts = {"after": after, "rows": limit, "now": self._session.after(-grace)}
        return [UploadRow(row.project, row.id) for row in self._session.execute(_REMOVABLE, facts)]

    def replies_older_than(self, age: timedelta) -> int:
        """Return how many replies are older than ``age``."""
        return int(self._session.execute(_OLD_REPLIES, {"before": self._session.after(-age)}).scalar_one())

    def events_older_than(self, age: timedelta) -> int:
        """Return how many events are older than ``age``."""
        return int(self._session.execute(_OLD_EVENTS, {"before": self._session.after(-age)}).scalar_one())


def _page(after: Blob | Reference | None, limit: int) -> dict[str, object]:
    project, digest = (after.project, after.digest.text) if after else ("", "")
    return {"project": project, "digest": digest, "rows": limit}
