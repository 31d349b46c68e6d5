from __future__ import annotations

import shutil
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from argosy_server.adapters.metadata.schema.error_translation import translate
from argosy_server.domain.errors import StorageFull, StorageUnavailable

Usage = namedtuple("Usage", "total used free")


class PostgresqlError(Exception):
    """What a PostgreSQL driver raises: an exception that carries the SQLSTATE."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("refused\nby the server")
        self.sqlstate = sqlstate


def wrapped(original: Exception) -> DBAPIError:
    return OperationalError("SELECT 1", None, original)


def test_a_lock_held_by_another_process_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "meta.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    waiting = sqlite3.connect(path, isolation_level=None, timeout=0)
    with pytest.raises(sqlite3.OperationalError) as caught:
        waiting.execute("BEGIN IMMEDIATE")
    holder.close()
    waiting.close()

    error = translate(wrapped(caught.value), str(path))
    assert isinstance(error, StorageUnavailable)
    assert str(path) in str(error)
    assert "try again" in str(error)


def test_a_database_that_may_only_be_read_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "meta.db"
    sqlite3.connect(path).close()
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError) as caught:
        reader.execute("CREATE TABLE t (x)")
    reader.close()

    error = translate(wrapped(caught.value), str(path))
    assert isinstance(error, StorageUnavailable)
    assert "writable" in str(error)


@pytest.mark.parametrize(("free", "kind"), [(0, StorageFull), (1 << 40, StorageUnavailable)])
def test_an_io_error_on_a_full_disk_means_the_disk_is_full(
    monkeypatch: pytest.MonkeyPatch, free: int, kind: type[Exception]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, free))

    assert type(translate(wrapped(sqlite3.OperationalError("disk I/O error")), "/meta.db")) is kind


def test_a_defect_of_ours_is_not_translated() -> None:
    assert translate(wrapped(sqlite3.OperationalError("no such table: x")), "/meta.db") is None
    assert translate(IntegrityError("", None, sqlite3.IntegrityError("FOREIGN KEY")), "/meta.db") is None


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("53100", StorageFull),
        ("08006", StorageUnavailable),
        ("40P01", StorageUnavailable),
        ("57P01", StorageUnavailable),
        ("25006", StorageUnavailable),
        (None, StorageUnavailable),
    ],
)
def test_refusals_of_postgresql_are_known_by_their_state(sqlstate: str | None, kind: type[Exception]) -> None:
    assert type(translate(wrapped(PostgresqlError(sqlstate)), "postgresql://db/argosy")) is kind


def test_a_wrong_statement_for_postgresql_is_a_defect() -> None:
    assert translate(wrapped(PostgresqlError("42601")), "postgresql://db/argosy") is None
