"""Which one of the processes over a database does the work that one is enough for.

A lock that ends with whoever holds it: on PostgreSQL one of the session of a connection, beside SQLite one of a file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, text

from argosy_server.adapters.metadata.connections.engine import connect
from argosy_server.adapters.metadata.connections.postgresql_engine import take_from_pool
from argosy_server.domain.errors import StorageFull, StorageUnavailable

if TYPE_CHECKING:
    from filelock import FileLock

_KEY = 0x617267_6C656164
_TRY = text("SELECT pg_try_advisory_lock(:key)")
"""Locks of this kind are those of one database: others on the same server have their own."""


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

    def __init__(self, session: Any) -> None:
        """Take a connection of psycopg that nobody else uses and whose session has the lock, ``None`` without it."""
        self._session = session
        self._owner = os.getpid()

    def __bool__(self) -> bool:
        """Ask the session whether it still lives; a child after a fork does not lead."""
        if self._session is None or self._session.closed or self._owner != os.getpid():
            return False
        import psycopg

        try:
            self._session.execute("SELECT 1")
        except psycopg.Error:
            self._session.close()
        return not self._session.closed

    def __enter__(self) -> SessionLeadership:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close the session, and with it the lock; in a child it is the parent's, and left alone."""
        if self._session is not None and self._owner == os.getpid():
            self._session.close()


@contextmanager
def lead_by_file(path: str) -> Iterator[FileLeadership]:
    """Lead over a SQLite file, unless another does, until the block ends.

    Raises:
        StorageUnavailable, StorageFull: the lock file cannot be made.
    """
    from filelock import FileLock, Timeout

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


def lead_by_session(engine: Engine) -> SessionLeadership:
    """Lead over a database of PostgreSQL, unless another does, until the connection is lost or closed.

    Raises:
        DBAPIError: the database cannot be reached.
    """
    connection, held = connect(engine, lambda session: session.execute(_TRY, {"key": _KEY}).scalar_one())
    if not held:
        connection.close()
        return SessionLeadership(None)
    return SessionLeadership(take_from_pool(connection))
