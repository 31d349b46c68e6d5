"""One or more values of each neutral format, as files, and when what came back of one is equal."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.encoding import JsonEncoder


@dataclass(frozen=True)
class Sample:
    """A value of a format.

    Attributes:
        format: the format.
        write: writes the value to a path, as the format's own file (a folder for a directory).
        equal: tells whether two such files hold the same value.
        name: what the file is called.
    """

    format: str
    write: Callable[[Path], object]
    equal: Callable[[Path, Path], bool]
    name: str = "input"


def _json(value: Any) -> Sample:
    text = json.dumps(JsonEncoder(None).encode(value), ensure_ascii=False, allow_nan=False)
    return Sample("json", lambda path: path.write_text(text, encoding="utf-8"), _equal_documents)


def _equal_documents(left: Path, right: Path) -> bool:
    """Compare documents; sets come in any order, and so do members of objects."""
    one, other = (JsonEncoder(None).encode(JsonDecoder(None).decode(path.read_bytes())) for path in (left, right))
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _npy(array: np.ndarray[Any, Any]) -> Sample:
    def write(path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, array)

    return Sample("npy", write, _equal_arrays)


def _equal_arrays(left: Path, right: Path) -> bool:
    """Compare elements bit by bit, whatever their byte order and layout in the file."""
    one, other = (np.load(path, allow_pickle=False) for path in (left, right))
    little = [array.astype(array.dtype.newbyteorder("<")) for array in (one, other)]
    same_kind = bool(one.shape == other.shape and little[0].dtype == little[1].dtype)
    return same_kind and bool(little[0].tobytes() == little[1].tobytes())


def _equal_bytes(left: Path, right: Path) -> bool:
    return left.read_bytes() == right.read_bytes()


def _equal_tables(left: Path, right: Path) -> bool:
    one, other = (pq.read_table(path) for path in (left, right))
    return _types(one) == _types(other) and bool(one.to_pydict() == other.to_pydict())


def _types(table: pa.Table) -> dict[str, str]:
    return {name: str(table.schema.field(name).type).removeprefix("large_") for name in table.column_names}


def tree(folder: Path) -> Mapping[str, bytes | None]:
    """Return what lies below a folder: the content of files, ``None`` for folders."""
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes() for path in folder.rglob("*")
    }


def _write_tree(folder: Path) -> None:
    (folder / "a/deep/er").mkdir(parents=True)
    (folder / "empty/also empty").mkdir(parents=True)
    (folder / "a/deep/er/numbers.bin").write_bytes(bytes(range(256)) * 300)
    (folder / "a/ünïcode 東.txt").write_text("déjà vu")
    (folder / "nothing.txt").write_bytes(b"")
    (folder / "large.bin").write_bytes(np.random.default_rng(3).bytes(600_000))


def _write_table(path: Path) -> None:
    count = 500
    table = pa.table(
        {
            "id": pa.array([2**62 + number for number in range(count)], pa.int64()),
            "small": pa.array([number - 250 for number in range(count)], pa.int32()),
            "ratio": pa.array([number / 7 for number in range(count)], pa.float64()),
            "single": pa.array([number / 4 for number in range(count)], pa.float32()),
            "flag": pa.array([number % 3 == 0 for number in range(count)], pa.bool_()),
            "empty": pa.array([""] * count, pa.string()),
            "bytes": pa.array([None if number % 7 else bytes([number % 256]) for number in range(count)], pa.binary()),
            "word": pa.array([None if number % 5 == 0 else f"wörd {number}" for number in range(count)], pa.string()),
        }
    )
    pq.write_table(table, path, row_group_size=200)


def _write_integers(path: Path) -> None:
    """Write the least and the greatest of each type of integer."""
    limits = [np.iinfo(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)]
    pq.write_table(pa.table({str(of.dtype): np.array([of.min, of.max], of.dtype) for of in limits}), path)


def _write_no_rows(path: Path) -> None:
    pq.write_table(pa.table({"id": pa.array([], pa.int64()), "word": pa.array([], pa.string())}), path)


def _write_no_columns(path: Path) -> None:
    pq.write_table(pa.table({}), path)


PLAIN: dict[str, Any] = {
    "text": 'déjà vu, 東京, 🎉 " \\ \n \u2028',
    "numbers": [0, -7, 1.5, 2**53 - 1, 1 - 2**53, 1e300, -0.25, 5e-324, -0.0],
    "others": [True, False, None, "", [], {}],
    "nested": {"a": {"b": [[{"c": "d"}]]}},
    "__proto__": {"constructor": 1},
    "\ufeff\0": "\ufeff\0",
    "": "a name of no letters",
    "two": {"$int": "1", "$x": 2},
    "whole floats": [1.0, -2.0],
}
TAGGED: dict[str, Any] = {
    "large": [2**53, -(2**127)],
    "floats": [float("nan"), float("inf"), float("-inf")],
    "bytes": [b"\x00\xff", bytearray(b"ab"), b""],
    "tuples": (1, ("a", None), ()),
    "sets": [{1, 2, 3}, frozenset({"a", "b"}), set()],
    "keys": {1: "one", (0, 1): 0.5},
    "like an escape": {"$int": "1"},
    "ordered": OrderedDict(b=1, a=2),
    "times": [
        dt.datetime(2026, 3, 1, 12, 30),
        dt.datetime(2026, 3, 1, 12, 30, 0, 1, dt.timezone.utc),
        dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.timezone(-dt.timedelta(hours=5, minutes=30))),
        dt.date(2026, 3, 1),
        dt.time(23, 59, 59, 999_999),
        dt.timedelta(days=-1, microseconds=3),
        *(moment for kind in (dt.datetime, dt.date, dt.timedelta) for moment in (kind.min, kind.max)),
    ],
    "others": [uuid.UUID(int=15), decimal.Decimal("1.10"), decimal.Decimal("1E+40")],
}
BYTES = bytes(range(256))
SAMPLES = {
    "json-plain": _json(PLAIN),
    "json-tagged": _json(TAGGED),
    "text": Sample("text", lambda path: path.write_bytes("\ufeffone\r\ntwo\0 東京 🎉\u2028\n".encode()), _equal_bytes),
    "bytes-empty": Sample("bytes", lambda path: path.write_bytes(b""), _equal_bytes),
    "bytes-large": Sample("bytes", lambda path: path.write_bytes(BYTES[::-1] * 12_345), _equal_bytes),
    "npy-fortran": _npy(np.asfortranarray([[1.5, float("nan"), -0.0], [float("inf"), 5e-324, 0.1]], dtype=">f8")),
    "npy-scalar": _npy(np.array(-(2**63))),
    "npy-empty": _npy(np.zeros((0, 3), bool)),
    "npy-complex": _npy(np.arange(6, dtype="c8").reshape(2, 3) * (1 - 2j)),
    "parquet": Sample("parquet", _write_table, _equal_tables),
    "parquet-integers": Sample("parquet", _write_integers, _equal_tables),
    "parquet-no-rows": Sample("parquet", _write_no_rows, _equal_tables),
    "parquet-no-columns": Sample("parquet", _write_no_columns, _equal_tables),
    "file": Sample("file", lambda path: path.write_bytes(BYTES * 3), _equal_bytes, "modél 1.onnx"),
    "directory": Sample("directory", _write_tree, lambda left, right: tree(left) == tree(right), "weights"),
}
