"""Metadata in a relational database: SQLite for one machine, PostgreSQL for a fleet.

Only the functions below are meant for others. Importing this package loads no database library.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from argosy_server.usecases.ports import MetadataStore

if TYPE_CHECKING:
    from argosy_server.usecases.ports.row_copy import RowCopy


def open_metadata(
    url: str,
    *,
    durability: Literal["full", "process"],
    create: bool = True,
    clock: Callable[[], int] = time.time_ns,
) -> MetadataStore:
    """Open the database, creating it or bringing its schema up to date first.

    Args:
        url: ``sqlite:////absolute/path/meta.db`` or ``postgresql://user:password@host/name``.
        durability: ``full`` survives power loss, ``process`` any crash of processes. PostgreSQL is always ``full``.
        create: whether it is created or brought up to date, or must be there and be so.
        clock: tells the nanoseconds since 1970 to SQLite; PostgreSQL has a clock of its own.

    Raises:
        StorageUnavailable: the URL is malformed, the database cannot be reached or written, lies on a network file
            system, has a schema this version does not know, or is not there.
        StorageFull: there is no room to create it.
    """
    from argosy_server.adapters.metadata.unit_of_work import SqlMetadataStore

    return SqlMetadataStore.open(url, durability, create=create, clock=clock)


def open_row_copy(source_url: str, target_url: str, *, durability: Literal["full", "process"]) -> RowCopy:
    """Connect to a database that is there and up to date, to copy its rows to another one.

    Raises:
        StorageUnavailable: a URL is malformed, or the source is not there, cannot be reached or has another schema.
    """
    from argosy_server.adapters.metadata.store_copy import SqlRowCopy

    return SqlRowCopy(source_url, target_url, durability)
