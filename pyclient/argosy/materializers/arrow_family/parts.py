"""Columns and rows of a pyarrow table kept as ``parquet``."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from argosy.errors import MaterializerError, ParameterError
from argosy.materializers.arrow_family.parquet import FILE, wanted_schema
from argosy.materializers.parquet_files import parquet_errors
from argosy.materializers.parquet_ranges import RangedParquet

if TYPE_CHECKING:
    from argosy.materializers.partial import Part, RangedSource


def load_table_part(files: RangedSource, part: Part, name: str) -> pa.Table:
    """Return columns and rows of a table, as they would be taken from the whole.

    Raises:
        ParameterError: there is no such column; names some there are.
        MaterializerError: the file is malformed, or several columns have a wanted name.
    """
    with files.open_file(FILE) as opened, parquet_errors(FILE):
        return _part_of(RangedParquet(opened), part, name)


def _part_of(file: RangedParquet, part: Part, name: str) -> pa.Table:
    schema = wanted_schema(file.parquet)
    fields = list(schema.names) if part.columns is None else _checked(schema.names, part.columns, name)
    if repeated := sorted({field for field in fields if schema.names.count(field) > 1}):
        raise MaterializerError(
            f"{FILE} has several columns named {repeated[0]!r}, which cannot be told apart; "
            "leave columns= and rows= out"
        )
    rows, step = part.rows_of(file.rows)
    wanted = pa.schema([schema.field(field) for field in fields], schema.metadata)
    if not fields:
        return wanted.empty_table()
    kept = list(dict.fromkeys(fields))
    found = file.read(kept, rows).select(fields)
    table = pa.Table.from_arrays(found.columns, schema=wanted)  # casts what parquet has no type for
    return table if step == 1 else table.take(pa.array(range(table.num_rows)[::step], pa.int64()))


def _checked(names: Sequence[str], columns: Sequence[Hashable], name: str) -> list[str]:
    found = []
    for label in columns:
        if not isinstance(label, str) or label not in names:
            raise ParameterError(f"columns=: {name} has no column {label!r}; it has {', '.join(names[:10]) or 'none'}")
        found.append(label)
    return found
