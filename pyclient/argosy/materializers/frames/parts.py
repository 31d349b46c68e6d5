"""Columns and rows of a frame kept as ``parquet``.

Of the file are read its footer and, of each row group that has wanted rows, the wanted columns and the index.
"""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from argosy.errors import ArgosyError, MaterializerError, ParameterError
from argosy.materializers.frames.axes import make_axis
from argosy.materializers.frames.materializer import FILE, finish
from argosy.materializers.frames.tables import TableReader
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.parquet_files import METADATA_KEY
from argosy.materializers.parquet_ranges import RangedParquet

if TYPE_CHECKING:
    from argosy.materializers.frames.columns import Spec
    from argosy.materializers.partial import Part, RangedFile, RangedSource

Kept = TypeVar("Kept", pd.DataFrame, "pd.Series[Any]")

_MOST_NAMED = 10


def load_frame_part(files: RangedSource, part: Part, name: str) -> pd.DataFrame:
    """Return columns and rows of a frame, as they would be taken from the whole.

    Raises:
        ParameterError: a label is that of no column; names near ones.
        MaterializerError: the files are malformed, or need a newer pandas.
    """
    with _opened(files) as table:
        if table.spec is None:
            return _foreign_part(table, part, name)
        if "labels" not in table.spec:
            raise MaterializerError(f"{FILE} was written as a series, not as a frame; load it as a Series")
        labels = make_axis([], table.spec["labels"], TableReader(files))
        places = list(range(len(labels))) if part.columns is None else _places(labels, part.columns, name)
        rows, step = part.rows_of(table.spec["rows"])
        index, columns = _values(table, files, places, rows)
        positions = pd.RangeIndex(len(rows))
        # Series, not arrays: the constructor would infer new dtypes from arrays of objects.
        frame = pd.DataFrame(
            {
                position: pd.Series(columns[place], positions, columns[place].dtype, copy=False)
                for position, place in enumerate(places)
            },
            index=positions,
            copy=False,
        )
        frame.index = index
        frame.columns = labels if part.columns is None else labels.take(places)
        finish(frame, table.spec)
        return _every(frame, step)


def load_series_part(files: RangedSource, part: Part, name: str) -> pd.Series[Any]:
    """Return rows of a series, as they would be taken from the whole.

    Raises:
        MaterializerError: the files are malformed, or need a newer pandas.
    """
    with _opened(files) as table:
        if table.spec is None or "name" not in table.spec:
            raise MaterializerError(f"{FILE} was not written as a series; load it as a DataFrame")
        rows, step = part.rows_of(table.spec["rows"])
        index, columns = _values(table, files, [0], rows)
        series = pd.Series(columns[0], index, columns[0].dtype, name=table.spec["name"], copy=False)
        finish(series, table.spec)
        return _every(series, step)


class _Table(RangedParquet):
    """One parquet file, with the description of a frame where it has one."""

    def __init__(self, file: RangedFile) -> None:
        super().__init__(file)
        text = (self.schema.metadata or {}).get(METADATA_KEY)
        self.spec: Spec | None = None if text is None else JsonDecoder(None).decode(text)


@contextmanager
def _opened(files: RangedSource) -> Iterator[_Table]:
    with files.open_file(FILE) as file:
        try:
            yield _Table(file)
        except ArgosyError:
            raise
        except (pa.ArrowException, OSError) as error:  # see parquet_files.parquet_errors
            raise MaterializerError(f"{FILE} cannot be read as parquet: {error}") from error
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise MaterializerError(f"{FILE} is not what its description says: {error}") from error


def _values(table: _Table, files: RangedSource, places: Sequence[int], rows: range) -> tuple[Any, dict[int, Any]]:
    """Return the index and, by its place in the file, each wanted column of adjacent rows."""
    assert table.spec is not None
    reader, columns, axis = TableReader(files), table.spec["columns"], table.spec["index"]
    names, kept = table.schema.names, sorted(set(places))
    levels = names[len(columns) :]
    fields = [names[place] for place in kept] + levels
    found = table.read(fields, rows).columns if fields else []
    if any(len(column) != len(rows) for column in found):
        raise MaterializerError(f"{FILE} does not have all of the {table.spec['rows']} rows it describes")
    index = make_axis(found[len(kept) :], axis, reader)
    if "range" in axis:
        index = index[rows.start : rows.stop]
    values = {place: reader.values(column, columns[place]) for place, column in zip(kept, found, strict=False)}
    return index, values


def _places(labels: Any, columns: Sequence[Hashable], name: str) -> list[int]:
    """Return the places of columns, in the order asked for; one label may be that of several, as in pandas."""
    found: list[int] = []
    for label in columns:
        try:
            place = labels.get_loc(label)
        except (KeyError, TypeError, pd.errors.InvalidIndexError):
            known = [str(item) for item in labels]
            near = difflib.get_close_matches(str(label), known, n=3, cutoff=0.5)
            shown = f"near it are {', '.join(near)}" if near else f"it has {_list(known)}"
            raise ParameterError(f"columns=: {name} has no column {label!r}; {shown}") from None
        found += np.atleast_1d(np.arange(len(labels))[place]).tolist()
    return found


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return (", ".join(names[:_MOST_NAMED]) or "none") + more


def _foreign_part(table: _Table, part: Part, name: str) -> pd.DataFrame:
    """Read a file that somebody else wrote, as pandas does it."""
    names = table.schema.names
    described = (table.schema.pandas_metadata or {}).get("index_columns", [])
    levels = [level for level in described if isinstance(level, str) and level in names]
    data = [field for field in names if field not in levels]
    labels = pa.Table.from_batches([], table.schema).to_pandas().columns
    places = list(range(len(data))) if part.columns is None else _places(labels, part.columns, name)
    kept = list(dict.fromkeys(places))
    fields = [data[place] for place in kept] + levels
    if repeated := sorted({field for field in fields if names.count(field) > 1}):
        raise MaterializerError(
            f"{FILE} has several columns named {repeated[0]!r}, which cannot be told apart; "
            "leave columns= and rows= out"
        )
    rows, step = part.rows_of(table.rows)
    index = None if levels else _foreign_range(described, table.rows)[rows.start : rows.stop]
    if fields:
        frame: pd.DataFrame = table.read(fields, rows).to_pandas(use_threads=False)
        frame = frame if index is None else frame.set_axis(index, axis=0)
    else:
        frame = pd.DataFrame(index=index, columns=labels[:0])
    if places != kept:
        frame = frame.iloc[:, [kept.index(place) for place in places]]
    return _every(frame, step)


def _foreign_range(described: Sequence[Any], rows: int) -> pd.RangeIndex:
    """Return the index of a whole file that keeps none as columns."""
    if len(described) == 1 and isinstance(described[0], dict) and described[0].get("kind") == "range":
        only = described[0]
        made = pd.RangeIndex(only["start"], only["stop"], only["step"], name=only["name"])
        if len(made) == rows:
            return made
    return pd.RangeIndex(rows)


def _every(value: Kept, step: int) -> Kept:
    return value if step == 1 else value.iloc[::step].copy()
