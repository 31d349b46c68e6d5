from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from argosy_server.adapters.metadata import open_metadata
from argosy_server.adapters.metadata.connections import fork_gate
from argosy_server.adapters.metadata.schema.preparation import HEAD
from argosy_server.adapters.metadata.unit_of_work import SqlMetadataStore
from argosy_server.domain.artifact import VersionSelector
from argosy_server.domain.errors import StorageFull, StorageUnavailable
from argosy_server.usecases.ports import MetadataStore
from tests.contracts.metadata_facts import HOUR, SPEC, add, blob_of, get, save

FORKS = "ignore:.*multi-threaded:DeprecationWarning"
"""Newer Pythons warn of what these tests do on purpose."""
ADD_MANY = """
import sys
from argosy_server.adapters.metadata import open_metadata
from argosy_server.domain.artifact import ArtifactSpec, NewVersion
store = open_metadata(sys.argv[1], durability="process")
for _ in range(int(sys.argv[2])):
    with store.write() as tx:
        print(tx.artifacts.add_many("p", [NewVersion(ArtifactSpec(name="weights", format="json"), [])])[0].version)
print(store.store_id)
"""
OPEN_AND_LIST_MODULES = """
import sys
from argosy_server.adapters.metadata import open_metadata
assert "sqlalchemy" not in sys.modules
open_metadata(sys.argv[1], durability="process").close()
print(*(name for name in sys.modules if name.startswith(("alembic", "sqlalchemy.orm", "psycopg"))))
"""


def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/meta.db"


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> list[str]:
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    return output.split()


def test_sixteen_processes_open_a_fresh_database_at_once_and_get_exactly_the_next_numbers(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/new/home/meta.db"

    results = [finish(process) for process in [start(ADD_MANY, address, "5") for _ in range(16)]]

    assert len({result[-1] for result in results}) == 1
    assert sorted(int(number) for result in results for number in result[:-1]) == list(range(1, 81))


def test_a_writer_that_reads_first_is_not_overtaken(tmp_path: Path) -> None:
    # Two stores, since the writers of one queue anyway.
    first, second = (SqlMetadataStore.open(url(tmp_path), "process") for _ in range(2))
    later = threading.Thread(target=save, args=(second,))
    with first.write() as tx:
        assert tx.replies.find("p", {"r"}) == {}
        later.start()
        time.sleep(0.2)
        made = add(tx, "p", SPEC, [], None)
    later.join()

    assert (made.version, get(first).version) == ("1", "2")
    first.close()
    second.close()


def test_opening_loads_neither_alembic_nor_the_orm(tmp_path: Path) -> None:
    assert finish(start(OPEN_AND_LIST_MODULES, url(tmp_path))) == []
    assert finish(start(OPEN_AND_LIST_MODULES, url(tmp_path))) == []


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("process", 1)])
def test_connections_are_set_up_for_their_durability(tmp_path: Path, durability: Any, synchronous: int) -> None:
    store = SqlMetadataStore.open(url(tmp_path), durability)
    with store._engine.connect() as connection:
        settings = ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum", "busy_timeout", "wal_autocheckpoint")
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in settings]
    store.close()

    assert values == ["wal", synchronous, 1, 2, 60_000, 4000]


def test_a_database_opened_again_is_the_same(tmp_path: Path) -> None:
    first = open_metadata(url(tmp_path), durability="full")
    saved = save(first)
    first.close()
    second = open_metadata(url(tmp_path), durability="process")

    assert second.store_id == first.store_id
    assert get(second, id=saved.id) == saved
    second.close()


def test_a_creation_that_was_interrupted_is_done_again(tmp_path: Path) -> None:
    half = sqlite3.connect(tmp_path / "meta.db")
    half.execute("PRAGMA auto_vacuum=INCREMENTAL")
    half.execute("PRAGMA journal_mode=WAL")
    half.close()
    store = SqlMetadataStore.open(url(tmp_path), "full")

    assert save(store).version == "1"
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA auto_vacuum").scalar_one() == 2
    store.close()


def test_a_newer_schema_is_refused_by_name_with_the_cure(tmp_path: Path) -> None:
    open_metadata(url(tmp_path), durability="full").close()
    newer = sqlite3.connect(tmp_path / "meta.db")
    newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.commit()
    newer.close()

    with pytest.raises(StorageUnavailable, match=f"schema 9999, which is newer than {HEAD}.*upgrade argosy"):
        open_metadata(url(tmp_path), durability="full")


