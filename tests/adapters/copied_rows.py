"""Databases of both kinds with rows in every table, and the rows of one copied to another."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Engine, Integer, LargeBinary, Table, Text, select

from argosy_server.adapters.metadata import open_row_copy
from argosy_server.adapters.metadata.connections.engine import begin, make_engine, parse_url
from argosy_server.adapters.metadata.schema.tables import metadata
from argosy_server.domain.blob import Blob

Rows = dict[str, list[dict[str, Any]]]
PAIRS = list(itertools.product(["sqlite", "postgresql"], repeat=2))


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = make_engine(parse_url(url), "process")
    try:
        yield engine
    finally:
        engine.dispose()


def execute(url: str, *statements: Any, **params: Any) -> list[Any]:
    """Run statements in one transaction and return the rows of the last."""
    with engine_of(url) as engine, engine.connect() as connection, begin(connection, writes=True):
        for statement in statements[:-1]:
            connection.exec_driver_sql(statement) if isinstance(statement, str) else connection.execute(statement)
        last = statements[-1]
        done = connection.exec_driver_sql(last) if isinstance(last, str) else connection.execute(last, params or None)
        return [tuple(row) for row in done] if done.returns_rows else []


def all_rows(url: str) -> Rows:
    with engine_of(url) as engine, engine.connect() as connection:
        return {
            table.name: sorted((row._asdict() for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def made_up_value(column: Column[Any], index: int, number: int) -> Any:
    if column.name == "project":
        return f"project {index}"  # one for all tables, or keys that share it would not fit
    if index and column.nullable:
        return None
    if isinstance(column.type, Boolean):
        return not index
    if isinstance(column.type, LargeBinary):
        return b"\0\xff\\'" + str(number).encode()
    if isinstance(column.type, Text):
        return f"{column.name} {number} \t\\N\n\u00e9'\"\U0001f980"
    return (
        number if isinstance(column.type, Integer) and not isinstance(column.type, BigInteger) else (1 << 40) + number
    )


def made_up_rows(kind: str) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Two rows for each table but ``store``, parents first, with another value in each column.

    What may be empty is empty in the second.
    """
    numbers = itertools.count(1_000)
    parents: dict[tuple[str, int], dict[str, Any]] = {}
    for table, index in itertools.product(metadata.sorted_tables, range(2)):
        if table.name == "store":
            continue
        row = {column.name: made_up_value(column, index, next(numbers)) for column in table.columns}
        for constraint in table.foreign_key_constraints:
            for element in constraint.elements:
                if row[element.parent.name] is not None:
                    row[element.parent.name] = parents[element.column.table.name, index][element.column.name]
        if table.name == "events" and kind == "sqlite":
            row["xid"] = 0
        parents[table.name, index] = row
        yield table, row


def fill(url: str, kind: str) -> None:
    with engine_of(url) as engine, engine.connect() as connection, begin(connection, writes=True):
        for table, row in made_up_rows(kind):
            connection.execute(table.insert(), row)


def copy(
    source: str, target: str, *, damaged: tuple[Blob, ...] = (), publish: bool = True, move: str = ""
) -> dict[str, int]:
    with closing(open_row_copy(source, target, durability="process")) as rows, rows.exclusively():
        rows.begin()
        with rows.freeze() as frozen:
            counts = dict(frozen.copy(damaged, lambda _: None))
            if move:
                frozen.mark_moved(move)
        if publish:
            rows.publish()
    return counts
