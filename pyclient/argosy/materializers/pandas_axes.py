"""Indexes of rows and columns: described when simple, else kept as columns of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from argosy.errors import MaterializerError
from argosy.materializers.json_encoding import JsonEncoder
from argosy.materializers.json_scalars import is_plain_text
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.pandas_columns import Spec, from_arrow

if TYPE_CHECKING:
    from argosy.materializers.pandas_tables import TableReader, TableWriter

_CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        pd.Index,
        pd.RangeIndex,
        pd.DatetimeIndex,
        pd.TimedeltaIndex,
        pd.PeriodIndex,
        pd.CategoricalIndex,
        pd.IntervalIndex,
        pd.MultiIndex,
    )
}


def describe_axis(index: Any, writer: TableWriter) -> tuple[list[Any], Spec]:
    """Return the Arrow columns of an index (none for a range) and its description.

    Raises:
        CannotKeepError: it is of a class, or has labels, which cannot be kept exactly.
    """
    cls = type(index)
    if _CLASSES.get(cls.__name__) is not cls:
        raise CannotKeepError(f"an index of class {cls.__module__}.{cls.__qualname__} has no faithful form in parquet")
    spec: Spec = {"class": cls.__name__, "names": [_encoded(name) for name in index.names]}
    if cls is pd.MultiIndex:
        arrays, levels = [], []
        for level, codes in zip(index.levels, index.codes, strict=True):
            if level.hasnans or not level.is_unique:
                raise CannotKeepError("a MultiIndex with missing or repeated values among its levels")
            array, level_spec = writer.categories(codes, level, {"kind": "category", "ordered": False})
            arrays.append(array)
            levels.append(level_spec)
        return arrays, {**spec, "levels": levels}
    if cls is pd.RangeIndex:
        return [], {**spec, "range": [index.start, index.stop, index.step]}
    array, column = writer.column(index.array)
    spec["column"] = column
    if cls in (pd.DatetimeIndex, pd.TimedeltaIndex) and index.freq is not None:
        if pd.tseries.frequencies.to_offset(index.freq.freqstr) != index.freq:
            raise CannotKeepError(f"an index with the frequency {index.freq!r} cannot be described by its text")
        spec["freq"] = index.freq.freqstr
    return [array], spec


def describe_labels(columns: Any, writer: TableWriter, path: str) -> Spec:
    """Describe the labels of columns: in place when they are plain distinct text, else in a file at ``path``."""
    plain = type(columns) is pd.Index and all(type(label) is str and is_plain_text(label) for label in columns)
    if plain and len(columns):
        _, column = writer.column(columns.array)
        if column["kind"] in ("text", "string"):
            names = [_encoded(name) for name in columns.names]
            return {"class": "Index", "names": names, "labels": list(columns), "column": column}
    arrays, spec = describe_axis(columns, writer)
    if arrays:
        names = [f"level_{position}" for position in range(len(arrays))]
        writer.add(path, writer.table(names, arrays, {}))
        spec["file"] = path
    return spec


def make_axis(columns: list[Any], spec: Spec, reader: TableReader) -> Any:
    """Make an index from its Arrow columns and description.

    Raises:
        MaterializerError: the description does not fit this version of pandas.
    """
    names = [_hashable(name) for name in spec["names"]]
    if "file" in spec:
        columns = list(reader.read(spec["file"])[0].columns)
    if "range" in spec:
        start, stop, step = spec["range"]
        made: Any = pd.RangeIndex(start, stop, step, name=names[0])
    elif "labels" in spec:
        labels = pa.chunked_array([pa.array(spec["labels"], pa.large_string())])
        made = _plain_index(from_arrow(labels, spec["column"]), names[0])
    elif "levels" in spec:
        parts = [reader.codes(column, level) for column, level in zip(columns, spec["levels"], strict=True)]
        made = pd.MultiIndex(
            levels=[level for _, level in parts],
            codes=[codes for codes, _ in parts],
            names=names,
            verify_integrity=False,
        )
    else:
        made = _plain_index(reader.values(columns[0], spec["column"]), names[0])
    if "freq" in spec:
        made.freq = pd.tseries.frequencies.to_offset(spec["freq"])
    if type(made).__name__ != spec["class"]:
        raise MaterializerError(f"an index of class {spec['class']} came back as {type(made).__name__}")
    return made


def _plain_index(values: Any, name: Any) -> Any:
    return pd.Index(values, dtype=values.dtype, name=name, copy=False)


def _encoded(name: Any) -> Any:
    return JsonEncoder(None).encode(name)


def _hashable(name: Any) -> Any:
    return tuple(name) if isinstance(name, list) else name
