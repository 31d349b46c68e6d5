"""Replies kept under request ids."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from sqlalchemy import bindparam, delete, select

from argosy_server.adapters.metadata.session import Insert, Session, upsert
from argosy_server.adapters.metadata.tables import replies
from argosy_server.domain.errors import RequestIdReused

_FIND = select(replies.c.fingerprint, replies.c.reply).where(
    replies.c.project == bindparam("project"), replies.c.request_id == bindparam("request_id")
)
_REMOVE = delete(replies).where(replies.c.created_at < bindparam("before"))


@cache
def _store(dialect: str) -> Insert:
    kept = upsert(dialect, replies).on_conflict_do_nothing()
    result: Insert = kept.returning(replies.c.request_id)  # type: ignore[assignment]  # the same statement
    return result


class SqlReplyRepository:
    """Replies kept under request ids, so that a retried mutation changes nothing the second time."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session

    def find(self, project: str, request_id: str) -> tuple[bytes, bytes] | None:
        """Return (fingerprint of the request, reply), ``None`` when the id is new."""
        row = self._session.execute(_FIND, {"project": project, "request_id": request_id}).one_or_none()
        return None if row is None else (bytes(row.fingerprint), bytes(row.reply))

    def store(self, project: str, request_id: str, fingerprint: bytes, reply: bytes) -> None:
        """Keep a reply."""
        # Waits for another transaction that stores one under the same id, and then finds it there.
        stored = self._session.execute(
            _store(self._session.dialect),
            {
                "project": project,
                "request_id": request_id,
                "fingerprint": fingerprint,
                "reply": reply,
                "created_at": self._session.now(),
            },
        ).scalar_one_or_none()
        if stored is None:
            raise RequestIdReused(
                f"another request with the id {request_id!r} was served at the same time; send it again for its reply"
            )

    def remove_older_than(self, age: timedelta) -> int:
        """Forget replies older than ``age`` and return how many."""
        return self._session.execute(_REMOVE, {"before": self._session.after(-age)}).rowcount
