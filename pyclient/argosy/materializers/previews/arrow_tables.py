"""What a table of pyarrow looks like. Of large cells only the beginning becomes Python objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from argosy.materializers.previews.cells import MOST_ITEMS, cell_of, text_of
from argosy.materializers.previews.columns import (
    COUNTED_VALUES,
    about_moments,
    about_numbers,
    about_texts,
    about_truths,
    sampled_blocks,
)
from argosy.materializers.previews.page import MOST_CHARACTERS, cut
from argosy.materializers.previews.tables import COLUMNS, DESCRIBED_COLUMNS, ROWS, first_rows, numbered, table_page

_MOST_BYTES = 4 * (MOST_CHARACTERS + 1)
"""Of UTF-8, which takes up to 4 bytes for a character."""


def table_as_html(table: pa.Table) -> bytes:
    """Return the first 10 rows of the first 20 columns, and a line for each column; of a long table by a sample."""
    blocks = sampled_blocks(table.num_rows)
    fields = list(table.schema)[:DESCRIBED_COLUMNS]
    described = [
        [cut(field.name), cut(str(field.type), 30), *_described(table.column(place), blocks)]
        for place, field in enumerate(fields if table.num_rows else [])
    ]
    sampled = sum(rows for _, rows in blocks)
    return table_page(table.shape, sampled, _rows_as_html(table.schema, _first_cells(table), table.num_rows), described)


class StreamHead:
    """What is shown of a stream: its first rows, which it holds as short texts alone, and how many went by."""

    def __init__(self, schema: pa.Schema) -> None:
        """Begin with a stream of no rows."""
        self._schema = schema
        self._cells: list[list[str]] = [[] for _ in schema.names[:COLUMNS]]
        self._rows = 0
        self._problem: Exception | None = None

    def see(self, batch: pa.RecordBatch) -> None:
        """Take the rows of the next batch into account; what cannot be shown is told by :meth:`as_html`."""
        if self._rows < ROWS:
            try:
                for cells, more in zip(self._cells, _first_cells(batch), strict=True):
                    cells += more[: ROWS - self._rows]
            except Exception as error:  # whatever it is: the stream is being saved, and a look must not end that
                self._problem = error
        self._rows += batch.num_rows

    def as_html(self) -> bytes:
        """Return the first 10 rows of the first 20 columns.

        Raises:
            Exception: they cannot be shown.
        """
        if self._problem is not None:
            raise self._problem
        shown = _rows_as_html(self._schema, self._cells, self._rows)
        return table_page((self._rows, len(self._schema)), self._rows, shown, [])


def _first_cells(table: Any) -> list[list[str]]:
    """Return the cells of the first rows, column by column, of a table or record batch."""
    return [[cell_of(shortened(cell)) for cell in column.slice(0, ROWS)] for column in table.columns[:COLUMNS]]


def _rows_as_html(schema: pa.Schema, cells: Sequence[Sequence[str]], rows: int) -> str:
    """Return the first rows as a table."""
    types = pa.types
    texts = [
        place
        for place, field in enumerate(list(schema)[:COLUMNS])
        if not (types.is_integer(field.type) or types.is_floating(field.type) or types.is_decimal(field.type))
    ]
    return first_rows(schema.names[:COLUMNS], numbered(rows), cells, texts=texts, is_cut=len(schema) > COLUMNS)


def _described(column: Any, blocks: Sequence[tuple[int, int]]) -> list[str]:
    chunks = [chunk for start, rows in blocks for chunk in column.slice(start, rows).chunks]
    sample = pa.chunked_array(chunks, column.type)
    try:
        told = _told(sample)
    except pa.ArrowException:  # a type that cannot be counted with
        told = None
    if told is not None:
        return told
    frequent = [text_of(shortened(cell)) for cell in column.slice(0, COUNTED_VALUES) if cell.is_valid]
    return about_texts(frequent, sample.null_count, len(sample))


def _told(sample: Any) -> list[str] | None:
    """Return what is told of numbers, truths and moments; ``None`` of all else."""
    kind, rows = sample.type, len(sample)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = np.asarray(sample.cast(pa.float64(), safe=False).to_numpy(), np.float64)
        return about_numbers(numbers, are_whole=pa.types.is_integer(kind))
    if pa.types.is_boolean(kind):
        return about_truths(sample.drop_null().cast(pa.int8()).to_numpy(), rows)
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        there = sample.drop_null()
        narrow = pa.types.is_date32(kind) or pa.types.is_time32(kind)
        ticks = there.cast(pa.int32() if narrow else pa.int64()).to_numpy()
        ends = [there[int(place)] for place in (ticks.argmin(), ticks.argmax())] if ticks.size else []
        low, high = [text_of(shortened(end)) for end in ends] or ["", ""]
        return about_moments(ticks, rows, low, high)
    return None


def shortened(scalar: Any) -> Any:
    """Return a cell as Python has it, of text, bytes and lists the beginning: the buffers are not copied."""
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.BinaryScalar):
        head = scalar.as_buffer()[:_MOST_BYTES].to_pybytes()
        return head.decode("utf-8", "ignore") if isinstance(scalar, pa.StringScalar) else head
    if isinstance(scalar, pa.ListScalar):
        return [shortened(item) for item in scalar.values.slice(0, MOST_ITEMS)]
    if isinstance(scalar, pa.StructScalar):
        fields = [scalar.type.field(place).name for place in range(min(scalar.type.num_fields, MOST_ITEMS))]
        return {name: shortened(item) for name, item in zip(fields, scalar.values(), strict=False)}
    if isinstance(scalar, pa.DictionaryScalar | pa.ExtensionScalar | pa.RunEndEncodedScalar | pa.UnionScalar):
        return shortened(scalar.value) if scalar.value is not None else None
    try:
        return scalar.as_py()
    except ValueError:  # nanoseconds, which Python does not have
        return str(scalar)
