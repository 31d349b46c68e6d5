from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from argosy_server.adapters.metadata import open_metadata
from argosy_server.usecases.ports import MetadataStore
from tests.contracts.metadata import MetadataContract

Durability = Literal["full", "process"]


class SqliteContract(MetadataContract):
    durability: Durability

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[MetadataStore]:
        store = open_metadata(f"sqlite:///{tmp_path}/meta.db", durability=self.durability)
        yield store
        store.close()


class TestSqliteThatSurvivesPowerLoss(SqliteContract):
    durability: Durability = "full"


class TestSqliteThatSurvivesCrashesOfProcesses(SqliteContract):
    durability: Durability = "process"
