"""What a DataFrame or Series of polars looks like. Of large cells only the beginning becomes Python objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from argosy.materializers.previews.cells import MOST_ITEMS, cell_of
from argosy.materializers.previews.columns import (
    COUNTED_VALUES,
    about_moments,
    about_numbers,
    about_texts,
    about_truths,
    sampled_blocks,
)
from argosy.materializers.previews.page import MOST_CHARACTERS, cut
from argosy.materializers.previews.tables import (
    COLUMNS,
    DESCRIBED_COLUMNS,
    ROWS,
    column_page,
    first_rows,
    numbered,
    table_page,
)

_MOST_BYTES = 4 << 10
"""Bytes beyond that are told by their number."""


def frame_as_html(frame: pl.DataFrame) -> bytes:
    """Return the first 10 rows of the first 20 columns, and a line for each column; of a long frame by a sample."""
    blocks = sampled_blocks(frame.height)
    described = [
        [cut(column.name), cut(str(column.dtype), 30), *_described(column, blocks)]
        for column in (frame.get_columns()[:DESCRIBED_COLUMNS] if frame.height else [])
    ]
    head = frame.get_columns()[:COLUMNS]
    texts = [place for place, column in enumerate(head) if not column.dtype.is_numeric()]
    cells = [_cells(column) for column in head]
    names = [column.name for column in head]
    shown = first_rows(names, numbered(frame.height), cells, texts=texts, is_cut=frame.width > COLUMNS)
    return table_page(frame.shape, sum(rows for _, rows in blocks), shown, described)


def series_as_html(series: pl.Series) -> bytes:
    """Return a line about a series, with a histogram, and its first 10 rows."""
    blocks = sampled_blocks(len(series))
    dtype = cut(str(series.dtype))
    told = [dtype, *_described(series, blocks)] if len(series) else []
    head = list(zip(numbered(len(series)), _cells(series), strict=True))
    name = cut(series.name) if series.name else None
    return column_page(name, dtype, len(series), sum(rows for _, rows in blocks), head, told)


def _cells(column: pl.Series) -> list[str]:
    """Return the cells of the first rows."""
    head = column.head(ROWS)
    cells = [cell_of(value) for value in _short(head).to_list()]
    if head.dtype == pl.Binary:
        sizes = head.bin.size().to_list()
        return [
            cell if size is None or size <= _MOST_BYTES else f"{size:,} bytes"
            for cell, size in zip(cells, sizes, strict=True)
        ]
    return cells


def _short(column: pl.Series) -> pl.Series:
    """Return a column whose texts, bytes and lists are cut."""
    return column.to_frame("column").select(_cut(pl.col("column"), column.dtype)).to_series()


def _cut(values: pl.Expr, dtype: Any) -> pl.Expr:
    if dtype == pl.String:
        return values.str.slice(0, MOST_CHARACTERS + 1)
    if dtype == pl.Binary:
        return pl.when(values.bin.size() > _MOST_BYTES).then(pl.lit("…".encode())).otherwise(values)
    if isinstance(dtype, pl.Array):
        values, dtype = values.arr.to_list(), pl.List(dtype.inner)
    if isinstance(dtype, pl.List):
        return values.list.head(MOST_ITEMS).list.eval(_cut(pl.element(), dtype.inner))
    if isinstance(dtype, pl.Struct) and dtype.fields:
        fields = [
            _cut(values.struct.field(field.name), field.dtype).alias(field.name) for field in dtype.fields[:MOST_ITEMS]
        ]
        return pl.when(values.is_not_null()).then(pl.struct(fields))
    return values


def _described(column: pl.Series, blocks: Sequence[tuple[int, int]]) -> list[str]:
    sample = pl.concat([column.slice(start, rows) for start, rows in blocks], rechunk=False)
    dtype, rows = sample.dtype, len(sample)
    if dtype.is_numeric():
        numbers = sample.cast(pl.Float64).to_numpy()
        return about_numbers(np.asarray(numbers, np.float64), are_whole=dtype.is_integer())
    if dtype == pl.Boolean:
        return about_truths(sample.drop_nulls().cast(pl.Int8).to_numpy(), rows)
    if dtype.is_temporal():
        there = sample.drop_nulls()
        return about_moments(there.to_physical().to_numpy(), rows, str(there.min()), str(there.max()))
    texts: list[str] = []
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        first = column.head(COUNTED_VALUES).drop_nulls()
        texts = _short(first if dtype == pl.String else first.cast(pl.String)).to_list()
    return about_texts(texts, sample.null_count(), rows)
