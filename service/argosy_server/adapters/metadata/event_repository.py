"""What changed, in order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.rows.times import moment
from argosy_server.adapters.metadata.schema.event_epoch import xid_number
from argosy_server.adapters.metadata.schema.tables import events, store
from argosy_server.domain.event import Event, EventFact, Position

_JSON = json.JSONEncoder(ensure_ascii=False)


def _up_to(xid: str, seq: str) -> ColumnElement[bool]:
    return or_(events.c.xid < bindparam(xid), and_(events.c.xid == bindparam(xid), events.c.seq <= bindparam(seq)))


_OLD = events.c.created_at < bindparam("before")
_NEWEST_OLD = select(events.c.xid, events.c.seq).where(_OLD).order_by(events.c.xid.desc(), events.c.seq.desc()).limit(1)
_REMOVE = delete(events).where(_OLD, _up_to("last_xid", "last_seq"))
_HORIZON = select(store.c.events_removed_xid, store.c.events_removed_seq, store.c.epoch)
_FORGET = (
    update(store)
    .where(
        or_(
            store.c.events_removed_xid < bindparam("last_xid"),
            and_(
                store.c.events_removed_xid == bindparam("last_xid"), store.c.events_removed_seq < bindparam("last_seq")
            ),
        )
    )
    .values(events_removed_xid=bindparam("last_xid"), events_removed_seq=bindparam("last_seq"))
)


@cache
def _append(dialect: str) -> Insert:
    xid = literal(0) if dialect == "sqlite" else xid_number(func.pg_current_xact_id())
    columns: dict[str, Any] = {name: bindparam(name) for name in ("project", "kind", "payload", "created_at")}
    # Nobody needs the number of the row, so it is not asked for.
    return insert(events).values(xid=xid, **columns).inline()


@cache
def _settled(dialect: str) -> Select[Any]:
    """Return the query for events that none can precede any more: on PostgreSQL a transaction may commit late."""
    statement = select(events)
    if dialect == "sqlite":
        return statement
    return statement.where(events.c.xid < xid_number(func.pg_snapshot_xmin(func.pg_current_snapshot())))


@cache
def _after(dialect: str, of_project: bool) -> Select[Any]:
    # Written so that each database can begin at this place of an index, also where many events have one xid.
    later = tuple_(events.c.xid, events.c.seq) > tuple_(bindparam("xid"), bindparam("seq"))
    statement = _settled(dialect).where(later)
    if dialect == "sqlite":
        # There all have the same xid, and the number of the row is the order.
        statement = _settled(dialect).where(events.c.seq > bindparam("seq"))
        statement = statement.where(events.c.xid == 0) if of_project else statement
    if of_project:
        statement = statement.where(events.c.project == bindparam("project"))
    order = (events.c.seq,) if dialect == "sqlite" else (events.c.xid, events.c.seq)
    return statement.order_by(*order).limit(bindparam("limit"))


@cache
def _newest(dialect: str) -> Select[Any]:
    order = (events.c.seq.desc(),) if dialect == "sqlite" else (events.c.xid.desc(), events.c.seq.desc())
    return _settled(dialect).with_only_columns(events.c.xid, events.c.seq).order_by(*order).limit(1)


class SqlEventRepository:
    """What changed, in an order in which nothing ever appears before what was read already.

    Attributes:
        appended: whether this transaction wrote an event.
    """

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session
        self._horizon: Row[Any] | None = None
        self.appended = False

    def append(self, project: str, kind: str, facts: Mapping[str, EventFact]) -> None:
        """Write an event row."""
        self.append_many(project, [(kind, facts)])

    def append_many(self, project: str, many: Sequence[tuple[str, Mapping[str, EventFact]]]) -> None:
        """Write an event row for each kind and its facts, in this order."""
        self.appended = True
        row = {"project": project, "created_at": self._session.now()}
        rows = [{**row, "kind": kind, "payload": _JSON.encode(dict(facts))} for kind, facts in many]
        self._session.execute(_append(self._session.dialect), rows)

    def after(self, position: Position, limit: int, project: str = "") -> list[Event]:
        """Return the next events after a position, in order."""
        params: dict[str, Any] = {"seq": position.seq, "limit": limit}
        if self._session.dialect != "sqlite":
            params["xid"] = position.xid
        if project:
            params["project"] = project
        return [_to_event(row) for row in self._session.execute(_after(self._session.dialect, bool(project)), params)]

    def newest(self) -> Position:
        """Return the position of the newest event, also when it was forgotten since."""
        row = self._session.execute(_newest(self._session.dialect)).one_or_none()
        return max(self.forgotten(), Position(row.xid, row.seq) if row else Position(0, 0))

    def forgotten(self) -> Position:
        """Return the position of the newest event that was forgotten."""
        horizon = self._read_horizon()
        return Position(horizon.events_removed_xid, horizon.events_removed_seq)

    def epoch(self) -> str:
        """Return which order of events the positions are of."""
        return str(self._read_horizon().epoch)

    def remove_older_than(self, age: timedelta) -> int:
        """Forget events older than ``age``, remember how far, and return how many they were."""
        before = self._session.after(-age)
        row = self._session.execute(_NEWEST_OLD, {"before": before}).one_or_none()
        if row is None:
            return 0
        last = {"last_xid": row.xid, "last_seq": row.seq}
        self._session.execute(_FORGET, last)
        self._horizon = None
        return self._session.execute(_REMOVE, {"before": before, **last}).rowcount

    def _read_horizon(self) -> Row[Any]:
        """Return what is said of all events, asked once in a transaction."""
        if self._horizon is None:
            self._horizon = self._session.execute(_HORIZON).one()
        return self._horizon


def _to_event(row: Row[Any]) -> Event:
    return Event(
        position=Position(row.xid, row.seq),
        project=row.project,
        kind=row.kind,
        facts=json.loads(row.payload),
        created_at=moment(row.created_at),
    )
