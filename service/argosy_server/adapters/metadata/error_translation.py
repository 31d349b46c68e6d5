"""What the database refuses, said in the words of the domain."""

from __future__ import annotations

import shutil

from sqlalchemy.exc import DBAPIError, OperationalError

from argosy_server.domain.errors import DomainError, StorageFull, StorageUnavailable

ROOM_TO_WORK = 1 << 20
"""With less free space than these bytes, an I/O error of SQLite is a full disk: its shared memory file cannot grow."""
_POSTGRESQL_FULL = "53100"
_POSTGRESQL_UNAVAILABLE = ("08", "40", "53", "55", "57", "58", "25006")
"""Classes of SQLSTATE: connection, rollback, resources, not in the right state, operator, system; and read-only."""
_FULL_CURE = "free some space; what is stored can still be read"
_CURES = {
    "database is locked": "another process kept it locked for a minute; try again, or look for a stopped process",
    "unable to open database file": "check that its directory exists and can be written",
    "attempt to write a readonly database": "make the file and its directory writable for this user",
    "file is not a database": "it is no SQLite file; choose another path or restore it from a backup",
    "database disk image is malformed": "it is damaged; restore it from a backup",
    "disk i/o error": "check the disk, and that the file was not removed or replaced while in use",
}


def translate(error: DBAPIError, database: str) -> DomainError | None:
    """Return the domain error that says the same, ``None`` when the error is a defect of ours.

    Args:
        error: what SQLAlchemy raised.
        database: path of the SQLite file, or the URL of the server without its password.
    """
    sqlstate = getattr(error.orig, "sqlstate", None)
    if isinstance(sqlstate, str):
        return _postgresql(error, sqlstate, database)
    if "postgresql" in database.partition(":")[0]:
        return _unreachable(error, database) if isinstance(error, OperationalError) else None
    return _sqlite(str(error.orig), database)


def _sqlite(text: str, database: str) -> DomainError | None:
    resource = f"database {database}"
    lower = text.lower()
    if "disk is full" in lower or ("disk i/o error" in lower and _is_full(database)):
        return StorageFull(f"no room left for {database}; {_FULL_CURE}", resource=resource)
    for symptom, cure in _CURES.items():
        if symptom in lower:
            return StorageUnavailable(f"{database}: {text}; {cure}", resource=resource)
    return None


def _postgresql(error: DBAPIError, sqlstate: str, database: str) -> DomainError | None:
    if sqlstate == _POSTGRESQL_FULL:
        return StorageFull(f"{database} has no room left: {error.orig}; {_FULL_CURE}", resource=f"database {database}")
    if sqlstate.startswith(_POSTGRESQL_UNAVAILABLE):
        return _unreachable(error, database)
    return None


def _unreachable(error: DBAPIError, database: str) -> StorageUnavailable:
    text = " ".join(str(error.orig).split())
    cure = "check that the server runs and that URL, user and password are right, then try again"
    return StorageUnavailable(f"{database}: {text}; {cure}", resource=f"database {database}")


def _is_full(path: str) -> bool:
    try:
        return shutil.disk_usage(path).free < ROOM_TO_WORK
    except OSError:
        return False
