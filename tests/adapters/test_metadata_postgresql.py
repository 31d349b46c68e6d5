"""The contract of ``MetadataStore`` on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from argosy_server.adapters.metadata import open_metadata
from argosy_server.usecases.ports import MetadataStore
from tests.backends.postgres import drop_database, new_database
from tests.contracts.metadata import MetadataContract


@cache
def empty_store() -> str:
    """Return the URL of a database with our tables and nothing in them: copying it is quicker than making them."""
    url = new_database()
    open_metadata(url, durability="full").close()
    return url


class TestPostgresql(MetadataContract):
    @pytest.fixture
    def store(self) -> Iterator[MetadataStore]:
        url = new_database(like=empty_store())
        store = open_metadata(url, durability="full")
        yield store
        store.close()
        drop_database(url)
