"""One pandas column to a description of what it is, and any slice of its rows to Arrow.

Each kind says how a column is written; a column of no kind is refused, never changed.
``docs/formats.md`` lists the kinds for readers in other languages.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from argosy.materializers.json_family.encoding import JsonEncoder
from argosy.materializers.json_family.pandas_scalars import encode_zone
from argosy.materializers.json_family.scalars import is_plain_text
from argosy.materializers.nesting import CannotKeepError

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
    """Return the Arrow array of some rows of a column of this kind; numbers are not copied.

    Raises:
        CannotKeepError: an object in it cannot be said in JSON.
    """
    kind = spec["kind"]
    if kind == "numpy":
        return pa.array(values, from_pandas=False)
    if kind in ("datetime", "timedelta"):
        ticks = values.view(np.int64) if isinstance(values, np.ndarray) else values.asi8
        return pa.array(ticks, mask=ticks == _NO_TIME).view(time_type(spec))
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


def time_type(spec: Spec) -> Any:
    """Return the Arrow type of a column of moments or durations."""
    if spec["kind"] == "timedelta":
        return pa.duration(spec["unit"])
    return pa.timestamp(spec["unit"], tz="UTC" if "zone" in spec else None)
