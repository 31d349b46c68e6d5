"""What the database refuses, said in the words of the domain."""

from __future__ import annotations

import shutil

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError, TimeoutError

from argosy_server.adapters.metadata.schema.closed_store import HAS_MOVED, MOVED_CURE
from argosy_server.domain.errors import DomainError, StorageFull, StorageUnavailable

ROOM_TO_WORK = 1 << 20
"""With less free space than these bytes, an I/O error of SQLite is a full disk: its shared memory file cannot grow."""
_POSTGRESQL_FULL = "53100"
_POSTGRESQL_UNAVAILABLE = ("08", "40", "53", "55", "57", "58", "25006", "25P03", "28", "3D000", "42501")
"""Classes of SQLSTATE: connection, rollback, resources, not in the right state, operator, system; read-only; stood
still; and who may not come in, has no such database, or may not make tables."""
_POSTGRESQL_CURES = {
    "password authentication failed": "check user and password of the URL",
    "no password supplied": "give a password in the URL, or in the file PGPASSFILE names",
    "no pg_hba.conf entry": "let the server's pg_hba.conf allow this user, database and address",
    "does not exist": "create the database or role first, or correct its name in the URL",
    "too many clients": "raise max_connections of the server, or run fewer processes",
    "remaining connection slots": "raise max_connections of the server, or run fewer processes",
    "permission denied": "let the user of the URL own the database, or grant it CREATE on the schema public",
    "read-only transaction": "use the URL of the primary server, not of a standby",
    "recovery is in progress": "use the URL of the primary server, not of a standby",
    "starting up": "it is recovering after a stop; try again in a moment",
    "shutting down": "try again once it runs again",
    "resolve host": "correct the host name in the URL",
    "name or service not known": "correct the host name in the URL",
    "connection is bad: invalid": "correct this option in the query of the URL",
    "invalid integer value": "correct this option in the query of the URL",
}
_ROLLED_BACK = ("40", "55P03")
_FULL_CURE = "free some space; what is stored can still be read"
_CURES = {
    "database is locked": "another process kept it locked for a minute; try again, or look for a stopped process",
    "unable to open database file": "check that its directory exists and can be written",
    "attempt to write a readonly database": "make the file and its directory writable for this user",
    "file is not a database": "it is no SQLite file; choose another path or restore it from a backup",
    "database disk image is malformed": "it is damaged; restore it from a backup",
    "disk i/o error": "check the disk, and that the file was not removed or replaced while in use",
}


def translate(error: SQLAlchemyError, database: str) -> DomainError | None:
    """Return the domain error that says the same, ``None`` when the error is a defect of ours.

    Args:
        error: what SQLAlchemy raised.
        database: path of the SQLite file, or the URL of the server without its password.
    """
    if isinstance(error, TimeoutError):
        return StorageUnavailable(
            f"{database}: all connections of this process stayed in use; try again, or run more processes",
            resource=f"database {database}",
        )
    if not isinstance(error, DBAPIError):
        return None
    if has_moved(error):
        where = _text(error).partition("CONTEXT:")[0].strip()
        return StorageUnavailable(f"{database}: {where}; {MOVED_CURE}", resource=f"database {database}")
    sqlstate = getattr(error.orig, "sqlstate", None)
    if isinstance(sqlstate, str):
        return _postgresql(error, sqlstate, database)
    if "postgresql" in database.partition(":")[0]:
        return _unreachable(error, database) if isinstance(error, OperationalError) else None
    return _sqlite(str(error.orig), database)


def has_moved(error: DBAPIError) -> bool:
    """Tell whether the store refused a write because it has moved."""
    return HAS_MOVED in str(error.orig)


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
    if sqlstate.startswith(_ROLLED_BACK):
        return StorageUnavailable(
            f"{database} undid the change because of another one at the same time: {_text(error)}; try again",
            resource=f"database {database}",
        )
    if sqlstate.startswith(_POSTGRESQL_UNAVAILABLE):
        return _unreachable(error, database)
    return None


def _unreachable(error: DBAPIError, database: str) -> StorageUnavailable:
    text = _text(error)
    cures = (cure for symptom, cure in _POSTGRESQL_CURES.items() if symptom in text.lower())
    cure = next(cures, "check that the server runs and that host and port of the URL are right, then try again")
    return StorageUnavailable(f"{database}: {text}; {cure}", resource=f"database {database}")


def _text(error: DBAPIError) -> str:
    """Return what the database said, in one line."""
    return " ".join(str(error.orig).split())


def _is_full(path: str) -> bool:
    try:
        return shutil.disk_usage(path).free < ROOM_TO_WORK
    except OSError:
        return False
