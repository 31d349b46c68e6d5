"""Rows on their way from any database to any other: every table and column, numbers that go on, nobody in between."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from argosy_server.adapters.metadata import open_metadata, open_row_copy
from argosy_server.adapters.metadata.row_transfer import NOT_COPIED
from argosy_server.adapters.metadata.schema.tables import metadata
from argosy_server.domain.blob import Blob
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.domain.identifiers import Digest
from argosy_server.usecases.ports.repositories import KeptReply
from argosy_server.usecases.ports.row_copy import TargetState
from tests.adapters.conftest import empty_store
from tests.adapters.copied_rows import (
    PAIRS,
    all_rows,
    copy,
    execute,
    fill,
    made_up_rows,
)
from tests.backends.postgres import drop_database, new_database


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Make a database of a kind, in which nothing is, and tell its URL."""
    made: list[str] = []

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/{len(list(tmp_path.iterdir()))}/metadata.db"
        made.append(new_database())
        return made[-1]

    yield make
    for url in made:
        drop_database(url)


@pytest.fixture
def stored(tmp_path: Path, fresh: Callable[[str], str]) -> Iterator[Callable[[str], str]]:
    """Make the database of a new store, and tell its URL."""
    made: list[str] = []

    def make(kind: str) -> str:
        if kind == "postgresql":
            made.append(new_database(like=empty_store()))
            return made[-1]
        url = f"sqlite:///{tmp_path}/source/metadata.db"
        open_metadata(url, durability="process").close()
        return url

    yield make
    for url in made:
        drop_database(url)


@pytest.mark.parametrize(("source_kind", "target_kind"), PAIRS)
def test_every_column_of_every_table_is_copied(
    stored: Callable[[str], str], fresh: Callable[[str], str], source_kind: str, target_kind: str
) -> None:
    source, target = stored(source_kind), fresh(target_kind)
    fill(source, source_kind)
    expected = all_rows(source)
    assert {name for name, rows in expected.items() if len(rows) != 2} == {"store"}

    counts = copy(source, target)

    copied = all_rows(target)
    for name in NOT_COPIED:
        assert name in {"uploads", "store"}
    assert copied.pop("uploads") == []
    del expected["uploads"]
    [store_before], [store_after] = expected.pop("store"), copied.pop("store")
    if source_kind == "postgresql":
        in_order = sorted(expected["events"], key=lambda row: (row["xid"], row["seq"]))
        expected["events"] = [{**row, "xid": 0, "seq": seq} for seq, row in enumerate(in_order, 1)]
        copied["events"].sort(key=lambda row: row["seq"])
        assert store_after["epoch"] not in {"", store_before["epoch"]}
        store_before["epoch"] = store_after["epoch"]
    assert bool(store_after.pop("events_origin")) == (target_kind == "postgresql")
    del store_before["events_origin"]
    assert copied == expected
    assert counts == dict.fromkeys(expected, 2)
    assert store_after == store_before


def test_the_rows_made_up_differ_in_every_column_that_is_no_key() -> None:
    """Or the test above could not see that two columns were exchanged."""
    rows = [row for _, row in made_up_rows("sqlite")]
    assert len(rows) == 2 * (len(metadata.tables) - 1)
    for table, row in made_up_rows("sqlite"):
        keys = {column.name for constraint in table.foreign_key_constraints for column in constraint.columns}
        keys.add("project")
        free = [value for name, value in row.items() if name not in keys and not isinstance(value, (bool, type(None)))]
        assert len(free) == len(set(free))


@pytest.mark.parametrize(("source_kind", "target_kind"), PAIRS)
def test_numbers_go_on_after_those_that_were_copied(
    stored: Callable[[str], str], fresh: Callable[[str], str], source_kind: str, target_kind: str
) -> None:
    source, target = stored(source_kind), fresh(target_kind)
    fill(source, source_kind)
    copy(source, target)
    for table in metadata.sorted_tables:
        if table.autoincrement_column is None:
            continue
        before = [row["seq"] for row in all_rows(target)[table.name]]
        row = next(row for other, row in made_up_rows(target_kind) if other is table)
        fresh_row = {name: f"another {value}" if isinstance(value, str) else value for name, value in row.items()}
        del fresh_row["seq"]
        keys = {column.name for constraint in table.foreign_key_constraints for column in constraint.columns}
        fresh_row.update({name: row[name] for name in keys})
        if table.name == "versions":
            fresh_row["ordinal"] = 7
        execute(target, table.insert(), **fresh_row)
        after = [row["seq"] for row in all_rows(target)[table.name]]
        assert set(after) - set(before) == {max(before) + 1}


@pytest.mark.parametrize("target_kind", ["sqlite", "postgresql"])
def test_numbers_of_events_that_were_forgotten_are_not_given_again(
    stored: Callable[[str], str], fresh: Callable[[str], str], target_kind: str
) -> None:
    source, target = stored("sqlite"), fresh(target_kind)
    with closing(open_metadata(source, durability="process")) as store, store.write() as tx:
        for number in range(5):
            tx.events.append("p", "version_created", {"number": str(number)})
    execute(source, "DELETE FROM events", "UPDATE store SET events_removed_seq = 5")
    copy(source, target)
    with closing(open_metadata(target, durability="process")) as store:
        with store.write() as tx:
            tx.events.append("p", "version_created", {"number": "5"})
        with store.read() as tx:
            [event] = tx.events.after(tx.events.forgotten(), 10)
    assert event.position.seq == 6


