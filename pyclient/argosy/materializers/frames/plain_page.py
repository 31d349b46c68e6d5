"""What a DataFrame or a Series of plain columns looks like, drawn of its parquet file.

To import pandas takes as long as all else that a look at a small frame needs. The page is to the byte the one that
:mod:`argosy.materializers.previews.frames` draws of the value; what is not plain is left to that.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from argosy.materializers.parquet_files import METADATA_KEY
from argosy.materializers.previews.arrow_tables import shortened
from argosy.materializers.previews.cells import cell_of, text_of
from argosy.materializers.previews.columns import (
    COUNTED_VALUES,
    SAMPLED_ROWS,
    about_moments,
    about_numbers,
    about_texts,
    about_truths,
)
from argosy.materializers.previews.page import cut
from argosy.materializers.previews.tables import COLUMNS, DESCRIBED_COLUMNS, ROWS, column_page, first_rows, table_page

_MISSING = {"None": "None", "nan": "NaN", "NA": "<NA>"}
"""How pandas shows what is missing among texts."""


class _NotPlainError(Exception):
    """Only pandas shows it as pandas does."""


class _Column(NamedTuple):
    """What is shown of a column: the cells of its first rows, its type and what is told of it."""

    cells: list[str]
    about: list[str]
    is_number: bool


def plain_page(content: bytes, *, is_series: bool) -> bytes | None:
    """Return the page about a frame, or a series, that is kept as a parquet file; ``None`` where it is not plain."""
    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            spec = json.loads(file.schema_arrow.metadata[METADATA_KEY])
            return _page(file, spec) if is_series == ("name" in spec) else None
    except Exception:  # whatever it is, pandas draws it, or tells what is wrong with it
        return None


def _page(file: Any, spec: dict[str, Any]) -> bytes:
    rows, index, kinds = file.metadata.num_rows, spec["index"], spec["columns"]
    names = [spec["name"]] if "name" in spec else spec["labels"]["labels"]
    is_plain = rows == spec["rows"] <= SAMPLED_ROWS and len(names) == len(kinds) == len(file.schema_arrow)
    if not is_plain or len(range(*index["range"])) != rows or {"attrs", "allows_duplicate_labels"} & set(spec):
        raise _NotPlainError
    table = file.read(use_threads=False)  # see frames.tables.StoredTable.whole
    columns = [_column(*both) for both in zip(kinds[:DESCRIBED_COLUMNS], table.columns, strict=False)]
    numbers = [str(label) for label in range(*index["range"])[:ROWS]]
    if "name" in spec:
        (name,), (only,) = names, columns
        head = zip(numbers, only.cells, strict=True)
        return column_page(None if name is None else _cut(name), only.about[0], rows, rows, head, only.about)
    shown = columns[:COLUMNS]
    texts = [place for place, column in enumerate(shown) if not column.is_number]
    first = first_rows(
        names[:COLUMNS], numbers, [column.cells for column in shown], texts=texts, is_cut=len(names) > COLUMNS
    )
    described = [[_cut(name), *column.about] for name, column in zip(names, columns, strict=False)] if rows else []
    return table_page((rows, len(names)), rows, first, described)


def _cut(name: Any) -> str:
    if not isinstance(name, str):
        raise _NotPlainError
    return cut(name)


def _column(spec: dict[str, Any], column: Any) -> _Column:
    array = column.combine_chunks()
    if spec["kind"] == "numpy":
        return _numbers(np.dtype(spec["dtype"]), array)
    if spec["kind"] == "datetime" and "zone" not in spec:
        return _moments(spec["unit"], array)
    if spec["kind"] in ("text", "string"):
        return _texts(spec, array)
    raise _NotPlainError


def _numbers(dtype: np.dtype[Any], array: Any) -> _Column:
    if array.null_count or array.type != pa.from_numpy_dtype(dtype) or dtype.kind not in "iufb":
        raise _NotPlainError
    values = _bits(array, 1) if dtype.kind == "b" else _values(array, dtype)
    cells = [cell_of(value) for value in values[:ROWS].tolist()]
    numbers = values.astype(np.float64)
    if dtype.kind == "b":
        return _Column(cells, [str(dtype), *about_truths(numbers, len(values))], is_number=True)
    return _Column(cells, [str(dtype), *about_numbers(numbers, are_whole=dtype.kind in "iu")], is_number=True)


def _values(array: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return what Arrow keeps, as it is: its own ways to numpy import pandas where it is installed."""
    return np.frombuffer(array.buffers()[1] or b"", dtype)[array.offset : array.offset + len(array)]


def _bits(array: Any, which: int) -> npt.NDArray[np.bool_]:
    buffer = array.buffers()[which]
    if buffer is None:
        return np.ones(len(array), np.bool_)
    bits = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].astype(np.bool_)


def _moments(unit: str, array: Any) -> _Column:
    if array.type != pa.timestamp(unit):
        raise _NotPlainError
    dtype = np.dtype(f"M8[{unit}]")
    values = _values(array, dtype).copy()
    values[~_bits(array, 0)] = "NaT"
    there = values[~np.isnat(values)]
    low, high = _moment_texts([there.min(), there.max()]) if there.size else ("", "")
    told = about_moments(there.astype(np.int64), len(values), low, high)
    return _Column(_moment_texts(values[:ROWS]), [str(dtype), *told], is_number=False)


def _moment_texts(values: Any) -> list[str]:
    """Return moments as pandas says them, which is as Python does if it has them."""
    exact = np.asarray(values)
    known = exact.astype("M8[us]")
    there = ~np.isnat(exact)
    if not np.array_equal(known[there].astype(exact.dtype), exact[there]):
        raise _NotPlainError
    moments = known.tolist()
    if any(isinstance(moment, int) for moment in moments):
        raise _NotPlainError
    return ["NaT" if moment is None else str(moment) for moment in moments]


def _texts(spec: dict[str, Any], array: Any) -> _Column:
    if array.type not in (pa.string(), pa.large_string()):
        raise _NotPlainError
    missing = cut(_MISSING[spec["missing"]])
    cells = [cut(shortened(cell)) if cell.is_valid else missing for cell in array[:ROWS]]
    texts = [text_of(shortened(cell)) for cell in array[:COUNTED_VALUES] if cell.is_valid]
    dtype = "object" if spec["kind"] == "text" else "string" if spec["missing"] == "NA" else "str"
    return _Column(cells, [dtype, *about_texts(texts, array.null_count, len(array))], is_number=False)
