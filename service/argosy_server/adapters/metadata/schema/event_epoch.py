"""When the order of events begins anew: a database of PostgreSQL that is not where it was.

Events stand in the order of transaction numbers, which are those of one cluster. Restored from a dump elsewhere, or
from a backup to a moment in the past, a database counts on from another number. So ``store.events_origin`` says where
it counted last; a database that is opened anywhere else begins a new epoch. Cursors of the one before are refused.
"""

from __future__ import annotations

import logging

from sqlalchemy import BigInteger, ColumnElement, Connection, Text, cast, func, select, text, update

from argosy_server.adapters.metadata.schema.tables import events, store
from argosy_server.domain.identifiers import new_id

_log = logging.getLogger(__name__)


def xid_number(xid8: ColumnElement[object]) -> ColumnElement[int]:
    """Return a transaction number of PostgreSQL as one that can be compared."""
    return cast(cast(xid8, Text), BigInteger)


_NEXT_XID = xid_number(func.pg_snapshot_xmax(func.pg_current_snapshot()))
_IS_AHEAD = (store.c.events_removed_xid >= _NEXT_XID) | select(events.c.seq).where(events.c.xid >= _NEXT_XID).exists()
_STATE = select(store.c.events_origin, _IS_AHEAD.label("is_ahead"))
# Numbers that no row has, or had, so that none collides while the rows are moved.
_RENUMBER = text(
    "WITH places AS (SELECT seq, row_number() OVER (ORDER BY xid, seq) AS place FROM events),"
    " base AS (SELECT greatest((SELECT max(seq) FROM events), nextval(:sequence)) AS last)"
    " UPDATE events SET xid = 0, seq = base.last + places.place FROM places, base WHERE places.seq = events.seq"
)
_GO_ON = text("SELECT setval(:sequence, (SELECT max(seq) FROM events))")
_SEQUENCE = text("SELECT pg_get_serial_sequence('events', 'seq')")


def settle(connection: Connection, origin: str) -> None:
    """Begin a new epoch when the database is not where its events were numbered.

    Args:
        connection: in a transaction that writes, and that no other one of its kind runs beside.
        origin: where the database is now.

    Raises:
        DBAPIError: whatever the database says.
    """
    state = connection.execute(_STATE).one()
    if state.events_origin == origin and not state.is_ahead:
        return
    connection.execute(update(store).values(events_origin=origin))
    if not state.events_origin and not state.is_ahead:
        # It is new, or from before this was noted.
        return
    sequence = {"sequence": connection.execute(_SEQUENCE).scalar_one()}
    if connection.execute(_RENUMBER, sequence).rowcount:
        connection.execute(_GO_ON, sequence)
    begin_epoch(connection)
    connection.execute(update(store).values(restored_from=state.events_origin or "unknown"))
    _log.warning(
        "the database was restored or moved: watches begin anew, cursors from before are refused, and servers remove "
        "no bytes until argosy-server gc --execute was run"
    )


def begin_epoch(connection: Connection) -> None:
    """Let the cursors of before be refused; no event counts as forgotten any more."""
    connection.execute(update(store).values(epoch=new_id(), events_removed_xid=0, events_removed_seq=0))
