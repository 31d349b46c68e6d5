"""pyarrow tables: format ``parquet``, one file ``data.parquet`` that any reader of parquet takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from argosy.materializers.arrow_family.parquet import FILE, read_batches, wanted_schema, write_tables
from argosy.materializers.base import JSON, BuiltinMaterializer, type_name
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.parquet_files import IN_MEMORY_BYTES, opened_parquet

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

_MOST_COLUMNS = 100


class TableMaterializer(BuiltinMaterializer[Any]):
    """Keeps tables with their schema and its metadata; where their chunks begin is not kept."""

    id = "argosy.arrow"
    types = (pa.Table,)
    format = "parquet"

    def save(self, value: pa.Table, files: FileSink) -> None:
        """Write the table.

        Raises:
            CannotKeepError: parquet cannot keep it exactly; says which column and why.
        """
        if type(value) is not pa.Table:
            raise CannotKeepError(f"{type_name(type(value))} is a subclass of Table, which would not come back")
        write_tables(value.schema, [value], files, on_disk=value.nbytes > IN_MEMORY_BYTES)

    def load(self, files: FileSource, as_type: type[Any] | None) -> pa.Table:
        """Read the table; a parquet file that somebody else wrote is read as pyarrow does it.

        Raises:
            MaterializerError: the file is malformed.
        """
        with opened_parquet(files, FILE) as file:
            schema = wanted_schema(file)
            return pa.Table.from_batches(read_batches(file, schema), schema=schema)

    def extract_metadata(self, value: pa.Table) -> dict[str, JSON]:
        """Return rows, columns, bytes and the types of the first 100 columns."""
        return {"rows": value.num_rows, **described(value.schema), "size_bytes": value.nbytes}

    def visualize(self, value: pa.Table) -> dict[str, bytes]:
        """Return the first rows and a line about each column as a page; of a long table by a sample."""
        from argosy.materializers.previews.arrow_tables import table_as_html

        return {"head.html": table_as_html(value)}


def described(schema: pa.Schema) -> dict[str, JSON]:
    """Return how many columns there are, and the types of the first 100."""
    types: dict[str, JSON] = {field.name: str(field.type) for field in list(schema)[:_MOST_COLUMNS]}
    return {"columns": len(schema), "dtypes": types}
