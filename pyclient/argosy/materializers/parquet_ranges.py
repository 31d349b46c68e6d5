"""Columns and rows of a parquet file: of it are read the footer and, of row groups with wanted rows, wanted columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from argosy.materializers.partial import RangedFile


class RangedParquet:
    """One parquet file, read without threads: see ``frames.tables.StoredTable``.

    Attributes:
        parquet: the open file.
        schema: what Arrow makes of its columns.
    """

    def __init__(self, file: RangedFile) -> None:
        """Read the footer."""
        self._file = file
        self.parquet = pq.ParquetFile(file, pre_buffer=False)
        self.schema = self.parquet.schema_arrow

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return int(self.parquet.metadata.num_rows)

    def read(self, fields: Sequence[str], rows: range) -> Any:
        """Return the fields (at least one, each once in the file) of adjacent rows, as an Arrow table."""
        metadata, first, wanted = self.parquet.metadata, 0, []
        for number in range(metadata.num_row_groups):
            count = metadata.row_group(number).num_rows
            low, high = max(rows.start - first, 0), min(rows.stop - first, count)
            if low < high:
                wanted.append((number, low, high - low))
            first += count
        if not wanted and metadata.num_row_groups and any(map(pa.types.is_dictionary, self._types(fields))):
            wanted.append((0, 0, 0))  # the categories of a file of somebody else's are told only by its rows
        self._file.expect([chunk for number, _, _ in wanted for chunk in self._chunks(number, fields)])
        groups = [
            self.parquet.read_row_group(number, list(fields), use_threads=False).select(fields).slice(low, length)
            for number, low, length in wanted
        ]
        return pa.concat_tables(groups or [pa.Table.from_batches([], self.schema).select(fields)])

    def _types(self, fields: Sequence[str]) -> list[Any]:
        return [self.schema.field(field).type for field in fields]

    def _chunks(self, row_group: int, fields: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Yield where the bytes of the fields lie; the leaves of a nested one have its name and a dot before theirs."""
        group = self.parquet.metadata.row_group(row_group)
        for position in range(group.num_columns):
            chunk = group.column(position)
            if any(chunk.path_in_schema == field or chunk.path_in_schema.startswith(f"{field}.") for field in fields):
                start = chunk.dictionary_page_offset or chunk.data_page_offset
                start = min(start, chunk.data_page_offset)
                yield start, start + chunk.total_compressed_size
