"""Frames as parquet files: columns, then the levels of the index, described in the file's metadata.

Axes and categories that are too rich for a description get a parquet file of their own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from argosy.errors import MaterializerError
from argosy.materializers.json_decoding import JsonDecoder
from argosy.materializers.json_scalars import is_plain_text
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.pandas_columns import Spec, describe, from_arrow, to_arrow
from argosy.materializers.streams import local_copy

if TYPE_CHECKING:
    from argosy.materializers.base import JSON
    from argosy.materializers.files import FileSink, FileSource

METADATA_KEY = b"argosy"
_IN_MEMORY_BYTES = 32 << 20
_LONGEST_NAME = 200


class TableWriter:
    """Builds the parquet files of one value; nothing reaches the sink before all of them are built."""

    def __init__(self, files: FileSink) -> None:
        self._files = files
        self._tables: list[tuple[str, Any]] = []

    def column(self, values: Any) -> tuple[Any, Spec]:
        """Return the Arrow array and the description of one column.

        Raises:
            CannotKeepError: parquet has no faithful form for it.
        """
        if type(values) is pd.arrays.NumpyExtensionArray:  # a StringArray is one by inheritance
            values = values.to_numpy()
        if isinstance(values.dtype, pd.CategoricalDtype):
            spec = {"kind": "category", "ordered": bool(values.ordered)}
            return self.categories(values.codes, values.categories, spec)
        spec = describe(values)
        return to_arrow(values, spec), spec

    def categories(self, codes: Any, categories: Any, spec: Spec) -> tuple[Any, Spec]:
        """Return a column of categories: its values readable, the categories in a file of their own."""
        from argosy.materializers.pandas_axes import describe_axis

        path = f"categories/{len(self._tables)}.parquet"
        self._tables.append((path, None))
        position = len(self._tables) - 1
        arrays, axis = describe_axis(categories, self)
        if len(arrays) != 1:
            # A range is only described; its values are wanted here.
            arrays = [pa.array(categories.to_numpy())]
        self._tables[position] = (path, self.table(["category"], arrays, {"axis": axis}))
        indices = pa.array(codes, mask=codes == -1)
        values = arrays[0].combine_chunks() if isinstance(arrays[0], pa.ChunkedArray) else arrays[0]
        if pa.types.is_dictionary(values.type):
            raise CannotKeepError("categories that are categories themselves have no form in parquet")
        return values.take(indices), {**spec, "file": path}

    def table(self, names: list[str], arrays: list[Any], description: dict[str, JSON]) -> Any:
        """Return an Arrow table that carries its description."""
        text = json.dumps(description, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        table = pa.table(arrays, names=unique_names(names)) if arrays else pa.table({})
        return table.replace_schema_metadata({METADATA_KEY: text.encode()})

    def add(self, path: str, table: Any) -> None:
        """Take one more table."""
        self._tables.append((path, table))

    def write(self) -> None:
        """Write all tables to the sink.

        Raises:
            CannotKeepError: parquet would change the type of an Arrow column.
        """
        written = [(path, self._parquet(table)) for path, table in self._tables]
        for path, content in written:
            if isinstance(content, pa.Buffer):
                self._files.write(path, memoryview(content))
            else:
                self._files.write_file(path, content)

    def _parquet(self, table: Any) -> Any:
        if table.nbytes <= _IN_MEMORY_BYTES:
            target = pa.BufferOutputStream()
            pq.write_table(table, target)
            content = target.getvalue()
            schema = pq.read_schema(pa.BufferReader(content))
        else:
            content = self._files.temporary_directory() / "data.parquet"
            pq.write_table(table, content)
            schema = pq.read_schema(content)
        _check_schema(table.schema, schema)
        return content


def _check_schema(wanted: Any, found: Any) -> None:
    """Compare what parquet will bring back with what was written, from the file's footer alone."""
    for want, have in zip(wanted, found, strict=True):
        seconds = pa.types.is_timestamp(want.type) and want.type.unit == "s"  # read as ms, cast back at loading
        if want.name != have.name or (want.type != have.type and not seconds):
            raise CannotKeepError(f"column {want.name!r} of Arrow type {want.type} would come back as {have.type}")


def unique_names(names: list[str]) -> list[str]:
    """Return a name for each column: the given one where it is usable, and each only once."""
    taken: set[str] = set()
    found = []
    for position, name in enumerate(names):
        usable = name if name and len(name) <= _LONGEST_NAME and is_plain_text(name) else f"column_{position}"
        while usable in taken:
            usable += "_"
        taken.add(usable)
        found.append(usable)
    return found


class TableReader:
    """Reads the parquet files of one value."""

    def __init__(self, files: FileSource) -> None:
        self._files = files

    def read(self, path: str) -> tuple[Any, Any]:
        """Return a table and its description, or ``None`` for one that somebody else wrote.

        Raises:
            MaterializerError: the file is not parquet.
        """
        try:
            if self._files.size(path) <= _IN_MEMORY_BYTES:
                # Without threads: one of Arrow's may be the last to hold these bytes, and a thread that lets a
                # Python object go while the interpreter ends aborts the process (seen in one of ten short runs).
                table = pq.ParquetFile(pa.BufferReader(self._files.read(path))).read(use_threads=False)
            else:
                with local_copy(self._files, path) as local:
                    table = pq.ParquetFile(local, memory_map=True).read()
        except pa.ArrowException as error:
            raise MaterializerError(f"{path} cannot be read as parquet: {error}") from error
        text = (table.schema.metadata or {}).get(METADATA_KEY)
        return table, None if text is None else JsonDecoder(None).decode(text)

    def values(self, column: Any, spec: Spec) -> Any:
        """Return the pandas or numpy array of one column."""
        if spec.get("kind") != "category":
            return from_arrow(column, spec)
        codes, categories = self.codes(column, spec)
        return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories, ordered=spec["ordered"]))

    def codes(self, column: Any, spec: Spec) -> tuple[Any, Any]:
        """Return the codes and categories of a column; a missing value is -1.

        Raises:
            MaterializerError: a value is none of its categories.
        """
        from argosy.materializers.pandas_axes import make_axis

        table, description = self.read(spec["file"])
        categories = make_axis(list(table.columns), description["axis"], self)
        encoded = column.combine_chunks().dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        known = table.column(0).cast(encoded.dictionary.type)
        places = pc.index_in(encoded.dictionary, value_set=known)
        if places.null_count:
            raise MaterializerError(f"a column has values which are none of its categories ({spec['file']})")
        codes = pc.fill_null(places.take(encoded.indices), -1).to_numpy(zero_copy_only=False)
        return codes, categories
