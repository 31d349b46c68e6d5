"""What a DataFrame or a Series looks like: its first rows, and a line about each column with a strip of its histogram.

Of a long one a sample of the rows is looked at, in blocks spread evenly: the time does not grow with its length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from argosy.materializers.previews.cells import cell_of, text_of
from argosy.materializers.previews.columns import (
    COUNTED_VALUES,
    about_moments,
    about_numbers,
    about_texts,
    about_truths,
    sampled_blocks,
)
from argosy.materializers.previews.page import cut
from argosy.materializers.previews.tables import (
    COLUMNS,
    DESCRIBED_COLUMNS,
    ROWS,
    column_page,
    first_rows,
    table_page,
)


def head_as_html(frame: pd.DataFrame) -> bytes:
    """Return the first 10 rows of the first 20 columns, each cell cut to 80 characters, and a line for each column."""
    rows, columns = frame.shape
    sample = _sampled(rows, lambda taken: _part(frame, taken, DESCRIBED_COLUMNS))
    described = [[cut(text_of(label)), *_described(column)] for label, column in sample.items()] if rows else []
    return table_page((rows, columns), len(sample), _head(frame), described)


def series_as_html(series: pd.Series[Any]) -> bytes:
    """Return a line about a series, with a histogram, and its first 10 rows."""
    name = None if series.name is None else cut(text_of(series.name))
    sample = _sampled(len(series), lambda taken: series.iloc[taken])
    head = [
        [cut(text_of(label)), _cell(value)]
        for label, value in zip(series.index[:ROWS], _values(series.iloc[:ROWS]), strict=True)
    ]
    told = _described(sample) if len(series) else []
    return column_page(name, cut(str(series.dtype)), len(series), len(sample), head, told)


def _head(frame: pd.DataFrame) -> str:
    head = _part(frame, slice(ROWS), COLUMNS)
    texts = [place for place, dtype in enumerate(head.dtypes) if _kind(dtype) not in "iufcb"]
    labels = [cut(text_of(label)) for label in head.index]
    columns = [list(map(_cell, _values(column))) for _, column in head.items()]
    return first_rows([*map(text_of, head.columns)], labels, columns, texts=texts, is_cut=frame.shape[1] > COLUMNS)


def _part(frame: pd.DataFrame, rows: slice, columns: int) -> pd.DataFrame:
    """Return some rows of the first columns, in this order: before pandas 3 choosing columns copies all their rows."""
    return frame.iloc[rows].iloc[:, :columns]


def _sampled(rows: int, part: Callable[[slice], Any]) -> Any:
    """Return some rows, from everywhere in a frame or series, of which ``part`` returns those that it is asked for."""
    parts = [part(slice(start, start + count)) for start, count in sampled_blocks(rows)]
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _described(column: pd.Series[Any]) -> list[str]:
    """Return the cells about one column, its type first."""
    kind, rows = _kind(column.dtype), len(column)
    dtype = cut(str(column.dtype), 30)
    if kind in "iuf":
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return [dtype, *about_numbers(numbers, are_whole=kind in "iu")]
    if kind == "b":
        return [dtype, *about_truths(column.dropna().to_numpy(dtype=np.float64), rows)]
    if kind in "mM":
        there = column.dropna()
        low, high = (there.min(), there.max()) if len(there) else ("", "")
        return [dtype, *about_moments(np.asarray(there.astype(np.int64)), rows, text_of(low), text_of(high))]
    texts = map(text_of, _values(column.iloc[:COUNTED_VALUES].dropna()))
    return [dtype, *about_texts(texts, int(column.isna().sum()), rows)]


def _kind(dtype: Any) -> str:
    """Return the kind of a dtype as numpy has it; of one that numpy does not have, ``O``."""
    is_known = isinstance(dtype, (np.dtype, pd.DatetimeTZDtype)) or dtype._is_numeric
    return str(getattr(dtype, "kind", "O")) if is_known else "O"


def _values(column: pd.Series[Any]) -> Iterable[Any]:
    """Return values as Python has them; of those that Arrow holds the beginning, before all of it is copied."""
    dtype: Any = column.dtype
    if not isinstance(dtype, pd.ArrowDtype) and getattr(dtype, "storage", "python") != "pyarrow":
        return column.tolist()
    from argosy.materializers.previews.arrow_tables import shortened

    cells: Any = column.array.__arrow_array__()
    return (shortened(cell) if cell.is_valid else dtype.na_value for cell in cells)


def _cell(value: Any) -> str:
    return cut("None") if value is None else cell_of(value)
