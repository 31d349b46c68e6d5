"""Replies kept under request ids."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from functools import cache

from sqlalchemy import bindparam, delete, select

from argosy_server.adapters.metadata.connections.session import Insert, Session, upsert
from argosy_server.adapters.metadata.schema.tables import replies
from argosy_server.domain.errors import RequestIdReused
from argosy_server.usecases.ports.repositories import KeptReply

_REPLIES = select(replies.c.request_id, replies.c.fingerprint, replies.c.reply).where(
    replies.c.project == bindparam("project")
)
_FIND = _REPLIES.where(replies.c.request_id.in_(bindparam("request_ids", expanding=True)))
_FIND_ONE = _REPLIES.where(replies.c.request_id == bindparam("request_id"))
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

    def find(self, project: str, request_ids: Collection[str]) -> dict[str, KeptReply]:
        """Return what is kept under those of the ids that are not new."""
        if len(request_ids) == 1:
            # As nearly always; a statement with a list is written anew whenever it runs.
            [request_id] = request_ids
            rows = self._session.execute(_FIND_ONE, {"project": project, "request_id": request_id})
        else:
            rows = self._session.execute(_FIND, {"project": project, "request_ids": sorted(request_ids)})
        return {row.request_id: KeptReply(bytes(row.fingerprint), bytes(row.reply)) for row in rows}

    def store(self, project: str, replies: Mapping[str, KeptReply]) -> None:
        """Keep replies by request id."""
        now = self._session.now()
        # In one order, so two transactions never wait for each other. One waits for another transaction that stores
        # something under the same id, and then finds it there.
        rows = [
            {
                "project": project,
                "request_id": request_id,
                "fingerprint": kept.fingerprint,
                "reply": kept.reply,
                "created_at": now,
            }
            for request_id, kept in sorted(replies.items())
        ]
        stored = set(self._session.execute(_store(self._session.dialect), rows).scalars())
        for request_id in replies:
            if request_id not in stored:
                raise RequestIdReused(
                    f"another request with the id {request_id!r} was served at the same time; "
                    "send it again for its reply"
                )

    def remove_older_than(self, age: timedelta) -> int:
        """Forget replies older than ``age`` and return how many."""
        return self._session.execute(_REMOVE, {"before": self._session.after(-age)}).rowcount
