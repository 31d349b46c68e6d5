"""One pandas column to one Arrow column and a description of what it was, and back.

Each kind says how a column is written; a column of no kind is refused, never changed.
``docs/formats.md`` lists the kinds for readers in other languages.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from argosy.errors import MaterializerError
from argosy.materializers.json_decoding import JsonDecoder
from argosy.materializers.json_encoding import JsonEncoder
from argosy.materializers.json_scalars import is_plain_text
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.pandas_scalars import decode_zone, encode_zone

Spec = dict[str, Any]
"""The description of a column: ``kind`` and what the kind needs."""

_NO_TIME = np.iinfo(np.int64).min


def describe(values: Any) -> Spec:
    """Return the kind of a column that is no category.

    Raises:
        CannotKeepError: parquet has no faithful form for its dtype.
    """
    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        if dtype.kind in "mM":
            return {"kind": "timedelta" if dtype.kind == "m" else "datetime", "unit": np.datetime_data(dtype)[0]}
        if dtype.kind == "O":
            return _describe_objects(values)
        if dtype.isnative and dtype.kind in "biuf" and dtype.itemsize <= 8:
            return {"kind": "numpy", "dtype": dtype.newbyteorder("<").str}
    if isinstance(dtype, pd.DatetimeTZDtype):
        return {"kind": "datetime", "unit": dtype.unit, "zone": encode_zone(dtype.tz)}
    if isinstance(dtype, pd.StringDtype):
        missing = "NA" if getattr(dtype, "na_value", pd.NA) is pd.NA else "nan"
        return {"kind": "string", "storage": dtype.storage, "missing": missing}
    if isinstance(dtype, pd.ArrowDtype):
        return {"kind": "arrow"}
    if isinstance(dtype, pd.PeriodDtype) and pd.api.types.pandas_dtype(dtype.name) == dtype:
        return {"kind": "period", "dtype": dtype.name}
    if isinstance(dtype, pd.IntervalDtype) and isinstance(dtype.subtype, np.dtype) and dtype.subtype.kind in "iuf":
        return {"kind": "interval", "dtype": dtype.subtype.str, "closed": dtype.closed}
    if isinstance(values, pd.arrays.BooleanArray | pd.arrays.IntegerArray | pd.arrays.FloatingArray):
        return {"kind": "nullable", "dtype": dtype.name}
    raise CannotKeepError(f"dtype {dtype} has no faithful form in parquet")


def _describe_objects(values: Any) -> Spec:
    kinds = set(map(type, values))
    present = kinds - {type(None), float}
    if present == {str} and len(kinds) <= 2 and all(is_plain_text(item) for item in values if type(item) is str):
        if float not in kinds:
            return {"kind": "text", "missing": "None"}
        if all(item != item for item in values if type(item) is float):
            return {"kind": "text", "missing": "nan"}
    if kinds <= {bytes, type(None)} and bytes in kinds:
        return {"kind": "binary"}
    return {"kind": "json"}


def to_arrow(values: Any, spec: Spec) -> Any:
    """Return the Arrow array of a column of this kind; numbers are not copied.

    Raises:
        CannotKeepError: an object in it cannot be said in JSON.
    """
    kind = spec["kind"]
    if kind == "numpy":
        return pa.array(values, from_pandas=False)
    if kind in ("datetime", "timedelta"):
        ticks = values.view(np.int64) if isinstance(values, np.ndarray) else values.asi8
        return pa.array(ticks, mask=ticks == _NO_TIME).view(_time_type(spec))
    if kind == "period":
        return pa.array(values.asi8)
    if kind == "interval":
        return pa.array([None if item is None else _cell(item) for item in _bounds(values)], pa.large_string())
    if kind == "text":
        return pa.array([item if type(item) is str else None for item in values], pa.large_string())
    if kind == "binary":
        return pa.array(list(values), pa.large_binary())
    if kind == "json":
        encoder = JsonEncoder(None)
        return pa.array([_cell(encoder.encode(item)) for item in values], pa.large_string())
    return values.__arrow_array__()


def _bounds(values: Any) -> list[list[Any] | None]:
    encoder = JsonEncoder(None)
    ends = zip(np.asarray(values.left).tolist(), np.asarray(values.right).tolist(), strict=True)
    pairs = [[encoder.encode(low), encoder.encode(high)] for low, high in ends]
    return [None if missing else pair for missing, pair in zip(values.isna(), pairs, strict=True)]


def _cell(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _time_type(spec: Spec) -> Any:
    if spec["kind"] == "timedelta":
        return pa.duration(spec["unit"])
    return pa.timestamp(spec["unit"], tz="UTC" if "zone" in spec else None)


def from_arrow(column: Any, spec: Spec) -> Any:
    """Return the pandas or numpy array of an Arrow column, writable as pandas expects.

    Raises:
        MaterializerError: the column is not what its description says.
    """
    kind = spec.get("kind")
    if kind == "numpy":
        return _numbers(column, np.dtype(spec["dtype"]))
    if kind in ("datetime", "timedelta"):
        ticks = column.cast(_time_type(spec)).cast(pa.int64())
        times = _numbers(pc.fill_null(ticks, int(_NO_TIME)), np.dtype(np.int64))
        times = times.view(f"{'m' if kind == 'timedelta' else 'M'}8[{spec['unit']}]")
        if "zone" not in spec:
            return times
        return pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(decode_zone(spec["zone"])).array
    if kind == "period":
        period: Any = pd.api.types.pandas_dtype(spec["dtype"])
        return pd.arrays.PeriodArray(_numbers(column, np.dtype(np.int64)), dtype=period)
    if kind == "interval":
        return _intervals(column, spec)
    if kind in ("text", "binary", "json"):
        return _objects(column, spec)
    if kind == "arrow":
        return _checked(pd.ArrowDtype(column.type), column)
    if kind == "string":
        return _checked(_string_dtype(spec), column)
    if kind == "nullable":
        return _checked(pd.api.types.pandas_dtype(spec["dtype"]), column).copy()
    raise MaterializerError(f"unknown kind of column {kind!r}; it was written by a newer Argosy: upgrade")


def _numbers(column: Any, dtype: np.dtype[Any]) -> Any:
    if column.null_count:
        raise MaterializerError(f"a column of {dtype} has {column.null_count} missing values")
    made = np.empty(len(column), dtype)
    start = 0
    for chunk in column.chunks:
        made[start : start + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
        start += len(chunk)
    return made


def _objects(column: Any, spec: Spec) -> Any:
    made = np.empty(len(column), dtype=object)
    if spec["kind"] == "json":
        decoder = JsonDecoder(None)
        for index, text in enumerate(column.to_pylist()):
            made[index] = decoder.decode(text)
        return made
    missing = np.nan if spec.get("missing") == "nan" else None
    for index, item in enumerate(column.to_pylist()):
        made[index] = missing if item is None else item
    return made


def _intervals(column: Any, spec: Spec) -> Any:
    decoder = JsonDecoder(None)
    bounds = [(np.nan, np.nan) if text is None else decoder.decode(text) for text in column.to_pylist()]
    subtype = np.dtype(spec["dtype"])
    left = np.array([low for low, _ in bounds], subtype)
    right = np.array([high for _, high in bounds], subtype)
    return pd.arrays.IntervalArray.from_arrays(left, right, closed=spec["closed"])


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
