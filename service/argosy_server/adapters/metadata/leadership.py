"""Which one of the processes over a database does the work that one is enough for.

A lock that ends with whoever holds it: on PostgreSQL one of the session of a connection, beside SQLite one of a file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from argosy_server.domain.errors import StorageFull, StorageUnavailable

_KEY = 0x617267_6C656164
_TRY = text("SELECT pg_try_advisory_lock(:key)")
"""Locks of this kind are those of one database: others on the same server have their own."""
_HELD = text("SELECT 1")


class FileLeadership:
    """A lock of a file, held or not."""

    def __init__(self, lock: FileLock | None) -> None:
        """Take a lock that was acquired, ``None`` when another process has it."""
        self._lock = lock
        self._owner = os.getpid()

    def __bool__(self) -> bool:
        """Tell whether this process leads; a child after a fork does not."""
        return self._lock is not None and self._owner == os.getpid()


class SessionLeadership:
    """A lock of a session of PostgreSQL, which ends with its connection."""

    def __init__(self, connection: Connection, held: bool) -> None:
        """Take a connection that nobody else uses."""
        self._connection = connection
        self._held = held
        self._owner = os.getpid()

    def __bool__(self) -> bool:
        """Ask the session whether it still lives; a child after a fork does not lead."""
        if not self._held or self._owner != os.getpid():
            return False
        try:
            self._connection.execute(_HELD)
        except DBAPIError:
            self._held = False
        return self._held

    def end(self) -> None:
        """Close the session, and with it the lock; in a child it is the parent's, and left alone."""
        if self._owner == os.getpid():
            self._connection.close()


@contextmanager
def lead_by_file(path: str) -> Iterator[FileLeadership]:
    """Lead over a SQLite file, unless another does, until the block ends.

    Raises:
        StorageUnavailable, StorageFull: the lock file cannot be made.
    """
    lock = FileLock(f"{path}.leader", thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield FileLeadership(None)
        return
    except OSError as error:
        refusal = StorageFull if error.errno == errno.ENOSPC else StorageUnavailable
        raise refusal(
            f"{path}.leader cannot be locked: {error.strerror}; make its directory writable for this user",
            resource=f"database {path}",
        ) from error
    owner = os.getpid()
    try:
        yield FileLeadership(lock)
    finally:
        if owner == os.getpid():
            lock.release()


@contextmanager
def lead_by_session(connection: Connection) -> Iterator[SessionLeadership]:
    """Lead over a database of PostgreSQL, unless another does, until the block ends or the connection is lost.

    Args:
        connection: a new one, that commits each statement; closed at the end.

    Raises:
        DBAPIError: the connection was lost at once.
    """
    leadership = SessionLeadership(connection, held=False)
    try:
        leadership = SessionLeadership(connection, bool(connection.execute(_TRY, {"key": _KEY}).scalar_one()))
        yield leadership
    finally:
        leadership.end()


def own_connection(engine: Engine) -> Connection:
    """Return a connection that commits each statement, and that the pool knows nothing of any more.

    Raises:
        DBAPIError: the database cannot be reached.
    """
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()
    return connection