@pytest.mark.parametrize("target_kind", ["sqlite", "postgresql"])
def test_events_of_postgresql_keep_their_order_which_is_not_that_of_their_numbers(
    stored: Callable[[str], str], fresh: Callable[[str], str], target_kind: str
) -> None:
    source, target = stored("postgresql"), fresh(target_kind)
    for seq, xid in [(1, 9), (2, 7), (3, 7), (4, 8)]:
        execute(
            source,
            "INSERT INTO events (seq, xid, project, kind, payload, created_at) "
            f"VALUES ({seq}, {xid}, 'p', 'k', '{{\"number\": {seq}}}', 1)",
        )
    copy(source, target)
    with closing(open_metadata(target, durability="process")) as store, store.read() as tx:
        newest = tx.events.newest()
        events = tx.events.after(tx.events.forgotten(), 10)
    assert [event.facts["number"] for event in events] == [2, 3, 4, 1]
    assert newest == events[-1].position


@pytest.mark.parametrize(("source_kind", "target_kind"), PAIRS)
def test_a_second_copy_into_the_same_target_replaces_the_first(
    stored: Callable[[str], str], fresh: Callable[[str], str], source_kind: str, target_kind: str
) -> None:
    source, target = stored(source_kind), fresh(target_kind)
    fill(source, source_kind)
    copy(source, target, publish=False)
    execute(source, "DELETE FROM replies", "UPDATE artifacts SET last_number = 77", "SELECT 1")
    copy(source, target)
    copied = all_rows(target)
    assert copied["replies"] == []
    assert {row["last_number"] for row in copied["artifacts"]} == {77}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_copy_that_is_not_finished_cannot_be_opened(
    stored: Callable[[str], str], fresh: Callable[[str], str], kind: str
) -> None:
    source, target = stored("sqlite"), fresh(kind)
    copy(source, target, publish=False)
    for create in (True, False):
        with pytest.raises(StorageUnavailable, match="is a copy of a store that was not finished; run the same"):
            open_metadata(target, durability="process", create=create)
    with closing(open_row_copy(source, target, durability="process")) as rows:
        assert rows.target_state() is TargetState.HALF_DONE
        rows.publish()
        assert rows.target_state() is TargetState.COMPLETE
    open_metadata(target, durability="process").close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_store_that_moved_refuses_every_write_also_of_those_that_have_it_open(
    stored: Callable[[str], str], fresh: Callable[[str], str], kind: str
) -> None:
    source = stored(kind)
    fill(source, kind)
    place = "postgresql://user:***@[::1]:5432/it's 100%"
    with closing(open_metadata(source, durability="process")) as store:
        before = all_rows(source)
        copy(source, fresh("sqlite"), move=place)
        with pytest.raises(StorageUnavailable) as refused, store.write() as tx:
            tx.replies.store("p", {"id": KeptReply(b"", b"")})
        assert f"this store has moved to {place}; use that" in str(refused.value)
        with pytest.raises(StorageUnavailable, match="has moved"), store.read() as tx:
            tx.survey.refuse_moved()  # or a sweep would take what the copy has stored since for orphans
        with store.read() as tx:
            assert tx.survey.totals()[0] == 2
    for name, table in metadata.tables.items():
        column = next(iter(table.columns)).name
        for verb in (f"DELETE FROM {name}", f"UPDATE {name} SET {column} = {column}"):
            with pytest.raises(Exception, match="this store has moved to"):
                execute(source, verb)
    with pytest.raises(StorageUnavailable) as refused:
        open_metadata(source, durability="process")
    assert f"this store has moved to {place}" in str(refused.value)
    [row] = all_rows(source)["store"]
    assert [{**row, "closed": ""}] == before["store"]
    # Whoever looks only, as verify, still can.
    open_metadata(source, durability="process", create=False).close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_written_before_the_lock_is_copied_and_nothing_is_written_after_it(
    stored: Callable[[str], str], fresh: Callable[[str], str], kind: str
) -> None:
    source, target = stored(kind), fresh("sqlite")
    acknowledged: list[str] = []
    refusals: list[str] = []
    enough, stop = threading.Event(), threading.Event()

    def write(writer: int) -> None:
        with closing(open_metadata(source, durability="process")) as store:
            for number in itertools.count():
                if stop.is_set():
                    return
                try:
                    with store.write() as tx:
                        tx.replies.store("p", {f"{writer}.{number}": KeptReply(b"", b"")})
                        tx.events.append("p", "k", {"number": f"{writer}.{number}"})
                except StorageUnavailable as error:
                    if "moved" not in str(error):
                        continue  # a deadlock with the lock: undone, and told so
                    refusals.append(str(error))
                    return
                acknowledged.append(f"{writer}.{number}")
                if len(acknowledged) > 30:
                    enough.set()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for thread in writers:
        thread.start()
    assert enough.wait(30)
    copy(source, target, move="elsewhere")
    for thread in writers:
        thread.join(30)
    stop.set()
    assert len(refusals) == 3
    assert sorted(row["request_id"] for row in all_rows(target)["replies"]) == sorted(acknowledged)
    assert len(all_rows(target)["events"]) == len(acknowledged)


