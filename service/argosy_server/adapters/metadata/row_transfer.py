"""All rows of one database written to another, table by table, parents before children.

Every table and column of ``tables.metadata`` is copied as it is but for what this page says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from argosy_server.adapters.metadata.blobs.blob_repository import DAMAGED, DELETING
from argosy_server.adapters.metadata.schema.tables import blob_contents, blobs, events, metadata, runs, store, uploads
from argosy_server.domain.blob import Blob
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.domain.pipeline import RunState

ROWS = 2000
"""Rows that are held in memory and written at once; a row of a blob's content has up to 32 KiB."""
NOT_COPIED: Mapping[str, str] = {
    uploads.name: "their bytes are not copied: what is under way is sent anew",
    store.name: "it is one row, and says of the copy that it is not finished",
}
_DELETING = exists().where(
    blobs.c.project == blob_contents.c.project, blobs.c.digest == blob_contents.c.digest, blobs.c.state == DELETING
)
_MARK_DAMAGED = (
    update(blobs)
    .where(blobs.c.project == bindparam("p_project"), blobs.c.digest == bindparam("p_digest"))
    .values(state=DAMAGED)
)
_COUNTER = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
_SET_COUNTER = text("UPDATE sqlite_sequence SET seq = :last WHERE name = :name")
_ADD_COUNTER = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)")
_SET_SEQUENCE = text("SELECT setval(pg_get_serial_sequence(:name, :column), :last)")


def copied_tables() -> list[Table]:
    """Return the tables whose rows are copied, parents first."""
    return [table for table in metadata.sorted_tables if table.name not in NOT_COPIED]


def rows_to_copy(table: Table, dialect: str, now: int) -> Select[Any]:
    """Return the query for the rows of a table as the copy shall have them.

    Args:
        table: the table.
        dialect: of the database they are read from.
        now: the time by the clock of the target, in microseconds.
    """
    columns: dict[str, ColumnElement[Any]] = {column.name: column for column in table.columns}
    if table is runs:
        # Whoever drives a run has the source open and cannot go on: the run was abandoned when the store moved.
        alive = and_(runs.c.state == RunState.RUNNING.value, runs.c.lease_expires_at >= now)
        columns["lease_expires_at"] = case((alive, now - 1), else_=runs.c.lease_expires_at)
    if table is events and dialect != "sqlite":
        # Transaction numbers mean nothing elsewhere. The order they gave becomes that of the rows.
        columns["xid"] = literal(0)
        columns["seq"] = func.row_number().over(order_by=(events.c.xid, events.c.seq))
    statement = select(*(column.label(name) for name, column in columns.items()))
    if table is blobs:
        # They count as missing, and the bytes may be gone already.
        return statement.where(blobs.c.state != DELETING)
    if table is blob_contents:
        return statement.where(~_DELETING)
    return statement


def replace_rows(
    source: Connection, target: Connection, damaged: Collection[Blob], advance: Callable[[int], None], now: int
) -> dict[str, int]:
    """Replace the rows of the target by those of the source, but for that of ``store``, and return how many they are.

    Args:
        source: in a transaction that lets nobody write.
        target: in a transaction; nothing of it stays when this raises.
        damaged: blobs whose rows count as damaged in the copy.
        advance: called with the number of rows just written.
        now: the time by the clock of the target, in microseconds.

    Raises:
        StorageUnavailable: the target cannot keep a value, or has not kept all rows.
        DBAPIError: whatever else a database says.
    """
    for table in reversed(metadata.sorted_tables):
        if table is not store:
            target.execute(delete(table))
    counts = {}
    for table in copied_tables():
        counts[table.name] = _copy_table(source, target, table, advance, now)
        kept = target.execute(select(func.count()).select_from(table)).scalar_one()
        if kept != counts[table.name]:
            raise StorageUnavailable(f"the target has {kept} rows of {table.name} instead of {counts[table.name]}")
        _set_counter(source, target, table)
    if damaged:
        keys = [{"p_project": blob.project, "p_digest": blob.digest.text} for blob in damaged]
        target.execute(_MARK_DAMAGED, keys)
    if target.dialect.name != "sqlite":
        target.exec_driver_sql("ANALYZE")  # or the first searches would take what is large for small
    return counts


def _copy_table(source: Connection, target: Connection, table: Table, advance: Callable[[int], None], now: int) -> int:
    query = rows_to_copy(table, source.dialect.name, now)
    result = source.execute(query, execution_options={"stream_results": True, "yield_per": ROWS})
    write = _insert if target.dialect.name == "sqlite" else _copy_in
    count = 0
    for written in write(target, table, result.partitions(ROWS)):
        count += written
        advance(written)
    return count


def _insert(target: Connection, table: Table, parts: Iterator[Any]) -> Iterator[int]:
    names = [column.name for column in table.columns]
    statement = insert(table)
    for part in parts:
        target.execute(statement, [dict(zip(names, row, strict=True)) for row in part])
        yield len(part)


def _copy_in(target: Connection, table: Table, parts: Iterator[Any]) -> Iterator[int]:
    import psycopg

    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    driver: Any = target.connection.driver_connection
    statement = f'COPY "{table.name}" ({columns}) FROM STDIN'
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for part in parts:
                for row in part:
                    copy.write_row(tuple(row))
                yield len(part)
    except psycopg.DataError as error:
        raise StorageUnavailable(
            f"a row of {table.name} holds what PostgreSQL cannot keep: {error}; change it, or stay with SQLite"
        ) from error
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error) from error


def _set_counter(source: Connection, target: Connection, table: Table) -> None:
    """Let new rows get numbers that were never given, also to rows that are gone."""
    column = table.autoincrement_column
    if column is None:
        return
    last = target.execute(select(func.coalesce(func.max(column), 0))).scalar_one()
    counts_on = bool(table.dialect_options["sqlite"]["autoincrement"])
    if counts_on and source.dialect.name == "sqlite":
        last = max(last, source.execute(_COUNTER, {"name": table.name}).scalar_one_or_none() or 0)
    if not last:
        return
    if target.dialect.name != "sqlite":
        target.execute(_SET_SEQUENCE, {"name": table.name, "column": column.name, "last": last})
    elif counts_on:
        facts = {"name": table.name, "last": last}
        if target.execute(_SET_COUNTER, facts).rowcount == 0:
            target.execute(_ADD_COUNTER, facts)
