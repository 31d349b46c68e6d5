"""Indexes of rows and columns: described when simple, else kept as columns of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from argosy.errors import MaterializerError
from argosy.materializers.frames.builders import ColumnBuilder, builder_for, filled
from argosy.materializers.frames.columns import Spec
from argosy.materializers.json_family.encoding import JsonEncoder
from argosy.materializers.json_family.scalars import is_plain_text
from argosy.materializers.nesting import CannotKeepError

if TYPE_CHECKING:
    from argosy.materializers.frames.slices import Column
    from argosy.materializers.frames.tables import TableReader, TableWriter

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

_CHECKED_ROWS = 1 << 18


def describe_axis(index: Any, writer: TableWriter) -> tuple[list[Column], Spec]:
    """Return the columns to write of an index (none for a range) and its description.

    Raises:
        CannotKeepError: it is of a class, or has labels, which cannot be kept exactly.
    """
    cls = type(index)
    if _CLASSES.get(cls.__name__) is not cls:
        raise CannotKeepError(f"an index of class {cls.__module__}.{cls.__qualname__} has no faithful form in parquet")
    spec: Spec = {"class": cls.__name__, "names": [_encoded(name) for name in index.names]}
    if cls is pd.MultiIndex:
        columns, levels = [], []
        for level, codes in zip(index.levels, index.codes, strict=True):
            if level.hasnans or not level.is_unique:
                raise CannotKeepError("a MultiIndex with missing or repeated values among its levels")
            column, level_spec = writer.categories(codes, level, {"kind": "category", "ordered": False})
            columns.append(column)
            levels.append(level_spec)
        return columns, {**spec, "levels": levels}
    if cls is pd.RangeIndex:
        return [], {**spec, "range": [index.start, index.stop, index.step]}
    column, spec["column"] = writer.column(index.array)
    if cls in (pd.DatetimeIndex, pd.TimedeltaIndex) and index.freq is not None:
        if pd.tseries.frequencies.to_offset(index.freq.freqstr) != index.freq:
            raise CannotKeepError(f"an index with the frequency {index.freq!r} cannot be described by its text")
        spec["freq"] = index.freq.freqstr
    return [column], spec


def describe_labels(columns: Any, writer: TableWriter, path: str) -> Spec:
    """Describe the labels of columns: in place when they are plain distinct text, else in a file at ``path``."""
    plain = type(columns) is pd.Index and all(type(label) is str and is_plain_text(label) for label in columns)
    if plain and len(columns):
        _, column = writer.column(columns.array)
        if column["kind"] in ("text", "string"):
            names = [_encoded(name) for name in columns.names]
            return {"class": "Index", "names": names, "labels": list(columns), "column": column}
    levels, spec = describe_axis(columns, writer)
    if levels:
        names = [f"level_{position}" for position in range(len(levels))]
        writer.add(path, writer.table(names, levels, {}))
        spec["file"] = path
    return spec


def axis_builders(spec: Spec, types: list[Any], rows: int, reader: TableReader) -> list[ColumnBuilder]:
    """Return what makes the columns of an index, which have these Arrow types.

    Raises:
        MaterializerError: a column is of a kind that is unknown here.
    """
    if "levels" in spec:
        return [reader.level_builder(level, rows) for level in spec["levels"]]
    return [reader.builder(spec["column"], types[0], rows)] if "column" in spec and "labels" not in spec else []


def make_axis(columns: list[Any], spec: Spec, reader: TableReader) -> Any:
    """Make an index from its whole Arrow columns and description.

    Raises:
        MaterializerError: the description does not fit this version of pandas.
    """
    if "file" in spec:
        with reader.opened(spec["file"]) as stored:
            return axis_of(stored.fill(axis_builders(spec, stored.types, stored.rows, reader)), spec)
    types, rows = [column.type for column in columns], len(columns[0]) if columns else 0
    builders = axis_builders(spec, types, rows, reader)
    return axis_of([filled(builder, column.chunks) for builder, column in zip(builders, columns, strict=False)], spec)


def axis_of(made: list[Any], spec: Spec) -> Any:
    """Make an index from what the builders of its columns made.

    Raises:
        MaterializerError: the description does not fit this version of pandas.
    """
    names = [_hashable(name) for name in spec["names"]]
    if "range" in spec:
        start, stop, step = spec["range"]
        index: Any = pd.RangeIndex(start, stop, step, name=names[0])
    elif "labels" in spec:
        labels = pa.array(spec["labels"], pa.large_string())
        index = _plain_index(filled(builder_for(spec["column"], labels.type, len(labels)), [labels]), names[0])
    elif "levels" in spec:
        index = pd.MultiIndex(
            levels=[level for _, level in made],
            codes=[codes for codes, _ in made],
            names=names,
            verify_integrity=False,
        )
    else:
        index = _plain_index(made[0], names[0])
    if "freq" in spec:
        _set_frequency(index, pd.tseries.frequencies.to_offset(spec["freq"]))
    if type(index).__name__ != spec["class"]:
        raise MaterializerError(f"an index of class {spec['class']} came back as {type(index).__name__}")
    return index


def _set_frequency(index: Any, offset: Any) -> None:
    """Set the frequency of an index; pandas checks it by making all it checks once more, so it checks parts."""
    if len(index) > _CHECKED_ROWS:
        for start in range(0, len(index) - 1, _CHECKED_ROWS):
            part = index[start : start + _CHECKED_ROWS + 1]
            part.freq = offset
        holder = index if hasattr(index, "_freq") else index._data  # since pandas 3.1, and before
        holder._freq = offset
    if index.freq != offset:
        index.freq = offset


def _plain_index(values: Any, name: Any) -> Any:
    return pd.Index(values, dtype=values.dtype, name=name, copy=False)


def _encoded(name: Any) -> Any:
    return JsonEncoder(None).encode(name)


def _hashable(name: Any) -> Any:
    return tuple(name) if isinstance(name, list) else name