def test_blobs_that_are_being_deleted_and_what_is_under_way_stay_behind(
    stored: Callable[[str], str], fresh: Callable[[str], str]
) -> None:
    source, target = stored("sqlite"), fresh("sqlite")
    kept, gone = Digest("blake3:" + "1" * 64), Digest("blake3:" + "2" * 64)
    for digest, state in ((kept, "live"), (gone, "deleting")):
        execute(
            source,
            "INSERT INTO blobs (project, digest, size, location, pieces, state, lease_expires_at) "
            f"VALUES ('p', '{digest}', 1, '', x'00', '{state}', 1)",
            f"INSERT INTO blob_contents (project, digest, content) VALUES ('p', '{digest}', x'00')",
        )
    copy(source, target, damaged=(Blob("p", kept, 1, "", b""),))
    copied = all_rows(target)
    assert [(row["digest"], row["state"]) for row in copied["blobs"]] == [(kept.text, "damaged")]
    assert [row["digest"] for row in copied["blob_contents"]] == [kept.text]


def test_a_run_under_way_reads_as_abandoned_in_the_copy(
    stored: Callable[[str], str], fresh: Callable[[str], str]
) -> None:
    source, target = stored("sqlite"), fresh("sqlite")
    far = 4_102_444_800_000_000  # in the year 2100
    for number, state in enumerate(("running", "completed", "failed")):
        execute(
            source,
            "INSERT INTO runs (id, project, pipeline_name, name, state, parameters, created_at, lease_expires_at, "
            f"cancel_requested) VALUES ('{number}', 'p', 't', '{number}', '{state}', '{{}}', 1, {far}, 0)",
        )
    copy(source, target)
    with closing(open_metadata(target, durability="process")) as store, store.read() as tx:
        states = [tx.runs.get("p", str(number)).state.value for number in range(3)]
    assert states == ["abandoned", "completed", "failed"]


def refusal_of(source: str, target: str) -> str:
    with (
        closing(open_row_copy(source, target, durability="process")) as rows,
        pytest.raises(StorageUnavailable) as refused,
    ):
        rows.target_state()
    return str(refused.value)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_target_that_is_not_empty_is_refused_with_what_it_holds(
    stored: Callable[[str], str], fresh: Callable[[str], str], kind: str
) -> None:
    source, other = stored("sqlite"), fresh(kind)
    assert "source and target are the same database" in refusal_of(source, source)
    open_metadata(other, durability="process").close()
    assert "holds another store (id " in refusal_of(source, other)
    execute(other, "UPDATE alembic_version SET version_num = '0001'")
    assert "with schema 0001, and this version of argosy uses" in refusal_of(source, other)
    foreign = fresh(kind)
    if kind == "sqlite":
        path = Path(foreign.removeprefix("sqlite:///"))
        path.parent.mkdir()
        sqlite3.connect(path).close()
    execute(foreign, "CREATE TABLE runs (id INTEGER)")
    assert "has tables of other software named like ours (runs)" in refusal_of(source, foreign)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_only_one_copies_into_a_target(stored: Callable[[str], str], fresh: Callable[[str], str], kind: str) -> None:
    source, target = stored("sqlite"), fresh(kind)
    with (
        closing(open_row_copy(source, target, durability="process")) as first,
        closing(open_row_copy(source, target, durability="process")) as second,
        first.exclusively(),
        pytest.raises(StorageUnavailable, match="another process copies into"),
        second.exclusively(),
    ):
        raise AssertionError("both hold it")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_of_a_store_in_use_are_never_replaced(
    stored: Callable[[str], str], fresh: Callable[[str], str], kind: str
) -> None:
    """Whoever looked at the target in time, and then was slow, finds that another one has finished it."""
    source, target = stored("sqlite"), fresh(kind)
    copy(source, target)
    fill(target, "sqlite")
    before = all_rows(target)
    with pytest.raises(StorageUnavailable, match="is in use as a store meanwhile"):
        copy(source, target)
    assert all_rows(target) == before


def test_a_text_that_postgresql_cannot_keep_is_named(stored: Callable[[str], str], fresh: Callable[[str], str]) -> None:
    source, target = stored("sqlite"), fresh("postgresql")
    execute(
        source,
        "INSERT INTO replies (project, request_id, fingerprint, reply, created_at) "
        "VALUES ('p', 'a' || char(0), x'00', x'00', 1)",
    )
    with pytest.raises(StorageUnavailable, match="a row of replies holds what PostgreSQL cannot keep"):
        copy(source, target)
