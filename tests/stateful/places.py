"""Where the store of a state machine is: a folder, a database of PostgreSQL, a bucket."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from argosy_server.bootstrap import build
from argosy_server.config import StoreConfig
from argosy_server.embedded import EmbeddedChannel, open_channel
from tests.adapters.conftest import empty_store
from tests.backends.object_store import ObjectStore
from tests.backends.postgres import connect, drop_database, new_database


class NoSweep:
    """Stands where an embedded store sweeps now and then: here the machine does."""

    def finish(self) -> None:
        """Do nothing."""


def open_in_process(config: StoreConfig) -> EmbeddedChannel:
    """Open a store, wherever it is, as an embedded one is opened."""
    return EmbeddedChannel(build(config), cast("Any", NoSweep()))


class FolderPlace:
    """A new folder, with SQLite and files in it."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="argosy-stateful-"))

    @property
    def config(self) -> StoreConfig:
        """What opens the store."""
        return StoreConfig(self.home, durability="process")

    def open(self) -> EmbeddedChannel:
        """Return one more way to the store."""
        return open_channel(self.home)

    def alter(self, statement: str) -> None:
        """Change the database behind the back of the service."""
        with closing(sqlite3.connect(self.home / "metadata.db", timeout=30)) as database, database:
            database.execute(statement)

    def remove(self) -> None:
        """Remove everything; nobody may use the store any more."""
        shutil.rmtree(self.home)


class PostgresqlPlace(FolderPlace):
    """A new database of PostgreSQL, and files in a new folder."""

    def __init__(self) -> None:
        self.database = new_database(like=empty_store())
        super().__init__()

    @property
    def config(self) -> StoreConfig:
        return replace(super().config, database=self.database)

    def open(self) -> EmbeddedChannel:
        return open_in_process(self.config)

    def alter(self, statement: str) -> None:
        with connect(self.database) as connection:
            connection.execute(statement.encode())

    def remove(self) -> None:
        super().remove()
        drop_database(self.database)


class BucketPlace(PostgresqlPlace):
    """A new database of PostgreSQL, and objects below a prefix that nobody else uses."""

    def __init__(self, bucket: ObjectStore) -> None:
        """Begin empty; the environment must lead to the bucket."""
        super().__init__()
        self.bucket = replace(bucket, prefix=uuid4().hex)

    @property
    def config(self) -> StoreConfig:
        return replace(super().config, blobs=self.bucket.url)
