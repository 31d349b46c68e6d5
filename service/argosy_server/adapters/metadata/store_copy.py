"""The rows of a store on their way to another database, of the same kind or the other one.

The target is made with a row in ``store`` that has the id of the source and says that the copy is not finished, so
nobody can open it, and whoever copies again knows whose it is. All rows come in one transaction; what was there is
removed in the same. Only then is the source marked as moved, and after that the target opened: at no time can both be
written.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, RootTransaction, Row, func, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from argosy_server.adapters.metadata.connections.engine import Durability, begin, describe, make_engine, parse_url
from argosy_server.adapters.metadata.connections.file_system import refuse_network_file_system
from argosy_server.adapters.metadata.connections.leadership import lead_by_file, lead_by_session
from argosy_server.adapters.metadata.connections.postgresql_engine import origin_of
from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.row_transfer import copied_tables, replace_rows, rows_to_copy
from argosy_server.adapters.metadata.schema.closed_store import (
    HALF_DONE,
    MOVED_CURE,
    mark_moved,
    moved_to,
)
from argosy_server.adapters.metadata.schema.error_translation import translate
from argosy_server.adapters.metadata.schema.preparation import HEAD, create, require, revision_of
from argosy_server.adapters.metadata.schema.tables import metadata, store
from argosy_server.domain.blob import Blob
from argosy_server.domain.errors import StorageFull, StorageUnavailable
from argosy_server.domain.identifiers import new_id
from argosy_server.usecases.ports.row_copy import TargetState

LOCK_SECONDS = 60
"""How long writers of a PostgreSQL source may keep us waiting."""
DEADLOCKS = 20
"""Writers lock tables in orders of their own; either of us may be the one PostgreSQL stops."""
_DEADLOCK = "40P01"
_ROOM = {
    "sqlite": text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"),
    "postgresql": text("SELECT pg_database_size(current_database())"),
}


class SqlRowCopy:
    """The rows of one store on their way to another database."""

    def __init__(self, source_url: str, target_url: str, durability: Durability) -> None:
        """Connect to the source, which must be there and up to date.

        Raises:
            StorageUnavailable: a URL is malformed, a driver is not installed, or the source is not there, cannot be
                reached, has another schema or is itself a copy that was not finished.
        """
        source, target = parse_url(source_url), parse_url(target_url)
        self._source = make_engine(source, durability)
        self._target = make_engine(target, durability)
        self._source_name, self._target_name = describe(self._source.url), describe(self._target.url)
        try:
            with self._at_source():
                self._store_id = require(self._source)
        except BaseException:
            self.close()
            raise

    @property
    def store_id(self) -> str:
        """Id of the store."""
        return self._store_id

    @property
    def source_name(self) -> str:
        """What messages call the source."""
        return self._source_name

    @property
    def target_name(self) -> str:
        """What messages call the target."""
        return self._target_name

    def moved_to(self) -> str:
        """Return where the source has moved to, ``""`` while it is in use."""
        with self._at_source(), self._source.connect() as connection:
            return moved_to(_store_row(connection).closed)

    def target_state(self) -> TargetState:
        """Look at the target and change nothing."""
        if self._source.url == self._target.url:
            raise StorageUnavailable(f"source and target are the same database, {self._target_name}; name another one")
        if self._target.dialect.name == "sqlite":
            path = Path(self._target_name)
            refuse_network_file_system(path)
            # Not to be connected to: that would make the file.
            if not path.exists():
                return TargetState.EMPTY
        with self._at_target(), self._target.connect() as connection:
            return self._state(connection)

    def _state(self, connection: Connection) -> TargetState:
        present = set(inspect(connection).get_table_names())
        revision = revision_of(connection, present)
        cure = "choose an empty database"
        if revision is None:
            if taken := sorted(present & set(metadata.tables)):
                raise StorageUnavailable(
                    f"{self._target_name} has tables of other software named like ours ({', '.join(taken)}); {cure}"
                )
            return TargetState.EMPTY
        if revision != HEAD:
            raise StorageUnavailable(
                f"{self._target_name} holds a store, or a copy that was begun, with schema {revision}, and this "
                f"version of argosy uses {HEAD}; {cure}"
            )
        row = _store_row(connection)
        if row.id != self._store_id:
            raise StorageUnavailable(f"{self._target_name} holds another store (id {row.id}); {cure}")
        if went := moved_to(row.closed):
            raise StorageUnavailable(f"{self._target_name} held this store until it moved to {went}; {cure}")
        return TargetState.HALF_DONE if row.closed == HALF_DONE else TargetState.COMPLETE

    def counts(self) -> Mapping[str, int]:
        """Return how many rows of each table would be copied."""
        dialect = self._source.dialect.name
        with self._at_source(), self._source.connect() as connection:
            return {
                table.name: connection.execute(
                    select(func.count()).select_from(rows_to_copy(table, dialect, 0).subquery())
                ).scalar_one()
                for table in copied_tables()
            }

    def room_needed(self) -> tuple[str, int]:
        """Return the folder of the target and the bytes it takes about; ``("", 0)`` when it is no file."""
        if self._target.dialect.name != "sqlite":
            return "", 0
        with self._at_source(), self._source.connect() as connection:
            size = connection.execute(_ROOM[self._source.dialect.name]).scalar_one()
        return str(Path(self._target_name).parent), int(size)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Keep others from copying into the target, and those who serve it from cleaning it, until the block ends."""
        leading: AbstractContextManager[object]
        if self._target.dialect.name == "sqlite":
            _make_folder(Path(self._target_name).parent)
            leading = lead_by_file(self._target_name)
        else:
            with self._at_target():
                leading = lead_by_session(self._target)
        with leading as held:
            if not held:
                raise StorageUnavailable(
                    f"another process copies into {self._target_name}, or serves it; let it end, and try again"
                )
            yield

    def begin(self) -> None:
        """Make the tables of the target unless they are there, and say of it that it is a copy under way."""

        def seed(connection: Connection) -> None:
            connection.execute(
                store.insert(), {"id": self._store_id, "created_at": 0, "epoch": new_id(), "closed": HALF_DONE}
            )

        with self._at_target():
            create(self._target, seed)

    @contextmanager
    def freeze(self) -> Iterator[SqlFrozenRows]:
        """Hold the write lock of the source, until the block ends."""
        with self._at_source():
            connection, transaction = _locked(self._source)
        with connection:
            if went := moved_to(_store_row(connection).closed):
                raise StorageUnavailable(f"{self._source_name} has moved to {went} meanwhile; {MOVED_CURE}")
            yield SqlFrozenRows(self, connection)
            with self._at_source():
                transaction.commit()

    def replace_rows(
        self, source: Connection, damaged: Collection[Blob], advance: Callable[[int], None]
    ) -> Mapping[str, int]:
        """Do what ``FrozenRows.copy`` says."""
        row = _store_row(source)._asdict()
        if source.dialect.name != "sqlite":
            # Events get other numbers, so nobody may go on from where they were.
            row.update(events_removed_xid=0, events_removed_seq=0, epoch=new_id())
        with self._at_target(), self._target.connect() as target, begin(target, writes=True):
            _never_time_out(target)
            if self._state(target) is not TargetState.HALF_DONE:
                # Somebody else has finished it since it was looked at.
                raise StorageUnavailable(
                    f"{self._target_name} is in use as a store meanwhile; choose an empty database",
                    resource=f"database {self._target_name}",
                )
            now = Session(target, writes=True).now()
            # Numbered here, or by nobody: what is copied comes before all that follows.
            row["events_origin"] = "" if target.dialect.name == "sqlite" else origin_of(target)
            counts = replace_rows(source, target, damaged, advance, now)
            target.execute(update(store).values({**row, "closed": HALF_DONE}))
        return counts

    def publish(self) -> None:
        """Let the target be opened: from now on it is the store."""
        with self._at_target(), self._target.connect() as connection, begin(connection, writes=True):
            connection.execute(
                update(store).where(store.c.id == self._store_id, store.c.closed == HALF_DONE).values(closed="")
            )

    def close(self) -> None:
        """Give all connections back."""
        self._source.dispose()
        self._target.dispose()

    @contextmanager
    def _at_source(self) -> Iterator[None]:
        with _translated(self._source_name):
            yield

    @contextmanager
    def _at_target(self) -> Iterator[None]:
        with _translated(self._target_name):
            yield


