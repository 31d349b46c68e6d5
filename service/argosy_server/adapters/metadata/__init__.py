"""Metadata in a relational database: SQLite for one machine, PostgreSQL for a fleet.

Only :func:`open_metadata` is meant for others. Importing this package loads no database library.
"""

from __future__ import annotations

from typing import Literal

from argosy_server.usecases.ports import MetadataStore


def open_metadata(url: str, *, durability: Literal["full", "process"], create: bool = True) -> MetadataStore:
    """Open the database, creating it or bringing its schema up to date first.

    Args:
        url: ``sqlite:////absolute/path/meta.db`` or ``postgresql://user:password@host/name``.
        durability: ``full`` survives power loss, ``process`` any crash of processes. PostgreSQL is always ``full``.
        create: whether it is created or brought up to date, or must be there and be so.

    Raises:
        StorageUnavailable: the URL is malformed, the database cannot be reached or written, lies on a network file
            system, has a schema this version does not know, or is not there.
        StorageFull: there is no room to create it.
    """
    from argosy_server.adapters.metadata.unit_of_work import SqlMetadataStore

    return SqlMetadataStore.open(url, durability, create=create)
