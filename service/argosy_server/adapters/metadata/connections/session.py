"""One open transaction as the repositories see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    CursorResult,
    Executable,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

MICROSECOND = timedelta(microseconds=1)
BATCH = 5000
"""Most values one statement binds in a list: SQLite takes 32,766 in all, PostgreSQL 65,535."""
CLOCK = cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
"""The time by PostgreSQL, as a column: microseconds since 1970."""

Insert: TypeAlias = "sqlite.Insert | postgresql.Insert"
Params = Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass
class Session:
    """A connection inside a transaction.

    Attributes:
        connection: where statements go.
        writes: whether the transaction may write; then what it reads by id is locked as well.
        clock: tells the nanoseconds since 1970 where the database is a file on this machine.
    """

    connection: Connection
    writes: bool
    clock: Callable[[], int] = time.time_ns
    _clock: tuple[int, int] | None = field(default=None, init=False)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.connection.dialect.name

    @property
    def locks(self) -> bool:
        """Whether rows must be locked by name; on SQLite every writer is alone anyway."""
        return self.writes and self.dialect != "sqlite"

    def execute(self, statement: Executable, params: Params | None = None) -> CursorResult[Any]:
        """Run one statement."""
        if isinstance(params, list) and len(params) == 1:
            # What drivers do for many costs them more than one.
            params = params[0]
        result: CursorResult[Any] = self.connection.execute(statement, params)
        return result

    def now(self) -> int:
        """Return the time by the database's clock, which for a file on this machine is the machine's."""
        if self.dialect == "sqlite":
            return self.clock() // 1000
        if self._clock is None:
            # Asked once in a transaction, which others may wait for; from then on it goes as fast as ours.
            self.ask_clock(select(CLOCK))
        told, asked = self._clock or (0, 0)
        return told + (time.monotonic_ns() - asked) // 1000

    def ask_clock(self, statement: Executable, params: Params | None = None) -> None:
        """Run a statement whose last column is the clock of the database, looked at after all it waits for."""
        told = int(self.execute(statement, params).one()[-1])
        self._clock = told, time.monotonic_ns()

    def after(self, duration: timedelta) -> int:
        """Return the time ``duration`` from now."""
        return self.now() + duration // MICROSECOND

    def locked(self, statement: Select[Any], *, shared: bool = False, of: Table | None = None) -> Select[Any]:
        """Let a select lock its rows until the transaction ends, where that is needed.

        Args:
            statement: the select.
            shared: others may hold the same lock; it keeps the rows from changing.
            of: the only table whose rows are locked.
        """
        if not self.locks:
            return statement
        return statement.with_for_update(read=shared, key_share=not shared, of=of)


def upsert(dialect: str, table: Table) -> Insert:
    """Return an insert that knows ON CONFLICT; both databases write it alike, SQLAlchemy has one class for each."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    # Not at the top: it costs every embedded start 40 ms.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def listed(dialect: str, name: str) -> Select[Any]:
    """Return the texts of a list bound as one JSON text: of thousands, binding each takes longer than the search.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        name: of the parameter.
    """
    if dialect == "sqlite":
        return select(func.json_each(bindparam(name)).table_valued("value").c.value)
    return select(func.json_array_elements_text(cast(bindparam(name, type_=Text), JSON)))


def fetch_tuples(result: CursorResult[Any]) -> list[tuple[Any, ...]]:
    """Return all rows as the driver gives them: of ten thousand, SQLAlchemy's rows take as long to make as to read."""
    cursor: Any = result.cursor  # a select has one
    try:
        return list(cursor.fetchall())
    finally:
        result.close()


def batches(values: Sequence[Any]) -> list[Sequence[Any]]:
    """Cut a list into parts one statement can bind."""
    return [values[start : start + BATCH] for start in range(0, len(values), BATCH)]
