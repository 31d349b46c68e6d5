"""Uploads on their way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import bindparam, delete, select, update

from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.rows.times import moment
from argosy_server.adapters.metadata.schema.tables import uploads
from argosy_server.domain.blob import Upload, UploadState
from argosy_server.domain.errors import UploadNotFound
from argosy_server.domain.identifiers import Digest, new_id
from argosy_server.usecases.ports.repositories import NO_GRACE

_CHANGING = ("state", "writer", "epoch", "size", "digest", "pieces", "expires_at")
_INSERT = uploads.insert()
_GET = select(uploads).where(
    uploads.c.id == bindparam("id"),
    uploads.c.project == bindparam("project"),
    uploads.c.expires_at >= bindparam("now"),
)
_PUT = (
    update(uploads)
    .where(uploads.c.id == bindparam("p_id"), uploads.c.project == bindparam("p_project"))
    .values({name: bindparam(name) for name in _CHANGING})
)
_REMOVE = delete(uploads).where((uploads.c.expires_at < bindparam("now")) | (uploads.c.state != UploadState.OPEN.value))


class SqlUploadRepository:
    """Uploads on their way."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session

    def add(self, project: str, lease: timedelta) -> Upload:
        """Insert an open upload."""
        expires_at = moment(until := self._session.after(lease))
        upload = Upload(new_id(), project, UploadState.OPEN, "", 0, 0, None, b"", expires_at)
        self._session.execute(_INSERT, {"id": upload.id, "project": project, **_values(upload, until)})
        return upload

    def get(self, project: str, upload_id: str) -> Upload:
        """Return and lock an upload whose lease has not expired."""
        key = {"id": upload_id, "project": project, "now": self._session.now()}
        row = self._session.execute(self._session.locked(_GET), key).one_or_none()
        if row is None:
            raise _not_found(upload_id)
        digest = None if row.digest is None else Digest(row.digest)
        state, expires_at = UploadState(row.state), moment(row.expires_at)
        pieces = bytes(row.pieces)
        return Upload(row.id, row.project, state, row.writer, row.epoch, row.size, digest, pieces, expires_at)

    def put(self, upload: Upload, lease: timedelta) -> Upload:
        """Store an upload that was got in this transaction, changed or not, and renew its lease."""
        until = self._session.after(lease)
        key = {"p_id": upload.id, "p_project": upload.project}
        if self._session.execute(_PUT, {**key, **_values(upload, until)}).rowcount == 0:
            raise _not_found(upload.id)
        return replace(upload, expires_at=moment(until))

    def remove_expired(self, grace: timedelta = NO_GRACE) -> int:
        """Remove uploads that expired ``grace`` ago, were aborted or were committed; return how many."""
        return self._session.execute(_REMOVE, {"now": self._session.after(-grace)}).rowcount


def _values(upload: Upload, expires_at: int) -> dict[str, object]:
    return {
        "state": upload.state.value,
        "writer": upload.writer,
        "epoch": upload.epoch,
        "size": upload.size,
        "digest": None if upload.digest is None else upload.digest.text,
        "pieces": upload.pieces,
        "expires_at": expires_at,
    }


def _not_found(upload_id: str) -> UploadNotFound:
    return UploadNotFound(
        f"upload {upload_id} does not exist in this project, or its lease has expired; create a new one",
        resource=f"upload {upload_id}",
    )
