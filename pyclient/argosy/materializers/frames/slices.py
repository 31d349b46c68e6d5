"""Frames become Arrow one slice of rows at a time, so that no second copy of the whole is ever made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from argosy.materializers.nesting import CannotKeepError

_PIECE_BYTES = 2 << 20
"""About so much is converted at a time, and of each column at least :data:`_COLUMN_PIECE_BYTES`."""
_COLUMN_PIECE_BYTES = 2 << 10
_GROUP_BYTES = 16 << 20
_COLUMN_GROUP_BYTES = 16 << 10
"""So much of each column at least is in a row group, on average: each costs the footer some hundred bytes."""
_DICTIONARY_BYTES = 256 << 10
"""Where parquet gives up to list the distinct values of a column: with 1 MiB its search for them took 25 MiB."""
_MOST_ROWS = 1 << 20
_FIRST_ROWS = 64
"""How wide rows are is found out with so few; later pieces may have up to eight times as many as the one before."""


def release_unused() -> None:
    """Give back to the system what Arrow's allocator keeps for later: up to a tenth of a large frame."""
    pa.default_memory_pool().release_unused()


@dataclass(frozen=True)
class Column:
    """One column on its way to parquet.

    Attributes:
        rows: how many values it has.
        make: makes the Arrow array of the rows from the first number up to the second.
        where: what errors call it; empty when they say enough.
    """

    rows: int
    make: Callable[[int, int], Any]
    where: str = ""

    def slice(self, start: int, stop: int) -> Any:
        """Return some rows as an Arrow array.

        Raises:
            CannotKeepError: a value of them has no form in parquet.
        """
        try:
            return self.make(start, stop)
        except CannotKeepError as error:
            if not self.where:
                raise
            raise CannotKeepError(f"{self.where}: {error}") from error


@dataclass
class SlicedTable:
    """Columns and what is written beside them, from which row groups are made one after the other.

    Attributes:
        names: the columns' names in the file.
        columns: the columns, all of the same length.
        metadata: of the schema.
    """

    names: list[str]
    columns: list[Column]
    metadata: dict[bytes, bytes]
    _step: int = field(default=_FIRST_ROWS, init=False)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.columns[0].rows if self.columns else 0

    def group(self, start: int) -> Any:
        """Return the rows from ``start`` on as an Arrow table of the size of a row group, or all that are left.

        Raises:
            CannotKeepError: a value has no form in parquet.
        """
        wanted = max(_GROUP_BYTES, _COLUMN_GROUP_BYTES * len(self.columns))
        piece_bytes = max(_PIECE_BYTES, _COLUMN_PIECE_BYTES * len(self.columns))
        end = min(self.rows, start + _MOST_ROWS)
        pieces: list[Any] = []
        size = 0
        while not pieces or (start < end and size < wanted):
            stop = min(start + self._step, end)
            piece = self._piece(start, stop)
            pieces.append(piece)
            size += piece.nbytes
            fitting = (stop - start) * piece_bytes // max(1, piece.nbytes)
            self._step = max(1, min(fitting, 8 * self._step))
            start = stop
        return pa.concat_tables(pieces)

    def write_to(self, target: Path) -> None:
        """Write everything as parquet, one row group after the other.

        Raises:
            CannotKeepError: a value has no form in parquet.
        """
        group = self.group(0)
        with pq.ParquetWriter(target, group.schema, dictionary_pagesize_limit=_DICTIONARY_BYTES) as writer:
            done = 0
            while True:
                writer.write_table(group, group.num_rows)
                done += group.num_rows
                del group  # before the next one is made, so that there is only one at a time
                release_unused()
                if done == self.rows:
                    return
                group = self.group(done)

    def _piece(self, start: int, stop: int) -> Any:
        arrays = [column.slice(start, stop) for column in self.columns]
        table = pa.table(arrays, names=self.names) if arrays else pa.table({})
        return table.replace_schema_metadata(self.metadata)
