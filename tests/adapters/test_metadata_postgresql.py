"""The contract of ``MetadataStore`` on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from argosy_server.adapters.metadata import open_metadata
from argosy_server.usecases.ports import MetadataStore
from tests.adapters.conftest import empty_store
from tests.backends.postgres import drop_database, new_database
from tests.contracts.metadata import MetadataContract


class TestPostgresql(MetadataContract):
    @pytest.fixture
    def store(self) -> Iterator[MetadataStore]:
        url = new_database(like=empty_store())
        store = open_metadata(url, durability="full")
        yield store
        store.close()
        drop_database(url)
