"""Connections: how they are set up and how their transactions begin."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import unquote

from sqlalchemy import URL, Connection, Engine, QueuePool, RootTransaction, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from argosy_server.adapters.metadata.connections.postgresql_engine import postgresql_engine, without_secrets
from argosy_server.domain.errors import StorageUnavailable

BUSY_TIMEOUT_SECONDS = 60
OLDEST_SQLITE = (3, 35, 0)
"""The first with RETURNING."""
POOL_SIZE = 32
CHECKPOINT_PAGES = 4000
"""Pages of 4 KiB in SQLite's log before they move to the database, which waits for the disk twice.

A small save writes some 25, many of them those of the save before, so waiting longer also moves fewer.
"""
BEGIN_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
"""Writers of PostgreSQL wait for rows: what they find then is the newest."""
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""Its readers get one view of the data, as those of SQLite do."""
SQLITE = "sqlite://"
"""What the URL of a file begins with; a slash and the percent-encoded path follow."""

Durability = Literal["full", "process"]
T = TypeVar("T")


def parse_url(text: str) -> URL:
    """Return the URL with the driver we use.

    Raises:
        StorageUnavailable: it is malformed, or names another kind of database.
    """
    rule = "write sqlite:////absolute/path/meta.db or postgresql://user:password@host/name"
    if text.startswith(SQLITE):
        return _sqlite_url(text, rule)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StorageUnavailable(f"the database URL is malformed; {rule}") from None
    backend = url.get_backend_name()
    if backend in {"postgresql", "postgres"}:
        return _postgresql_url(url)
    raise StorageUnavailable(f"{backend!r} databases are not supported; {rule}")


def _sqlite_url(text: str, rule: str) -> URL:
    # SQLAlchemy would take the path apart at '?', and decode '%' in some versions and in others not.
    path, question_mark, _ = text.removeprefix(SQLITE).partition("?")
    if path in {"", "/", "/:memory:"} or not path.startswith("/"):
        raise StorageUnavailable(f"{text!r} names no file; {rule}")
    if question_mark:
        raise StorageUnavailable(f"{text!r} has a query; write %3F for '?' in a path, and {rule}")
    return URL.create("sqlite+pysqlite", database=unquote(path[1:], errors="surrogateescape"))


def _postgresql_url(url: URL) -> URL:
    if "@" in (url.host or ""):
        # It ends a password in which it was not escaped, of which the rest would be shown as the host.
        raise StorageUnavailable(
            "the database URL is malformed: it has two '@'; write one in user or password as %40, as in "
            "postgresql://user:p%40ssword@host/name"
        )
    if not (url.database or "dbname" in url.query or "service" in url.query):
        raise StorageUnavailable(
            "the database URL names no database; write postgresql://user:password@host/name, and create it first"
        )
    return url.set(drivername="postgresql+psycopg")


def describe(url: URL) -> str:
    """Return how messages name the database: the file's path, or the URL without password and driver."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return without_secrets(url).set(drivername="postgresql").render_as_string(hide_password=True)


def make_engine(url: URL, durability: Durability) -> Engine:
    """Make the engine of a URL from :func:`parse_url`. Nothing is connected yet.

    Raises:
        StorageUnavailable: the driver is not installed, or SQLite is too old.
    """
    return _sqlite_engine(url, durability) if url.get_backend_name() == "sqlite" else postgresql_engine(url)


def _sqlite_engine(url: URL, durability: Durability) -> Engine:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise StorageUnavailable(f"SQLite {sqlite3.sqlite_version} is too old; use a Python with {oldest} or newer")
    engine = create_engine(
        url.set(database=str(Path(str(url.database)).absolute())),
        poolclass=QueuePool,
        pool_size=POOL_SIZE,
        # A thread that waited for a connection could hold up the one that would give it back.
        max_overflow=-1,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None, "check_same_thread": False},
    )
    synchronous = "FULL" if durability == "full" else "NORMAL"

    def set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        cursor.close()

    event.listen(engine, "connect", set_up)
    event.listen(engine, "invalidate", _end_transaction)
    return engine


def _end_transaction(connection: DBAPIConnection, *_: Any) -> None:
    """Give the lock of a writer that was interrupted back, before SQLAlchemy closes its connection.

    SQLite keeps a connection that is closed until its last statement is gone, and its transaction with it.
    """
    with suppress(sqlite3.Error):
        connection.rollback()


def connect(engine: Engine, first: Callable[[Connection], T]) -> tuple[Connection, T]:
    """Take a connection that lives, which the first thing that is done with it tells, and return what that returned.

    Args:
        engine: whose connection.
        first: changes nothing, so it may be done again on another connection when the one before was lost while idle.

    Raises:
        DBAPIError: the database cannot be reached, or refuses what was to be done.
        TimeoutError: all connections stayed in use.
    """
    connection = engine.connect()
    try:
        return connection, first(connection)
    except DBAPIError as error:
        connection.close()
        if not error.connection_invalidated:
            raise
    except BaseException:
        connection.close()
        raise
    connection = engine.connect()
    try:
        return connection, first(connection)
    except BaseException:
        connection.close()
        raise


def begin(connection: Connection, *, writes: bool) -> RootTransaction:
    """Begin a transaction, which ends where its context does.

    Said here and not to a listener: an engine that has one looks for others at each statement.

    Raises:
        DBAPIError: the database cannot be reached, or is busy.
    """
    transaction = connection.begin()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(BEGIN_WRITING if writes else BEGIN_READING)
        return transaction
    if connection.dialect.name == "sqlite" and writes:
        # A transaction that reads first and writes later fails at once when another wrote in between, whatever the
        # timeout; so writers take their lock from the start.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "sqlite":
        # Touches nothing before the first read, so there are no errors that SQLAlchemy would have to translate.
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("BEGIN")
    return transaction
