"""Arrow in parquet, exactly: what a schema becomes in the file, and what has to be turned back when it is read.

Parquet keeps the schema as Arrow writes it (``ARROW:schema``) beside its own types. A few types it has not: those come
back as the nearest it has, and are cast to what the schema says. Whether that is exact is found out at saving, for the
very values.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from argosy.errors import MaterializerError
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.parquet_files import parquet_errors

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink

FILE = "data.parquet"
_GROUP_BYTES = 16 << 20
_MOST_ROWS = 1 << 20
_MOST_PIECES = 1000
_DICTIONARY_BYTES = 256 << 10
"""Where parquet gives up to list the distinct values of a column."""


def write_tables(schema: Any, tables: Iterable[Any], files: FileSink, *, on_disk: bool) -> None:
    """Write tables of one schema as one file, whose row groups hold about 16 MiB; memory holds one of them.

    Nothing is written to ``files`` before all of them came.

    Args:
        schema: of all tables.
        tables: the rows, in order.
        files: receives the file.
        on_disk: whether the file lies on disk until it is sent, which a large one has to.

    Raises:
        CannotKeepError: parquet has no exact form for a column; names it.
    """
    keeper = _Keeper(schema)
    local = files.temporary_directory() / FILE if on_disk else None
    target: Any = pa.BufferOutputStream() if local is None else local
    try:
        with pq.ParquetWriter(target, schema, dictionary_pagesize_limit=_DICTIONARY_BYTES) as writer:
            for group in _groups(tables):
                keeper.check(group)
                writer.write_table(group, max(1, group.num_rows))
                del group  # before the next one is made, so that there is only one at a time
                pa.default_memory_pool().release_unused()
    except (pa.ArrowException, OverflowError) as error:
        raise CannotKeepError(f"parquet refuses it: {error}") from error
    if local is None:
        files.write(FILE, memoryview(target.getvalue()))
    else:
        files.write_file(FILE, local)


def wanted_schema(file: Any) -> Any:
    """Return the schema of what was saved into an open parquet file; of somebody else's, what Arrow makes of it."""
    written = (file.metadata.metadata or {}).get(b"ARROW:schema")
    if written is None:
        return file.schema_arrow
    try:
        return pa.ipc.read_schema(pa.BufferReader(base64.b64decode(written)))
    except (pa.ArrowException, ValueError, OSError) as error:
        raise MaterializerError(f"{FILE} has a schema of Arrow that cannot be read: {error}") from error


def read_batches(file: Any, schema: Any, batch_bytes: int = _GROUP_BYTES) -> Iterator[Any]:
    """Yield the rows of an open parquet file as record batches of ``schema``, at most a row group at a time.

    Raises:
        MaterializerError: a page cannot be read, or the columns are not those of the schema.
    """
    metadata = file.metadata
    with parquet_errors(FILE):
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            width = max(1, group.total_byte_size // max(1, group.num_rows))
            # Without threads: see frames.tables.StoredTable.whole.
            for batch in file.iter_batches(max(1, batch_bytes // width), [number], use_threads=False):
                yield _as(batch, schema)
            pa.default_memory_pool().release_unused()


class _Keeper:
    """Knows of a schema which columns parquet keeps as another type, and tells whether their values survive it."""

    def __init__(self, schema: Any) -> None:
        self._changed: dict[int, Any] = {}
        target = pa.BufferOutputStream()
        try:
            # Not schema.empty_table(), which refuses tensors.
            pq.write_table(pa.Table.from_batches([], schema), target)
            found = pq.read_schema(pa.BufferReader(target.getvalue()))
        except (pa.ArrowException, OSError) as error:
            raise CannotKeepError(f"parquet refuses it: {error}") from error
        for number, (want, have) in enumerate(zip(schema, found, strict=True)):
            if want.type != have.type:
                self._changed[number] = have.type
        self._schema = schema

    def check(self, table: Any) -> None:
        for number, stored in self._changed.items():
            field, values = self._schema.field(number), table.column(number)
            try:
                is_same = values.cast(stored).cast(field.type).equals(values)
            except pa.ArrowException:
                is_same = False
            if not is_same:
                raise CannotKeepError(
                    f"column {field.name!r} of Arrow type {field.type} would come back as {stored}; cast it before"
                )


def _as(batch: Any, schema: Any) -> Any:
    """Return a batch whose columns have the types of the schema."""
    if batch.num_columns != len(schema):
        raise MaterializerError(f"{FILE} has {batch.num_columns} columns, its schema of Arrow {len(schema)}")
    columns = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _groups(tables: Iterable[Any]) -> Iterator[Any]:
    """Yield all rows again in tables of about the size of a row group.

    Raises:
        CannotKeepError: there are rows, and no column.
    """
    waiting: list[Any] = []
    size = 0
    for table in tables:
        if table.num_rows and not table.num_columns:
            raise CannotKeepError(f"it has {table.num_rows} rows and no column, which parquet would not bring back")
        for piece in _cut(table):
            waiting.append(piece)
            size += piece.nbytes
            if size >= _GROUP_BYTES // 2:
                group = pa.concat_tables(waiting)
                waiting, size = [], 0
                yield group
                del group
            elif len(waiting) == _MOST_PIECES:  # tiny ones: what each costs beside its data would add up
                waiting = [pa.concat_tables(waiting).combine_chunks()]
    if waiting:
        yield pa.concat_tables(waiting)


def _cut(table: Any) -> Iterator[Any]:
    width = max(1, table.nbytes // max(1, table.num_rows))
    rows = min(_MOST_ROWS, max(1, _GROUP_BYTES // width))
    if table.num_rows <= rows:
        yield table
        return
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)
