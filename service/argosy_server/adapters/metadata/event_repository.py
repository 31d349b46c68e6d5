"""What changed, in order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Insert, Text, bindparam, cast, delete, func, insert, literal

from argosy_server.adapters.metadata.session import Session
from argosy_server.adapters.metadata.tables import events
from argosy_server.adapters.metadata.texts import dump

_REMOVE = delete(events).where(events.c.created_at < bindparam("before"))


@cache
def _append(dialect: str) -> Insert:
    xid = literal(0) if dialect == "sqlite" else cast(cast(func.pg_current_xact_id(), Text), BigInteger)
    columns: dict[str, Any] = {name: bindparam(name) for name in ("project", "kind", "payload", "created_at")}
    # Nobody needs the number of the row, so it is not asked for.
    return insert(events).values(xid=xid, **columns).inline()


class SqlEventRepository:
    """What changed, in order, for watchers to come."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session

    def append(self, project: str, kind: str, payload: Mapping[str, str]) -> None:
        """Write an event row."""
        self._session.execute(
            _append(self._session.dialect),
            {"project": project, "kind": kind, "payload": dump(payload), "created_at": self._session.now()},
        )

    def remove_older_than(self, age: timedelta) -> int:
        """Forget events older than ``age`` and return how many."""
        return self._session.execute(_REMOVE, {"before": self._session.after(-age)}).rowcount
