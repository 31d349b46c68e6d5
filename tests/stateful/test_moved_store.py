"""A store filled by a random sequence of calls moves in between, and stays the store the model knows.

On its way through SQLite and PostgreSQL it is compared row by row each time; the calls after a move, retries of those
before it among them, are answered as if there had been none.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack, suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import select

from argosy_server.adapters.metadata.connections.engine import make_engine, parse_url
from argosy_server.adapters.metadata.row_transfer import rows_to_copy
from argosy_server.adapters.metadata.schema.tables import metadata
from argosy_server.bootstrap import build, open_store_copy
from argosy_server.config import StoreConfig
from argosy_server.embedded import EmbeddedChannel
from argosy_server.usecases.upkeep.copy_store import CopyReport, copy_store
from argosy_server.usecases.upkeep.verify_store import VerifyReport, verify_store
from tests.backends.postgres import drop_database, new_database
from tests.stateful.places import FolderPlace, open_in_process
from tests.stateful.store_machine import StoreMachine

MOST_MOVES = 2


def rows_of(url: str) -> dict[str, list[Any]]:
    """The rows of a database as a copy has them."""
    engine = make_engine(parse_url(url), "process")
    try:
        with engine.connect() as connection:
            found = {}
            for table in metadata.sorted_tables:
                rows = connection.execute(rows_to_copy(table, connection.dialect.name, 0))
                found[table.name] = sorted(map(repr, rows))
            [state] = connection.execute(select(metadata.tables["store"])).all()
            return {**found, "store": [state.id, state.created_at]}
    finally:
        engine.dispose()


class MovingPlace(FolderPlace):
    """A new folder to begin with, and then wherever the store has moved to, beside it: none may be inside another."""

    moved_to: StoreConfig | None = None

    def __init__(self) -> None:
        super().__init__()
        self.homes = self.home
        self.home = self.homes / "move0"

    @property
    def config(self) -> StoreConfig:
        return self.moved_to or super().config

    def open(self) -> EmbeddedChannel:
        return super().open() if self.moved_to is None else open_in_process(self.moved_to)

    def remove(self) -> None:
        shutil.rmtree(self.homes)


class MovingStoreMachine(StoreMachine):
    """The machine of one store, which moves now and then."""

    place: MovingPlace

    def __init__(self) -> None:
        super().__init__()
        self.moves = 0
        self.databases: list[str] = []

    def new_place(self) -> MovingPlace:
        return MovingPlace()

    @precondition(lambda self: self.moves < MOST_MOVES)
    @rule(kind=st.sampled_from(["sqlite", "postgresql"]))
    def move(self, kind: str) -> None:
        self.close_all()
        self.moves += 1
        database = ""
        if kind == "postgresql":
            self.databases.append(database := new_database())
        source = self.place.config
        target = StoreConfig(self.place.homes / f"move{self.moves}", database, durability="process")
        before = rows_of(source.database_url)
        with ExitStack() as stack:
            copy = open_store_copy(source, target)
            stack.callback(copy.close)
            copy_store(copy.source, copy.rows, copy.target, CopyReport(), jobs=2)
        assert rows_of(target.database_url) == {**before, "uploads": []}
        self.place.moved_to = target
        self.sweeper = build(target)
        assert list(verify_store(self.sweeper.metadata, self.sweeper.storage, VerifyReport())) == []
        self.channels = [self.place.open(), self.place.open()]

    def close_all(self) -> None:
        self.sweeper.close()
        for channel in self.channels:
            channel.close()

    def teardown(self) -> None:
        super().teardown()
        for database in self.databases:
            with suppress(Exception):
                drop_database(database)


TestMovedStore = MovingStoreMachine.TestCase
TestMovedStore.settings = settings(
    max_examples=10,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
