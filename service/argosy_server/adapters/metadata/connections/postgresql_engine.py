"""Connections to PostgreSQL: how they are made, what they are told first, and how many there are."""

from __future__ import annotations

import difflib
import os
import weakref
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from argosy_server.domain.errors import StorageUnavailable

OLDEST_POSTGRESQL = 13
"""The first with ``pg_current_xact_id``."""
CONNECTIONS = 32
"""Most that transactions of one process use at once."""
POOL_TIMEOUT_SECONDS = 10.0
"""How long a transaction waits for one of them: less than clients wait for an answer."""
SECRETS = ("password", "sslpassword")
"""Options of libpq that a URL may name in its query and that no message may show."""
_OPTIONS = {
    "connect_timeout": "10",
    # A server that vanished without a word is noticed, instead of being waited for without end.
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "application_name": "argosy-server",
    "client_encoding": "utf8",
}
_SETTINGS = {
    # Whoever stands still, or vanished without a word, in a transaction holds rows that others wait for. Clients give
    # one server 15 s: the rows are free, and who waits for them is told to try again, before that.
    "idle_in_transaction_session_timeout": "8s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
    "lock_timeout": "12s",
    # Compiling a plan takes longer than any of our statements shall.
    "jit": "off",
    "TimeZone": "UTC",
}
_ORIGIN_KEY = "argosy_origin"
_ORIGIN = (
    (
        "SELECT system_identifier || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '/' || oid"
        " FROM pg_control_system(), pg_database WHERE datname = current_database()"
    ),
    # Some who offer PostgreSQL let nobody ask for more.
    "SELECT oid FROM pg_database WHERE datname = current_database()",
)
_SETTINGS_FROM_14 = {"client_connection_check_interval": "5s"}


def postgresql_engine(url: URL) -> Engine:
    """Make the engine of a PostgreSQL database. Nothing is connected yet.

    Raises:
        StorageUnavailable: the driver is not installed, or the URL has an option that is none.
    """
    try:
        engine = create_engine(
            url,
            # Transactions begin by a statement of ours, which finds out whether the connection still lives.
            isolation_level="AUTOCOMMIT",
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_SECONDS,
            # So that those of a busy hour are not kept in turn, and may be closed by the server.
            pool_use_lifo=True,
            connect_args={name: text for name, text in _OPTIONS.items() if name not in url.query},
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StorageUnavailable(
            "a PostgreSQL database needs the driver psycopg, which is not installed; pip install 'argosy[postgres]'"
        ) from error
    except ArgumentError:
        raise StorageUnavailable(
            "the database URL is malformed: hosts and ports in its query do not go together; write "
            "postgresql://user:password@host:port/name, or ?host=first:5432&host=second:5432 for several"
        ) from None
    _check_options(engine.url)
    event.listen(engine, "connect", _set_up)
    return engine


def without_secrets(url: URL) -> URL:
    """Return a URL without the passwords of its query."""
    return url.difference_update_query(SECRETS)


def origin_of(connection: Connection) -> str:
    """Return which cluster, timeline and database a connection leads to, as it was when that was made."""
    return str(connection.info[_ORIGIN_KEY])


def take_from_pool(connection: Connection) -> Any:
    """Return the connection of psycopg behind one of SQLAlchemy, which forgets it: the caller closes it."""
    session: Any = connection.connection.dbapi_connection
    connection.detach()
    _taken.add(session)
    return session


def _check_options(url: URL) -> None:
    # psycopg finds these when it connects, and says so as if they were a mistake of ours.
    from psycopg import pq

    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    for name in url.query:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            cure = f"did you mean {near[0]}?" if near else "take it out; it may have those of libpq, such as sslmode"
            raise StorageUnavailable(f"the database URL has {name!r} in its query, which is no option; {cure}")
    timeout = url.query.get("connect_timeout", "0")
    if not (isinstance(timeout, str) and timeout.removeprefix("-").isdecimal()):
        raise StorageUnavailable(
            f"the database URL has connect_timeout={timeout!r}; write a whole number of seconds, as in "
            "postgresql://user:password@host/name?connect_timeout=10"
        )


def _set_up(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    driver: Any = connection
    try:
        version = driver.info.server_version // 10_000
        _check_version(version)
        _check_encoding(driver.info.parameter_status("server_encoding"), driver.info.dbname)
        settings = {**_SETTINGS, **(_SETTINGS_FROM_14 if version >= 14 else {})}
        driver.autocommit = True
        pairs = [text for setting in settings.items() for text in setting]
        driver.execute(f"SELECT {', '.join(['set_config(%s, %s, false)'] * len(settings))}", pairs)
        entry.info[_ORIGIN_KEY] = _ask_origin(driver)
    except BaseException:
        driver.close()
        raise


def _ask_origin(driver: Any) -> str:
    import psycopg

    for question in _ORIGIN:
        try:
            return str(driver.execute(question).fetchone()[0])
        except psycopg.errors.InsufficientPrivilege:
            continue
    return ""


def _check_encoding(encoding: str, database: str) -> None:
    if encoding != "UTF8":
        raise StorageUnavailable(
            f"the database {database!r} has the encoding {encoding}, which does not hold every name; create one with "
            f"CREATE DATABASE {database} ENCODING 'UTF8' TEMPLATE template0"
        )


def _let_go_in_child() -> None:
    for session in list(_taken):
        # Kept for ever and never closed, which would end what the parent still does. But the server shall hear when the
        # parent has gone, though the child lives on.
        _inherited.append(session)
        if not session.closed:
            os.close(session.fileno())
    _taken.clear()


def _check_version(version: int) -> None:
    if version < OLDEST_POSTGRESQL:
        raise StorageUnavailable(
            f"the database server is PostgreSQL {version}, which is too old; use one of version {OLDEST_POSTGRESQL} "
            "or newer"
        )


_taken: weakref.WeakSet[Any] = weakref.WeakSet()
_inherited: list[Any] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)
