"""Frames as parquet files: columns, then the levels of the index, described in the file's metadata.

Axes and categories that are too rich for a description get a parquet file of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from argosy.materializers.frames.builders import CodesBuilder, ColumnBuilder, builder_for, filled
from argosy.materializers.frames.columns import Spec, describe, to_arrow
from argosy.materializers.frames.slices import Column, SlicedTable, release_unused
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.scalars import is_plain_text
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.parquet_files import METADATA_KEY, opened_parquet, parquet_errors

if TYPE_CHECKING:
    from argosy.materializers.base import JSON
    from argosy.materializers.files import FileSink, FileSource

_BATCH_BYTES = 1 << 20
"""About so much is converted at a time."""
_MOST_COLUMNS = 128
"""So many are read together: each of them holds a page of its own."""
_LONGEST_NAME = 200


class TableWriter:
    """Builds the parquet files of one value; nothing reaches the sink before all of them are built."""

    def __init__(self, files: FileSink) -> None:
        self._files = files
        self._tables: list[tuple[str, SlicedTable | None]] = []

    def column(self, values: Any) -> tuple[Column, Spec]:
        """Return a column to write and its description.

        Raises:
            CannotKeepError: parquet has no faithful form for it.
        """
        if type(values) is pd.arrays.NumpyExtensionArray:  # a StringArray is one by inheritance
            values = values.to_numpy()
        if isinstance(values.dtype, pd.CategoricalDtype):
            spec = {"kind": "category", "ordered": bool(values.ordered)}
            return self.categories(values.codes, values.categories, spec)
        spec = describe(values)
        return Column(len(values), lambda start, stop: to_arrow(values[start:stop], spec)), spec

    def categories(self, codes: Any, categories: Any, spec: Spec) -> tuple[Column, Spec]:
        """Return a column of categories: its values readable, the categories in a file of their own.

        Raises:
            CannotKeepError: parquet has no faithful form for the categories.
        """
        from argosy.materializers.frames.axes import describe_axis

        path = f"categories/{len(self._tables)}.parquet"
        self._tables.append((path, None))
        position = len(self._tables) - 1
        columns, axis = describe_axis(categories, self)
        if len(columns) != 1:
            # A range is only described; its values are wanted here.
            numbers = categories.to_numpy()
            columns = [Column(len(numbers), lambda start, stop: pa.array(numbers[start:stop]))]
        self._tables[position] = (path, self.table(["category"], columns, {"axis": axis}))
        values = columns[0].slice(0, len(categories))
        values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        if pa.types.is_dictionary(values.type):
            raise CannotKeepError("categories that are categories themselves have no form in parquet")

        def make(start: int, stop: int) -> Any:
            part = codes[start:stop]
            return values.take(pa.array(part, mask=part == -1))

        return Column(len(codes), make), {**spec, "file": path}

    def table(self, names: list[str], columns: list[Column], description: dict[str, JSON]) -> SlicedTable:
        """Return a table that carries its description."""
        text = json.dumps(description, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return SlicedTable(unique_names(names), columns, {METADATA_KEY: text.encode()})

    def add(self, path: str, table: SlicedTable) -> None:
        """Take one more table."""
        self._tables.append((path, table))

    def write(self) -> None:
        """Write all tables to the sink, those of more than one row group by way of the disk.

        Raises:
            CannotKeepError: a value has no form in parquet, or it would change the type of an Arrow column.
        """
        written = [(path, self._parquet(table)) for path, table in self._tables if table is not None]
        for path, content in written:
            if isinstance(content, Path):
                self._files.write_file(path, content)
            else:
                self._files.write(path, memoryview(content))

    def _parquet(self, table: SlicedTable) -> Any:
        group = table.group(0)
        schema = group.schema
        content: Any
        if group.num_rows == table.rows:
            target = pa.BufferOutputStream()
            pq.write_table(group, target)
            content = target.getvalue()
            found = pq.read_schema(pa.BufferReader(content))
        else:
            content = self._files.temporary_directory() / "data.parquet"
            del group  # it is made once more, so that there is only one at a time
            table.write_to(content)
            found = pq.read_schema(content)
        _check_schema(schema, found)
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


class StoredTable:
    """One parquet file, open for reading.

    Attributes:
        description: what the writer said of it; ``None`` when it is somebody else's.
    """

    def __init__(self, file: Any, path: str) -> None:
        """Read the footer of an open file."""
        self._file = file
        self._path = path
        text = (file.schema_arrow.metadata or {}).get(METADATA_KEY)
        self.description: Any = None if text is None else JsonDecoder(None).decode(text)

    @property
    def types(self) -> list[Any]:
        """The Arrow types of the columns, in order."""
        return list(self._file.schema_arrow.types)

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return int(self._file.metadata.num_rows)

    def whole(self) -> Any:
        """Return everything as one Arrow table."""
        # Without threads: one of Arrow's may be the last to hold bytes of Python's, and a thread that lets a
        # Python object go while the interpreter ends aborts the process (seen in one of ten short runs).
        with parquet_errors(self._path):
            return self._file.read(use_threads=False)

    def fill(self, builders: Sequence[ColumnBuilder]) -> list[Any]:
        """Return what the builders, one for each of the first columns, make of them.

        Raises:
            MaterializerError: a column is not what its description says.
        """
        names = self._file.schema_arrow.names
        for start in range(0, len(builders), _MOST_COLUMNS):
            block = builders[start : start + _MOST_COLUMNS]
            # The names of nested columns would be found in others that hold a dot, so all are asked for if possible.
            chosen = names[start : start + len(block)] if len(names) > _MOST_COLUMNS else None
            for batch in self._batches(chosen):
                for builder, array in zip(block, map(batch.column, chosen or range(len(block))), strict=True):
                    builder.add(array)
        return [builder.finish() for builder in builders]

    def _batches(self, names: list[str] | None) -> Iterator[Any]:
        """Yield all rows of columns in pieces of about the same number of bytes."""
        metadata = self._file.metadata
        share = 1 if names is None else len(names) / metadata.num_columns
        width = 0
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            expected = int(share * group.total_byte_size) // max(1, group.num_rows)
            width = max(1, width, expected, 8 * len(names or self.types))
            rows = max(1, _BATCH_BYTES // width)
            with parquet_errors(self._path):
                for batch in self._file.iter_batches(rows, [number], names, use_threads=False):
                    yield batch
                    width = batch.nbytes // max(1, batch.num_rows)
            release_unused()


class TableReader:
    """Reads the parquet files of one value."""

    def __init__(self, files: FileSource) -> None:
        self._files = files

    @contextmanager
    def opened(self, path: str) -> Iterator[StoredTable]:
        """Open a file, a large one on disk.

        Raises:
            MaterializerError: the file is not parquet.
        """
        with opened_parquet(self._files, path) as file:
            yield StoredTable(file, path)

    def values(self, column: Any, spec: Spec) -> Any:
        """Return the pandas or numpy array of one whole column that was read as Arrow.

        Raises:
            MaterializerError: the column is not what its description says.
        """
        return filled(self.builder(spec, column.type, len(column)), column.chunks)

    def codes(self, column: Any, spec: Spec) -> tuple[Any, Any]:
        """Return the codes and categories of a whole column that was read as Arrow; a missing value is -1.

        Raises:
            MaterializerError: a value is none of its categories.
        """
        return filled(self.level_builder(spec, len(column)), column.chunks)  # type: ignore[no-any-return]  # a pair

    def builder(self, spec: Spec, arrow_type: Any, rows: int) -> ColumnBuilder:
        """Return what makes a column of any kind.

        Raises:
            MaterializerError: its kind is unknown here.
        """
        if spec.get("kind") != "category":
            return builder_for(spec, arrow_type, rows)
        return _Category(self.level_builder(spec, rows), spec["ordered"])

    def level_builder(self, spec: Spec, rows: int) -> ColumnBuilder:
        """Return what makes the codes of a column and its categories, a pair."""
        from argosy.materializers.frames.axes import make_axis

        with self.opened(spec["file"]) as stored:
            table = stored.whole()
            categories = make_axis(list(table.columns), stored.description["axis"], self)
        return CodesBuilder(categories, table.column(0), rows, spec["file"])


class _Category:
    """Makes a categorical column of its codes and categories."""

    def __init__(self, level: ColumnBuilder, ordered: bool) -> None:
        self._level = level
        self._ordered = ordered

    def add(self, array: Any) -> None:
        self._level.add(array)

    def finish(self) -> Any:
        codes, categories = self._level.finish()
        return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories, ordered=self._ordered))
