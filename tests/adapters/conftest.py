"""Databases of both kinds for what must hold on either."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from argosy_server.adapters.metadata import open_metadata
from argosy_server.usecases.ports import MetadataStore
from tests.backends.postgres import connect, drop_database, new_database


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/metadata.db"
        return
    database = new_database(like=empty_store())
    yield database
    drop_database(database)


@pytest.fixture
def store(url: str) -> Iterator[MetadataStore]:
    """A new, empty store on either database."""
    store = open_metadata(url, durability="process")
    yield store
    store.close()


@cache
def empty_store() -> str:
    """Return the URL of a PostgreSQL database with our tables: to copy it is quicker than to make them."""
    url = new_database()
    open_metadata(url, durability="full").close()
    with connect(url) as connection:
        # As if the copies were new, and not restored from what had been elsewhere.
        connection.execute("UPDATE store SET events_origin = ''")
    return url