class SqlFrozenRows:
    """The rows of the source while nobody can write to them."""

    def __init__(self, copy: SqlRowCopy, connection: Connection) -> None:
        """Take a connection whose transaction holds the lock."""
        self._copy = copy
        self._connection = connection

    def copy(self, damaged: Collection[Blob], advance: Callable[[int], None]) -> Mapping[str, int]:
        """Replace all rows of the target by those of the source, in one transaction."""
        return self._copy.replace_rows(self._connection, damaged, advance)

    def mark_moved(self, place: str) -> None:
        """Let the source refuse every write once the lock is given back, and tell where it went."""
        mark_moved(self._connection, place)


def _locked(engine: Engine) -> tuple[Connection, RootTransaction]:
    """Return a connection and its transaction, during which nobody can write."""
    for attempt in range(1, DEADLOCKS + 1):
        connection = engine.connect()
        try:
            transaction = begin(connection, writes=True)
            if connection.dialect.name != "sqlite":
                _never_time_out(connection)
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
                # The mode in which triggers can be made; who reads is not kept waiting.
                # Writers take tables in an order of their own: against one of the two they deadlock less.
                tables = ", ".join(sorted(metadata.tables, reverse=attempt % 2 == 0))
                connection.exec_driver_sql(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")
        except DBAPIError as error:
            connection.close()
            if getattr(error.orig, "sqlstate", None) != _DEADLOCK or attempt == DEADLOCKS:
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection, transaction
    raise AssertionError("the loop returns or raises")


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refusal = StorageFull if error.errno == errno.ENOSPC else StorageUnavailable
        raise refusal(f"{path} cannot be made: {error.strerror}; choose a folder that can be written") from error


def _never_time_out(connection: Connection) -> None:
    """Let a transaction of PostgreSQL last, and wait for the other database, as long as it takes."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def _store_row(connection: Connection) -> Row[Any]:
    return connection.execute(select(store)).one()


@contextmanager
def _translated(database: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        known = translate(error, database)
        if known is None:
            raise
        raise known from error
