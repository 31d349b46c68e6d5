"""Connections: how they are set up and how their transactions begin."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from sqlalchemy import URL, Connection, Engine, QueuePool, RootTransaction, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from argosy_server.adapters.metadata.tables import share_conditions_with_postgresql
from argosy_server.domain.errors import StorageUnavailable

BUSY_TIMEOUT_SECONDS = 60
OLDEST_SQLITE = (3, 35, 0)
"""The first with RETURNING."""
POOL_SIZE = 32
CHECKPOINT_PAGES = 4000
"""Pages of 4 KiB in SQLite's log before they move to the database, which waits for the disk twice.

A small save writes some 25, many of them those of the save before, so waiting longer also moves fewer.
"""
SQLITE = "sqlite://"
"""What the URL of a file begins with; a slash and the percent-encoded path follow."""

Durability = Literal["full", "process"]


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
    except ArgumentError:
        raise StorageUnavailable(f"the database URL is malformed; {rule}") from None
    backend = url.get_backend_name()
    if backend in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    raise StorageUnavailable(f"{backend!r} databases are not supported; {rule}")


def _sqlite_url(text: str, rule: str) -> URL:
    # SQLAlchemy would take the path apart at '?', and decode '%' in some versions and in others not.
    path, question_mark, _ = text.removeprefix(SQLITE).partition("?")
    if path in {"", "/", "/:memory:"} or not path.startswith("/"):
        raise StorageUnavailable(f"{text!r} names no file; {rule}")
    if question_mark:
        raise StorageUnavailable(f"{text!r} has a query; write %3F for '?' in a path, and {rule}")
    return URL.create("sqlite+pysqlite", database=unquote(path[1:], errors="surrogateescape"))


def describe(url: URL) -> str:
    """Return how messages name the database: the file's path, or the URL without password and driver."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def make_engine(url: URL, durability: Durability) -> Engine:
    """Make the engine of a URL from :func:`parse_url`. Nothing is connected yet.

    Raises:
        StorageUnavailable: the driver is not installed, or SQLite is too old.
    """
    return _sqlite_engine(url, durability) if url.get_backend_name() == "sqlite" else _postgresql_engine(url)


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
    return engine


def begin(connection: Connection, *, writes: bool) -> RootTransaction:
    """Begin a transaction, which ends where its context does.

    Said here and not to a listener: an engine that has one looks for others at each statement.
    """
    transaction = connection.begin()
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


def _postgresql_engine(url: URL) -> Engine:
    share_conditions_with_postgresql()
    options: dict[str, Any] = {"pool_size": POOL_SIZE, "max_overflow": POOL_SIZE, "pool_pre_ping": True}
    try:
        return create_engine(url, **options)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StorageUnavailable(
            "a PostgreSQL database needs the driver psycopg, which is not installed; pip install 'argosy[postgres]'"
        ) from error