def test_tables_of_other_software_are_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "meta.db")
    other.execute("CREATE TABLE events (x)")
    other.close()

    with pytest.raises(StorageUnavailable, match="tables of other software"):
        open_metadata(url(tmp_path), durability="full")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "meta.db").write_bytes(b"no database" * 1000)

    with pytest.raises(StorageUnavailable, match="not a database"):
        open_metadata(url(tmp_path), durability="full")
    assert (tmp_path / "meta.db").read_bytes() == b"no database" * 1000


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageUnavailable, match="choose a directory"):
        open_metadata(f"sqlite:///{tmp_path}/file/meta.db", durability="full")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "malformed"),
        ("meta.db", "malformed"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://host/meta.db", "names no file"),
        ("sqlite:////tmp/meta.db?mode=ro", "has a query; write %3F for"),
        ("mysql://localhost/x", "'mysql' databases are not supported"),
    ],
)
def test_other_urls_are_refused_with_the_cure(address: str, message: str) -> None:
    with pytest.raises(StorageUnavailable, match=f"{message}.*write sqlite:////absolute"):
        open_metadata(address, durability="full")


def test_a_full_disk_refuses_writes_and_what_is_stored_stays_readable(tmp_path: Path) -> None:
    store = SqlMetadataStore.open(url(tmp_path), "full")
    saved = save(store)
    store.close()
    # The database may not grow any more, which SQLite reports as it reports a full disk.
    event.listen(store._engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count=1"))

    with pytest.raises(StorageFull, match="no room left"), store.write() as tx:
        tx.blobs.insert(blob_of(b"x" * 100_000), b"x" * 100_000, HOUR)
    assert get(store, id=saved.id) == saved
    store.close()


def test_a_database_that_disappears_is_unavailable(tmp_path: Path) -> None:
    store = open_metadata(url(tmp_path), durability="full")
    store.close()
    for path in tmp_path.iterdir():
        path.unlink()
    tmp_path.rmdir()

    with pytest.raises(StorageUnavailable, match="unable to open"):
        save(store)
    store.close()


def fork_and_save(store: MetadataStore) -> int:
    """Save in a forked child and return the number the version got."""
    child = os.fork()
    if child == 0:
        number = 255
        try:
            number = int(save(store).version)
        finally:
            os._exit(number)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings(FORKS)
def test_a_forked_process_makes_connections_of_its_own(tmp_path: Path) -> None:
    store = open_metadata(url(tmp_path), durability="process")

    assert [int(save(store).version), fork_and_save(store), int(save(store).version)] == [1, 2, 3]
    assert [fork_and_save(store), fork_and_save(store), int(save(store).version)] == [4, 5, 6]
    store.close()


@pytest.mark.filterwarnings(FORKS)
def test_a_fork_waits_for_transactions_of_other_threads(tmp_path: Path) -> None:
    store = open_metadata(url(tmp_path), durability="process")
    save(store)
    writing, reading = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with store.write() as tx:
            writing.set()
            time.sleep(0.2)
            add(tx, "p", SPEC, [], None)

    def read_slowly() -> None:
        with store.read() as tx:
            tx.artifacts.get("p", VersionSelector(name="weights"))
            reading.set()
            time.sleep(0.2)

    threads = [threading.Thread(target=write_slowly), threading.Thread(target=read_slowly)]
    for thread in threads:
        thread.start()
    writing.wait(60)
    reading.wait(60)

    assert fork_and_save(store) == 3
    for thread in threads:
        thread.join()
    assert save(store).version == "4"
    store.close()


@pytest.mark.filterwarnings(FORKS)
def test_after_waiting_in_vain_a_forked_child_can_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_gate, "PATIENCE_SECONDS", 0.05)
    store = open_metadata(url(tmp_path), durability="process")
    save(store)
    writing, forked = threading.Event(), threading.Event()

    def write_until_forked() -> None:
        with store.write():
            writing.set()
            forked.wait(60)

    writer = threading.Thread(target=write_until_forked)
    writer.start()
    writing.wait(60)
    child = os.fork()
    if child == 0:
        number = 255
        try:
            number = int(get(store).version)
        finally:
            os._exit(number)
    forked.set()
    writer.join()

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert save(store).version == "2"
    store.close()
