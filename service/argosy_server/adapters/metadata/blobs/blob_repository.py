"""Rows of blobs, the bytes of small ones, and which of them nothing can reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import Row, and_, bindparam, case, delete, exists, select, tuple_, update

from argosy_server.adapters.metadata.connections.session import Insert, Session, batches, upsert
from argosy_server.adapters.metadata.schema.tables import STORED_OUTSIDE, blob_contents, blobs, uploads, version_files
from argosy_server.domain.blob import Blob, BlobState, UploadState, upload_location
from argosy_server.domain.errors import BlobNotFound
from argosy_server.domain.identifiers import Digest
from argosy_server.usecases.ports.repositories import NO_GRACE

LIVE = BlobState.LIVE.value
DAMAGED = BlobState.DAMAGED.value
DELETING = BlobState.DELETING.value

_COLUMNS = (blobs.c.project, blobs.c.digest, blobs.c.size, blobs.c.location, blobs.c.pieces)
_KEY = (blobs.c.project == bindparam("p_project")) & (blobs.c.digest == bindparam("p_digest"))
_OF_PROJECT = select(*_COLUMNS).where(blobs.c.project == bindparam("project"), blobs.c.state != DELETING)
_FIND = _OF_PROJECT.where(blobs.c.digest.in_(bindparam("digests", expanding=True)))
_FIND_ONE = _OF_PROJECT.where(blobs.c.digest == bindparam("digest"))
_FIND_LIVE = _FIND.where(blobs.c.state == LIVE)
_LOCK = (
    select(blobs.c.digest)
    .where(
        blobs.c.project == bindparam("project"),
        blobs.c.digest.in_(bindparam("digests", expanding=True)),
        blobs.c.state == LIVE,
    )
    .order_by(blobs.c.digest)
)
_EXTEND = (
    update(blobs)
    .where(
        blobs.c.project == bindparam("p_project"),
        blobs.c.digest.in_(bindparam("digests", expanding=True)),
        blobs.c.state == LIVE,
        blobs.c.lease_expires_at < bindparam("until"),
    )
    .values(lease_expires_at=bindparam("until"))
)
_CONTENT = select(blob_contents.c.content).where(
    blob_contents.c.project == bindparam("project"), blob_contents.c.digest == bindparam("digest")
)
_CONTENTS = select(blob_contents.c.digest, blob_contents.c.content).where(
    blob_contents.c.project == bindparam("project"), blob_contents.c.digest.in_(bindparam("digests", expanding=True))
)
_REFERENCED = exists().where(version_files.c.project == blobs.c.project, version_files.c.digest == blobs.c.digest)
_ID = tuple_(blobs.c.project, blobs.c.digest)
# Not "state = 'live'": SQLite would take the index of states, which holds nearly all blobs, again for each batch.
_UNREACHABLE = and_(blobs.c.state != DELETING, blobs.c.lease_expires_at < bindparam("now"), ~_REFERENCED)
_CANDIDATES = (
    select(*_COLUMNS)
    .where(tuple_(bindparam("project"), bindparam("digest")) < _ID, (blobs.c.state == DELETING) | _UNREACHABLE)
    .order_by(blobs.c.project, blobs.c.digest)
    .limit(bindparam("rows"))
)
_OF_THESE = select(*_COLUMNS).where(_ID.in_(bindparam("ids", expanding=True))).order_by(blobs.c.project, blobs.c.digest)
_MARKED = _OF_THESE.where(blobs.c.state == DELETING)
_MARK = update(blobs).where(_KEY, _UNREACHABLE).values(state=DELETING)
_MARK_DAMAGED = (
    update(blobs).where(_KEY, blobs.c.location == bindparam("p_location"), blobs.c.state == LIVE).values(state=DAMAGED)
)
_MARK_LIVE = (
    update(blobs)
    .where(_KEY, blobs.c.location == bindparam("p_location"), blobs.c.state == DAMAGED)
    .values(state=LIVE)
    .returning(blobs.c.digest)
)
_REMOVE_CONTENT = delete(blob_contents).where(
    blob_contents.c.project == bindparam("p_project"),
    blob_contents.c.digest == bindparam("p_digest"),
    exists().where(_KEY, blobs.c.state == DELETING),
)
_REMOVE = delete(blobs).where(_KEY, blobs.c.location == bindparam("p_location"), blobs.c.state == DELETING)
_LOCATIONS = select(blobs.c.location).where(
    STORED_OUTSIDE, blobs.c.location.in_(bindparam("locations", expanding=True))
)
_WRITERS = select(uploads.c.id, uploads.c.writer).where(
    uploads.c.id.in_(bindparam("ids", expanding=True)),
    uploads.c.state == UploadState.OPEN.value,
    uploads.c.expires_at >= bindparam("now"),
)


_KNOWN_SIZES = (
    select(blobs.c.size)
    .where(
        blobs.c.project == bindparam("project"),
        blobs.c.size.in_(bindparam("sizes", expanding=True)),
        STORED_OUTSIDE,
        blobs.c.state == LIVE,
    )
    .distinct()
)


@cache
def _insert(dialect: str) -> Insert:
    result: Insert = _insert_many(dialect).returning(*_COLUMNS)  # type: ignore[assignment]  # the same, columns typed
    return result


@cache
def _insert_many(dialect: str) -> Insert:
    statement = upsert(dialect, blobs)
    new = statement.excluded.lease_expires_at
    # A row that is being deleted is taken over: whoever marked it may have died. So is a damaged one, with all that
    # tells how its bytes are verified. The old location is an orphan then.
    stored = {
        name: case((blobs.c.state != LIVE, statement.excluded[name]), else_=blobs.c[name])
        for name in ("size", "location", "pieces")
    }
    later = case((blobs.c.lease_expires_at < new, new), else_=blobs.c.lease_expires_at)
    return statement.on_conflict_do_update(
        index_elements=[blobs.c.project, blobs.c.digest],
        set_={**stored, "state": LIVE, "lease_expires_at": later},
    )


@cache
def _insert_content(dialect: str) -> Insert:
    statement = upsert(dialect, blob_contents)
    # What is there may be damaged, or left from a row that was taken over. Mostly it is the same: nothing is written.
    return statement.on_conflict_do_update(
        index_elements=[blob_contents.c.project, blob_contents.c.digest],
        set_={"content": statement.excluded.content},
        where=blob_contents.c.content != statement.excluded.content,
    )


class SqlBlobRepository:
    """The rows of blobs, and the bytes of the small ones."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session

    def find(self, project: str, digests: Iterable[Digest]) -> dict[Digest, Blob]:
        """Return those of the blobs that may be read: live ones, and damaged ones, of which readers shall be told."""
        return {blob.digest: blob for blob in map(blob_of_row, self._rows(project, _texts(digests)))}

    def find_live(self, project: str, digests: Iterable[Digest]) -> dict[Digest, Blob]:
        """Return the live blobs among the digests."""
        found: dict[Digest, Blob] = {}
        for part in batches(_texts(digests)):
            rows = self._session.execute(_FIND_LIVE, {"project": project, "digests": part})
            found.update((blob.digest, blob) for blob in map(blob_of_row, rows))
        return found

    def mark_damaged(self, blob: Blob) -> None:
        """Let a blob count as missing from now on, unless other bytes have taken its place meanwhile."""
        self._session.execute(_MARK_DAMAGED, {**_key(blob), "p_location": blob.location})

    def mark_live(self, blob: Blob) -> bool:
        """Let a damaged blob be live again, unless other bytes have taken its place; return whether it was damaged."""
        key = {**_key(blob), "p_location": blob.location}
        return self._session.execute(_MARK_LIVE, key).one_or_none() is not None

    def lease(self, project: str, digests: Iterable[Digest], duration: timedelta) -> set[Digest]:
        """Lock the live blobs among the digests, keep them for ``duration`` at least, and return which they are."""
        live = self._lock(project, digests, shared=False)
        until = self._session.after(duration)
        for part in batches(sorted(digest.text for digest in live)):
            self._session.execute(_EXTEND, {"p_project": project, "digests": part, "until": until})
        return live

    def lock_live(self, project: str, digests: Iterable[Digest]) -> set[Digest]:
        """Return which of the digests are live, and stay so until the transaction ends."""
        return self._lock(project, digests, shared=True)

    def _rows(self, project: str, texts: Sequence[str]) -> Iterator[Row[Any]]:
        if len(texts) == 1:
            # As each load of one file does; a statement with a list is written anew whenever it runs.
            yield from self._session.execute(_FIND_ONE, {"project": project, "digest": texts[0]})
            return
        for part in batches(texts):
            yield from self._session.execute(_FIND, {"project": project, "digests": part})

    def _lock(self, project: str, digests: Iterable[Digest], *, shared: bool) -> set[Digest]:
        # Everybody locks in the same order, so two transactions never wait for each other.
        statement = self._session.locked(_LOCK, shared=shared)
        live: set[Digest] = set()
        for part in batches(_texts(digests)):
            rows = self._session.execute(statement, {"project": project, "digests": part}).scalars()
            live.update(Digest(text) for text in rows)
        return live

    def insert(self, blob: Blob, content: bytes | None, lease: timedelta) -> Blob:
        """Add a live blob, or keep and lease the live one that is there, and return the one that counts.

        A row that is ``deleting`` or ``damaged`` is taken over.
        """
        row = self._session.execute(_insert(self._session.dialect), _row(blob, self._session.after(lease))).one()
        counts = blob_of_row(row)
        if content is not None and not counts.location:
            self._session.execute(
                _insert_content(self._session.dialect),
                {"project": blob.project, "digest": blob.digest.text, "content": content},
            )
        return counts

    def insert_contents(self, contents: Sequence[tuple[Blob, bytes]], lease: timedelta) -> None:
        """Do as :meth:`insert` for many blobs that live in the database."""
        until = self._session.after(lease)
        # In one order, so two transactions never wait for each other.
        ordered = sorted(contents, key=lambda pair: pair[0].digest.text)
        rows = [_row(blob, until) for blob, _ in ordered]
        self._session.execute(_insert_many(self._session.dialect), rows)
        self._session.execute(
            _insert_content(self._session.dialect),
            [{"project": blob.project, "digest": blob.digest.text, "content": content} for blob, content in ordered],
        )

    def known_sizes(self, project: str, sizes: Iterable[int]) -> set[int]:
        """Return those of the sizes that some live blob with a location has."""
        known: set[int] = set()
        for part in batches(sorted(set(sizes))):
            known.update(self._session.execute(_KNOWN_SIZES, {"project": project, "sizes": part}).scalars())
        return known

    def content(self, blob: Blob) -> bytes:
        """Return the bytes of a blob that lives in the database."""
        key = {"project": blob.project, "digest": blob.digest.text}
        content = self._session.execute(_CONTENT, key).scalar_one_or_none()
        if content is None:
            raise BlobNotFound(f"blob {blob.digest} was deleted", resource=f"blob {blob.digest}")
        return bytes(content)

    def contents(self, project: str, digests: Iterable[Digest]) -> dict[Digest, bytes]:
        """Return the bytes of those of the blobs that live in the database."""
        found: dict[Digest, bytes] = {}
        for part in batches(_texts(digests)):
            rows = self._session.execute(_CONTENTS, {"project": project, "digests": part})
            found.update((Digest(row.digest), bytes(row.content)) for row in rows)
        return found

    def unreachable(self, after: Blob | None, limit: int, grace: timedelta = NO_GRACE) -> list[Blob]:
        """Return blobs that may go, by project and digest: unreferenced with an expired lease, or ``deleting``."""
        start = {"project": after.project, "digest": after.digest.text} if after else {"project": "", "digest": ""}
        rows = self._session.execute(_CANDIDATES, {**start, "now": self._session.after(-grace), "rows": limit})
        return [blob_of_row(row) for row in rows]

    def mark_deleting(self, blobs: Sequence[Blob], grace: timedelta = NO_GRACE) -> list[Blob]:
        """Turn those of the blobs that still are unreachable into ``deleting``; return those that are, as they are."""
        marked: list[Blob] = []
        for part in batches([(blob.project, blob.digest.text) for blob in blobs]):
            if self._session.locks:
                # Rows others hold are about to be used or marked. The others are asked once more now that they are
                # locked: a reference may have come before.
                locked = _OF_THESE.with_for_update(skip_locked=True)
                part = [(row.project, row.digest) for row in self._session.execute(locked, {"ids": part})]
            before = self._session.after(-grace)
            keys = [{"p_project": project, "p_digest": digest, "now": before} for project, digest in part]
            if keys:
                self._session.execute(_MARK, keys)
            marked += [blob_of_row(row) for row in self._session.execute(_MARKED, {"ids": part})]
        return marked

    def remove(self, blobs: Sequence[Blob]) -> None:
        """Remove the rows of ``deleting`` blobs whose locations are gone."""
        if not blobs:
            return
        if self._session.locks:
            # Whoever saves the same bytes just now takes the row over. A statement that waited for the bytes would go
            # by what the row was when it began; one that waited for the row itself finds it live.
            deleting = self._deleting([(blob.project, blob.digest.text) for blob in blobs])
            blobs = [blob for blob in blobs if (blob.project, blob.digest.text) in deleting]
            if not blobs:
                return
        # Also of those with a location: they may have taken over a row whose bytes were in the database.
        self._session.execute(_REMOVE_CONTENT, [_key(blob) for blob in blobs])
        self._session.execute(_REMOVE, [{**_key(blob), "p_location": blob.location} for blob in blobs])

    def _deleting(self, ids: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Lock those of the rows that are ``deleting``, and return which they are."""
        statement = _MARKED.with_for_update()
        rows = [row for part in batches(ids) for row in self._session.execute(statement, {"ids": part})]
        return {(row.project, row.digest) for row in rows}

    def known_locations(self, locations: Sequence[str], grace: timedelta = NO_GRACE) -> set[str]:
        """Return those of the locations that a blob row, or an open upload, names."""
        known: set[str] = set()
        expired = self._session.after(-grace)
        for part in batches(locations):
            known.update(self._session.execute(_LOCATIONS, {"locations": part}).scalars())
            ids = [location.rpartition("/")[2].partition(".")[0] for location in part]
            writers = self._session.execute(_WRITERS, {"ids": ids, "now": expired})
            known.update(upload_location(row.id, row.writer) for row in writers)
        return known.intersection(locations)


def _texts(digests: Iterable[Digest]) -> list[str]:
    return sorted({digest.text for digest in digests})


def _key(blob: Blob) -> dict[str, str]:
    return {"p_project": blob.project, "p_digest": blob.digest.text}


def _row(blob: Blob, lease_expires_at: int) -> dict[str, object]:
    return {
        "project": blob.project,
        "digest": blob.digest.text,
        "size": blob.size,
        "location": blob.location,
        "pieces": blob.pieces,
        "state": LIVE,
        "lease_expires_at": lease_expires_at,
    }


def blob_of_row(row: Row[Any]) -> Blob:
    """Return the blob of a row that has its columns."""
    return Blob(row.project, Digest(row.digest), row.size, row.location, bytes(row.pieces))
