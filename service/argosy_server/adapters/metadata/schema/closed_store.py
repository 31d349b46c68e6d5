"""Stores that take nothing: one that has moved elsewhere, and a copy that is not finished.

``store.closed`` says why, to whoever opens it. A store that has moved also refuses every write by triggers, so that
processes which have it open, whatever their version, lose nothing there: their callers are told to come again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from argosy_server.adapters.metadata.connections.engine import describe
from argosy_server.adapters.metadata.schema.tables import metadata, store
from argosy_server.domain.errors import StorageUnavailable

HALF_DONE = "copy"
MOVED = "moved to "
HAS_MOVED = "this store has moved to "
"""What the refusals of the triggers begin with."""
MOVED_CURE = "use that; to come back, migrate it into a new folder or database"
_WHY = select(store.c.closed)


def moved_to(closed: str) -> str:
    """Return where a store went that is closed for this reason, ``""`` when it has not moved."""
    return closed.removeprefix(MOVED) if closed.startswith(MOVED) else ""


def refuse_half_done(closed: str, database: str) -> None:
    """Refuse a copy that is not finished.

    Raises:
        StorageUnavailable: it is one.
    """
    if closed == HALF_DONE:
        raise StorageUnavailable(
            f"{database} is a copy of a store that was not finished; run the same argosy-server migrate again, which "
            "goes on where it stopped, or remove the copy",
            resource=f"database {database}",
        )


def refuse_closed(closed: str, database: str) -> None:
    """Refuse a store that takes nothing.

    Raises:
        StorageUnavailable: it has moved, or is a copy that is not finished.
    """
    refuse_half_done(closed, database)
    if closed:
        raise StorageUnavailable(
            f"{database}: {HAS_MOVED}{moved_to(closed)}; {MOVED_CURE}", resource=f"database {database}"
        )


def check_open(connection: Connection) -> None:
    """Refuse to go on, inside a transaction, with a store that has moved meanwhile.

    Raises:
        StorageUnavailable: it has.
    """
    refuse_closed(connection.execute(_WHY).scalar_one(), describe(connection.engine.url))


def mark_moved(connection: Connection, place: str) -> None:
    """Close a store, once the transaction commits: it has moved to ``place``."""
    connection.execute(update(store).values(closed=f"{MOVED}{place}"))
    message = f"{HAS_MOVED}{place}".replace("'", "''")
    # The driver's own: a place may hold what SQLAlchemy takes for parameters.
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        for table in metadata.tables:
            for verb in ("INSERT", "UPDATE", "DELETE"):
                driver.execute(
                    f"CREATE TRIGGER moved_{verb.lower()}_{table} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
                )
        return
    tag = "$moved$"
    # The state of the class that means: this is not the time for it.
    body = f"BEGIN RAISE EXCEPTION USING MESSAGE = '{message}', ERRCODE = '55000'; END"
    driver.execute(f"CREATE FUNCTION moved() RETURNS trigger LANGUAGE plpgsql AS {tag}{body}{tag}")
    for table in metadata.tables:
        driver.execute(
            f"CREATE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION moved()"
        )
