"""Columns of pandas made from Arrow arrays that arrive one after the other.

What pandas keeps in one buffer is allocated once and filled; what it keeps as Arrow is only collected. Neither ever
holds a column twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from argosy.errors import MaterializerError
from argosy.materializers.frames.columns import Spec, time_type
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.pandas_scalars import decode_zone

_CHUNK_BYTES = 4 << 20
"""Smaller Arrow arrays are joined: many of them would make the column slow to work with."""
_LOOKED_UP_BYTES = 2 << 20
_NO_TIME = np.iinfo(np.int64).min
_TICKS = np.dtype(np.int64)


class ColumnBuilder(Protocol):
    """Makes one column. It is used up by :meth:`finish`."""

    def add(self, array: Any) -> None:
        """Take the next rows as an Arrow array.

        Raises:
            MaterializerError: they are not what the description says.
        """
        ...

    def finish(self) -> Any:
        """Return the pandas or numpy array, writable as pandas expects.

        Raises:
            MaterializerError: rows are missing, or the description needs a newer pandas.
        """
        ...


def builder_for(spec: Spec, arrow_type: Any, rows: int) -> ColumnBuilder:
    """Return what makes a column that is no category.

    Raises:
        MaterializerError: its kind is unknown here.
    """
    kind = spec.get("kind")
    if kind == "numpy":
        return _Filled(np.empty(rows, spec["dtype"]), _numbers)
    if kind in ("datetime", "timedelta"):
        return _times(spec, rows)
    if kind == "period":
        period: Any = pd.api.types.pandas_dtype(spec["dtype"])
        return _Filled(np.empty(rows, _TICKS), _numbers, lambda ordinals: pd.arrays.PeriodArray(ordinals, dtype=period))
    if kind == "interval":
        return _Intervals(spec, rows)
    if kind == "json":
        return _Filled(np.empty(rows, object), _documents)
    if kind in ("text", "binary"):
        return _Filled(np.empty(rows, object), _present_or_nan if spec.get("missing") == "nan" else _objects)
    if kind == "arrow":
        return _Gathered(pd.ArrowDtype(arrow_type), arrow_type, rows)
    if kind == "string":
        dtype = _string_dtype(spec)
        if dtype.storage != "python":
            return _Gathered(dtype, arrow_type, rows)
        return _extension(dtype, rows)
    if kind == "nullable":
        return _extension(pd.api.types.pandas_dtype(spec["dtype"]), rows)
    raise MaterializerError(f"unknown kind of column {kind!r}; it was written by a newer Argosy: upgrade")


def filled(builder: ColumnBuilder, arrays: Iterable[Any]) -> Any:
    """Return what a builder makes of arrays that are there already."""
    for array in arrays:
        builder.add(array)
    return builder.finish()


class CodesBuilder:
    """Makes the codes of values and hands them out with their categories; a missing value is -1."""

    def __init__(self, categories: Any, known: Any, rows: int, path: str) -> None:
        """Make codes of ``categories``, which are the Arrow column ``known`` of the file ``path``."""
        smallest = next(size for size in (np.int8, np.int16, np.int32, np.int64) if len(known) <= np.iinfo(size).max)
        self._filled = _Filled(np.empty(rows, smallest), self._codes)
        self._categories = categories
        self._known = known
        self._path = path
        self._waiting: list[Any] = []

    def add(self, array: Any) -> None:
        """Take the next rows."""
        self._waiting.append(array)
        rows, size = sum(map(len, self._waiting)), sum(part.nbytes for part in self._waiting)
        # Every look-up reads all categories: with many of them it waits for many rows, or for much.
        if rows >= 4 * len(self._known) or (size >= _LOOKED_UP_BYTES and rows * 8 >= len(self._known)):
            self._look_up()

    def finish(self) -> Any:
        """Return codes and categories."""
        self._look_up()
        return self._filled.finish(), self._categories

    def _look_up(self) -> None:
        if self._waiting:
            waiting, self._waiting = pa.chunked_array(self._waiting), []
            self._filled.add(waiting)

    def _codes(self, column: Any) -> Any:
        encoded = column.combine_chunks().dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        places = pc.index_in(encoded.dictionary, value_set=self._known.cast(encoded.dictionary.type))
        if places.null_count:
            raise MaterializerError(f"a column has values which are none of its categories ({self._path})")
        return pc.fill_null(places.take(encoded.indices), -1).to_numpy(zero_copy_only=False)


class _Filled:
    """Fills what was allocated for all rows."""

    def __init__(
        self, target: Any, convert: Callable[[Any], Any], finish: Callable[[Any], Any] = lambda filled: filled
    ) -> None:
        self._target = target
        self._convert = convert
        self._finish = finish
        self._done = 0

    def add(self, array: Any) -> None:
        stop = self._done + len(array)
        self._target[self._done : stop] = self._convert(array)
        self._done = stop

    def finish(self) -> Any:
        _check_rows(self._done, len(self._target))
        return self._finish(self._target)


class _Gathered:
    """Collects Arrow arrays for a column that stays Arrow."""

    def __init__(self, dtype: Any, arrow_type: Any, rows: int) -> None:
        self._dtype = dtype
        self._type = arrow_type
        self._rows = rows
        self._chunks: list[Any] = []
        self._small: list[Any] = []
        self._joins = not (pa.types.is_nested(arrow_type) or pa.types.is_dictionary(arrow_type))

    def add(self, array: Any) -> None:
        self._small.append(array)
        if not self._joins or sum(small.nbytes for small in self._small) >= _CHUNK_BYTES:
            self._join()

    def finish(self) -> Any:
        self._join()
        column = pa.chunked_array(self._chunks, self._type)
        _check_rows(len(column), self._rows)
        return _checked(self._dtype, column)

    def _join(self) -> None:
        if self._small:
            self._chunks.append(pa.concat_arrays(self._small) if len(self._small) > 1 else self._small[0])
            self._small = []


class _Intervals:
    """Fills both ends of intervals."""

    def __init__(self, spec: Spec, rows: int) -> None:
        self._left = np.empty(rows, spec["dtype"])
        self._right = np.empty(rows, spec["dtype"])
        self._closed = spec["closed"]
        self._done = 0

    def add(self, array: Any) -> None:
        decoder = JsonDecoder(None)
        for text in array.to_pylist():
            bounds = (np.nan, np.nan) if text is None else decoder.decode(text)
            self._left[self._done], self._right[self._done] = bounds
            self._done += 1

    def finish(self) -> Any:
        _check_rows(self._done, len(self._left))
        return pd.arrays.IntervalArray.from_arrays(self._left, self._right, closed=self._closed)


def _check_rows(found: int, expected: int) -> None:
    if found != expected:
        raise MaterializerError(f"a column has {found} rows, the file says {expected}")


def _numbers(array: Any) -> Any:
    if array.null_count:
        raise MaterializerError(f"a column of {array.type} has {array.null_count} missing values")
    return array.to_numpy(zero_copy_only=False)


def _times(spec: Spec, rows: int) -> ColumnBuilder:
    def ticks(array: Any) -> Any:
        counted = array.cast(time_type(spec)).cast(pa.int64())
        return pc.fill_null(counted, int(_NO_TIME)).to_numpy(zero_copy_only=False)

    dtype = f"{'m' if spec['kind'] == 'timedelta' else 'M'}8[{spec['unit']}]"
    if "zone" not in spec:
        return _Filled(np.empty(rows, _TICKS), ticks, lambda filled: filled.view(dtype))
    zone = decode_zone(spec["zone"])

    def moments(array: Any) -> Any:
        return pd.DatetimeIndex(ticks(array).view(dtype)).tz_localize("UTC").tz_convert(zone).array

    return _Filled(pd.DatetimeTZDtype(spec["unit"], zone).empty(rows), moments)


def _extension(dtype: Any, rows: int) -> ColumnBuilder:
    return _Filled(dtype.empty(rows), lambda array: _checked(dtype, array))


def _documents(array: Any) -> Any:
    decoder = JsonDecoder(None)
    made = np.empty(len(array), object)
    for index, text in enumerate(array.to_pylist()):
        made[index] = decoder.decode(text)
    return made


def _objects(array: Any) -> Any:
    return array.to_numpy(zero_copy_only=False)


def _present_or_nan(array: Any) -> Any:
    made = array.to_numpy(zero_copy_only=False)
    if array.null_count:
        made[array.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return made


def _string_dtype(spec: Spec) -> Any:
    if spec["missing"] == "NA":
        return pd.StringDtype(spec["storage"])
    try:
        return pd.StringDtype(spec["storage"], na_value=np.nan)
    except TypeError as error:
        raise MaterializerError("a column of dtype 'str' needs pandas 3; upgrade pandas") from error


def _checked(dtype: Any, column: Any) -> Any:
    made = dtype.__from_arrow__(column)
    if made.dtype != dtype:
        raise MaterializerError(f"a column of dtype {dtype} came back as {made.dtype}")
    return made
