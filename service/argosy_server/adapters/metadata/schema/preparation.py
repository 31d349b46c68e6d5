"""Creation of the database, and bringing an older schema up to date.

A fresh database is made from the tables as they are now, which a test proves equal to what the migrations make; so
alembic is loaded only when a migration is due. Both happen under a lock, because any number of processes may open a
new home at once.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select, text

from argosy_server.adapters.metadata.connections.engine import begin, describe
from argosy_server.adapters.metadata.connections.file_system import refuse_network_file_system
from argosy_server.adapters.metadata.connections.postgresql_engine import origin_of
from argosy_server.adapters.metadata.schema.closed_store import refuse_closed, refuse_half_done
from argosy_server.adapters.metadata.schema.event_epoch import settle
from argosy_server.adapters.metadata.schema.tables import metadata, share_conditions_with_postgresql, store
from argosy_server.domain.errors import StorageFull, StorageUnavailable
from argosy_server.domain.identifiers import new_id

HEAD = "0005"
"""The newest revision under ``migrations/versions``."""
LOCK_TIMEOUT_SECONDS = 120
_ADVISORY_LOCK = 0x617267_6F7379
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_WAIT_LONGER = text(
    "SELECT set_config('lock_timeout', :lock, true), set_config('idle_in_transaction_session_timeout', '0', true)"
)
_VERSION = text("SELECT version_num FROM alembic_version")
_MAKE_VERSION = text(
    "CREATE TABLE alembic_version "
    "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
_SET_VERSION = text("INSERT INTO alembic_version (version_num) VALUES (:head)")


def prepare(engine: Engine) -> str:
    """Create the database or bring its schema up to date where needed, and return the id of the store.

    Raises:
        StorageUnavailable: the place is unfit, or the schema is newer than this version knows or not ours.
        StorageFull: no room for the lock file or the directory.
        DBAPIError: whatever else the database says.
    """
    create(engine, seed_store)
    with engine.connect() as connection:
        return _id_of_open_store(connection)


def create(engine: Engine, seed: Callable[[Connection], None]) -> None:
    """Do as :func:`prepare`, but let ``seed`` give a new database its row in ``store``, and do not look at it.

    Raises:
        StorageUnavailable, StorageFull, DBAPIError: as for :func:`prepare`.
    """
    if engine.dialect.name == "sqlite":
        _prepare_file(engine, Path(str(engine.url.database)), seed)
    else:
        _prepare_server(engine, seed)


def require(engine: Engine) -> str:
    """Return the id of a store whose database is there and up to date; change nothing.

    Raises:
        StorageUnavailable: it is not there, is not ours, or has another schema than this version uses.
        DBAPIError: whatever else the database says.
    """
    database = describe(engine.url)
    if engine.dialect.name == "sqlite" and not Path(database).is_file():
        raise StorageUnavailable(
            f"{database} does not exist, so this is no store; name the folder or the database of one",
            resource=f"database {database}",
        )
    with engine.connect() as connection:
        present = set(inspect(connection).get_table_names())
        revision = revision_of(connection, present)
        if revision is None or store.name not in present:
            raise StorageUnavailable(
                f"{database} is no database of a store; name the folder or the database of one",
                resource=f"database {database}",
            )
        if revision != HEAD:
            raise StorageUnavailable(
                f"{database} has schema {revision}, and this version of argosy uses {HEAD}; start a server of this "
                "version once, which brings an older one up to date, or upgrade argosy",
                resource=f"database {database}",
            )
        row = connection.execute(select(store.c.id, store.c.closed)).one()
    # One that has moved may still be looked at.
    refuse_half_done(row.closed, database)
    return str(row.id)


def _id_of_open_store(connection: Connection) -> str:
    row = connection.execute(select(store.c.id, store.c.closed)).one()
    refuse_closed(row.closed, describe(connection.engine.url))
    return str(row.id)


def revision_of(connection: Connection, present: set[str]) -> str | None:
    """Return the revision of the schema of a database that has these tables, ``None`` when it has no schema of ours."""
    return connection.execute(_VERSION).scalar_one_or_none() if "alembic_version" in present else None


def _prepare_file(engine: Engine, path: Path, seed: Callable[[Connection], None]) -> None:
    refuse_network_file_system(path)
    if path.is_file() and _is_ready(engine):
        return
    with _file_lock(path):
        with engine.connect() as connection:
            # Must come before the first table, and cannot be changed in a transaction.
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA auto_vacuum=INCREMENTAL")
            driver.execute("PRAGMA journal_mode=WAL")
        with engine.connect() as connection, begin(connection, writes=True):
            _create_or_migrate(connection, seed)


def _is_ready(engine: Engine) -> bool:
    """Tell whether nothing has to be done. A database somebody creates just now is not ready yet."""
    with engine.connect() as connection:
        if connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() != "wal":
            return False
        tables = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
        return tables.one_or_none() is not None and connection.execute(_VERSION).scalar_one_or_none() == HEAD


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock", timeout=LOCK_TIMEOUT_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise StorageUnavailable(
            f"another process has been creating or migrating {path} for {LOCK_TIMEOUT_SECONDS} seconds; try again",
            resource=f"database {path}",
        ) from None
    except OSError as error:
        refusal = StorageFull if error.errno == errno.ENOSPC else StorageUnavailable
        raise refusal(
            f"{path.parent} cannot hold a database: {error.strerror}; choose a directory that can be written",
            resource=f"database {path}",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _prepare_server(engine: Engine, seed: Callable[[Connection], None]) -> None:
    share_conditions_with_postgresql()
    with engine.connect() as connection, begin(connection, writes=True):
        connection.execute(_WAIT_LONGER, {"lock": f"{LOCK_TIMEOUT_SECONDS}s"})
        # Looked at and changed after that, so that of those who come at once the second one finds all done.
        connection.execute(_LOCK, {"key": _ADVISORY_LOCK})
        _create_or_migrate(connection, seed)
        settle(connection, origin_of(connection))


def settle_again(engine: Engine) -> str:
    """Begin a new epoch of the events where a database of PostgreSQL was restored while it was open.

    Returns:
        where it is now, as :func:`place_of_events`.

    Raises:
        DBAPIError: whatever the database says.
    """
    with engine.connect() as connection, begin(connection, writes=True):
        connection.execute(_LOCK, {"key": _ADVISORY_LOCK})
        settle(connection, origin_of(connection))
        return origin_of(connection)


def place_of_events(engine: Engine) -> str:
    """Return which cluster, timeline and database of PostgreSQL number the events, ``""`` for SQLite."""
    if engine.dialect.name == "sqlite":
        return ""
    with engine.connect() as connection:
        return origin_of(connection)


def _create_or_migrate(connection: Connection, seed: Callable[[Connection], None]) -> None:
    database = describe(connection.engine.url)
    present = set(inspect(connection).get_table_names())
    revision = revision_of(connection, present)
    if revision is None:
        _create(connection, present, database, seed)
    elif revision != HEAD:
        _migrate(connection, revision, database)


def _create(connection: Connection, present: set[str], database: str, seed: Callable[[Connection], None]) -> None:
    if present & set(metadata.tables):
        raise StorageUnavailable(
            f"{database} has tables of other software named like ours ({', '.join(sorted(present))}); "
            "choose another database",
            resource=f"database {database}",
        )
    metadata.create_all(connection, checkfirst=False)
    connection.execute(_MAKE_VERSION)
    connection.execute(_SET_VERSION, {"head": HEAD})
    seed(connection)


def seed_store(connection: Connection) -> None:
    """Give a new database its identity."""
    store_id = new_id()
    # The first epoch is named as the store; later ones, if any, are not.
    connection.execute(store.insert(), {"id": store_id, "created_at": time.time_ns() // 1000, "epoch": store_id})


def _migrate(connection: Connection, revision: str, database: str) -> None:
    from argosy_server.adapters.metadata.schema import migrate

    if not migrate.is_known(revision):
        raise StorageUnavailable(
            f"{database} has schema {revision}, which is newer than {HEAD}, the newest this version of argosy knows; "
            "upgrade argosy, or choose another database",
            resource=f"database {database}",
        )
    migrate.upgrade(connection)
