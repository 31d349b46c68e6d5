"""pandas DataFrame and Series."""

from __future__ import annotations

import datetime as dt
import io
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from argosy.errors import MaterializerError, PickleRefusedError
from argosy.materializers.frames import slices, tables
from argosy.materializers.registry import extract_metadata, visualize
from tests.unit.materializers import samples
from tests.unit.materializers.kept import Kept, keep, roundtrip, same

array: Any = pd.array
MOMENTS = pd.date_range("2020-03-28", periods=3, freq="D", tz="Europe/Berlin")


def objects(*items: Any) -> Any:
    made = np.empty(len(items), dtype=object)
    for index, item in enumerate(items):
        made[index] = item
    return pd.Series(made, dtype=object)


def with_index(index: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": np.arange(len(index))}, index=index)


def with_columns(columns: Any) -> pd.DataFrame:
    return pd.DataFrame(np.arange(2.0 * len(columns)).reshape(2, -1), columns=columns)


COLUMNS: dict[str, Any] = {
    "numbers": np.array([1, 2, 3]),
    "small": np.array([1, 2, 3], dtype=np.int8),
    "unsigned": np.array([2**64 - 1, 0, 1], dtype=np.uint64),
    "half": np.array([1.5, np.nan, np.inf], dtype=np.float16),
    "float": np.array([1.5, np.nan, -0.0]),
    "bool": np.array([True, False, True]),
    "seconds": np.array(["2020-01-01", "NaT", "1600-01-01"], dtype="M8[s]"),
    "nanoseconds": np.array([1, 2**62, 0], dtype="M8[ns]"),
    "durations": np.array([1, -5, 0], dtype="m8[ms]"),
    "zone": MOMENTS,
    "offset": MOMENTS.tz_convert(dt.timezone(dt.timedelta(hours=2))),
    "utc": MOMENTS.tz_convert("UTC").as_unit("ns"),
    "category": pd.Categorical(["b", None, "a"], categories=["b", "z", "a"], ordered=True),
    "numbered": pd.Categorical([30, 10, 30], categories=[10, 20, 30]),
    "dated": pd.Categorical(MOMENTS, categories=MOMENTS[::-1]),
    "no category": pd.Categorical([None, None, None]),
    "bins": pd.cut([0.5, 1.5, 2.5], [0, 1, 2, 3]),
    "intervals": pd.arrays.IntervalArray.from_tuples([(0, 1), (1, 5), (2, 3)], closed="left"),
    "periods": pd.period_range("2020", periods=3, freq="Q"),
    "str": pd.array(["a", None, "é"], dtype="str"),
    "string": pd.array(["a", None, "é"], dtype="string"),
    "python string": pd.array(["a", None, "é"], dtype=pd.StringDtype("python")),
    "python str": array(["a", None], dtype=pd.StringDtype("python", na_value=np.nan)),
    "Int64": pd.array([1, None, 2**62], dtype="Int64"),
    "Float32": pd.array([1.5, None, 2], dtype="Float32"),
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "arrow list": array([[1], None, []], dtype=pd.ArrowDtype(pa.list_(pa.int32()))),
    "arrow time": array([1, None, 3], dtype=pd.ArrowDtype(pa.timestamp("us", "UTC"))),
    "text": objects("a", "é", ""),
    "text None": objects("a", None, "b"),
    "text nan": objects("a", np.nan, "b"),
    "surrogate": objects("\udcff", "a", None),
    "mixed missing": objects(None, np.nan, pd.NA),
    "mixed": objects(1, "1", 1.0),
    "ints": objects(1, 2, 3),
    "nothing": objects(None, None, None),
    "bytes": objects(b"\x00", None, b"a"),
    "containers": objects([1, (2,)], {"a": {1}}, b"x"),
    "decimals": objects(Decimal("1.10"), dt.date(2020, 1, 1), True),
    "timestamps": objects(pd.Timestamp("2020", tz="UTC"), pd.NaT, np.float64(1)),
}


def assert_same_frame(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(
        found, expected, check_index_type=True, check_column_type=True, check_exact=True, check_freq=True
    )
    assert type(found.index) is type(expected.index)
    assert type(found.columns) is type(expected.columns)
    assert list(found.dtypes) == list(expected.dtypes)
    assert list(found.index.names) == list(expected.index.names)
    assert list(found.columns.names) == list(expected.columns.names)
    assert found.attrs == expected.attrs
    assert found.flags == expected.flags
    for position in range(expected.shape[1]):
        if expected.dtypes.iloc[position].kind == "O":
            assert repr_of(found.iloc[:, position]) == repr_of(expected.iloc[:, position])


def repr_of(column: Any) -> list[str]:
    """The objects of a column: their text tells None, NaN, NA and NaT apart, which pandas calls equal."""
    return [repr(item) for item in column]


@pytest.mark.parametrize("name", COLUMNS)
def test_column_comes_back_exactly(name: str) -> None:
    frame = pd.DataFrame({name: pd.Series(COLUMNS[name])})
    assert_same_frame(roundtrip(frame), frame)


@pytest.mark.parametrize("name", COLUMNS)
def test_series_comes_back_exactly_also_when_empty(name: str) -> None:
    series = pd.Series(COLUMNS[name])
    for expected in (series, series.iloc[:0]):
        found = roundtrip(expected)
        pd.testing.assert_series_equal(found, expected, check_index_type=True)
        assert found.dtype == expected.dtype


@pytest.fixture
def tiny_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of 64 rows and then of one each, and one row read at a time, as if all of them were huge."""
    for name in ("_GROUP_BYTES", "_PIECE_BYTES", "_COLUMN_GROUP_BYTES", "_COLUMN_PIECE_BYTES"):
        monkeypatch.setattr(slices, name, 1)
    monkeypatch.setattr(tables, "_BATCH_BYTES", 1)


@pytest.mark.usefixtures("tiny_slices")
@pytest.mark.parametrize("name", COLUMNS)
def test_column_of_many_row_groups_comes_back_exactly(name: str) -> None:
    column = pd.Series(COLUMNS[name])
    series = column.iloc[np.arange(70) % len(column)].reset_index(drop=True)
    assert series.dtype == column.dtype
    kept = keep(series)
    assert pq.ParquetFile(io.BytesIO(kept.files["data.parquet"])).metadata.num_row_groups > 1
    frame = series.to_frame()
    assert_same_frame(kept.load().to_frame(), frame)
    assert_same_frame(roundtrip(frame), frame)


@pytest.mark.usefixtures("tiny_slices")
@pytest.mark.parametrize(
    "index",
    [
        pd.MultiIndex.from_product([["a", "b"], range(35)], names=["x", None]),
        pd.date_range("2020", periods=70, freq="MS"),
        pd.CategoricalIndex(["a", "b"] * 35),
    ],
    ids=lambda index: type(index).__name__,
)
def test_index_of_many_row_groups_comes_back_exactly(index: Any) -> None:
    assert_same_frame(roundtrip(with_index(index)), with_index(index))


@pytest.mark.parametrize("step", ["s", "2h"])
def test_frequency_of_a_long_index_comes_back(step: str) -> None:
    frame = with_index(pd.date_range("2020", periods=300_000, freq=step, tz="Europe/Berlin"))
    assert_same_frame(roundtrip(frame), frame)


def test_frequency_that_a_long_index_does_not_have_is_refused() -> None:
    moments = pd.date_range("2020", periods=600_000, freq="s")
    kept = keep(with_index(moments.delete(599_998)))
    table = pq.read_table(io.BytesIO(kept.files["data.parquet"]))
    described = table.schema.metadata[b"argosy"].replace(
        b'"class":"DatetimeIndex",', b'"class":"DatetimeIndex","freq":"s",'
    )
    target = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({b"argosy": described}), target)
    with pytest.raises(MaterializerError, match="does not conform"):
        Kept(kept.saved, {"data.parquet": target.getvalue()}).load()


def test_columns_of_a_wide_frame_are_not_mistaken_for_nested_ones() -> None:
    columns = {f"column{number}": pd.Series([number, -number]) for number in range(300)}
    lists = array([[1], None], dtype=pd.ArrowDtype(pa.list_(pa.int32())))
    frame = pd.DataFrame({"a.list.element": [1, 2], **columns, "a": lists, "a.list": ["x", "y"]})
    assert_same_frame(roundtrip(frame), frame)


def test_rows_that_the_file_lacks_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keep(pd.Series([1, 2, 3]))
    monkeypatch.setattr(tables.StoredTable, "rows", 4)
    with pytest.raises(MaterializerError, match="a column has 3 rows, the file says 4"):
        kept.load()


def test_refused_object_far_down_is_named_by_its_column() -> None:
    frame = pd.DataFrame({"a": objects(*range(1000), samples.Opaque())})
    with pytest.raises(PickleRefusedError, match=r"column 'a' \(number 0\).*Opaque"):
        keep(frame)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=pd.RangeIndex(3)),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}).iloc[:0],
        with_index(pd.RangeIndex(10, 0, -3, name="r")),
        with_index(pd.Index([1.5, np.nan])),
        with_index(pd.Index(["a", "a", "b"], name=("t", 1))),
        with_index(pd.Index(objects("a", None, 1).array, dtype=object)),
        with_index(MOMENTS),
        with_index(MOMENTS[[0, 2]]),
        with_index(pd.date_range("2020", periods=3, freq="MS")),
        with_index(pd.to_timedelta([1, 2], "s")),
        with_index(pd.timedelta_range("1h", periods=3, freq="2h")),
        with_index(pd.period_range("2020", periods=2, freq="M")),
        with_index(pd.CategoricalIndex(["a", "b"], categories=["b", "a", "c"], name="cat")),
        with_index(pd.interval_range(0, 3)),
        with_index(pd.Index([1, 2], dtype="Int64")),
        with_index(pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", None])),
        with_index(pd.MultiIndex.from_arrays([["a", None], MOMENTS[:2], [1.5, 2.5]])),
        with_index(pd.MultiIndex.from_product([["a", "b"], [1, 2]])[:1]),
        with_columns(["a", "a"]),
        with_columns([0, 1]),
        with_columns([10, "x", None]),
        with_columns(pd.Index(["a", "b"], name="letters")),
        with_columns(pd.Index(["a", "b"], dtype=object)),
        with_columns(pd.RangeIndex(2, name=3)),
        with_columns(pd.date_range("2020", periods=2)),
        with_columns(pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["u", "v"])),
        with_columns(pd.CategoricalIndex(["x", "y"])),
        with_columns(pd.Index(["", "a.b", "__index_level_0__", "x" * 500, "\udcff"], dtype=object)),
    ],
    ids=lambda frame: f"{type(frame.index).__name__}-{type(frame.columns).__name__}{frame.shape}",
)
def test_axes_come_back_exactly(frame: pd.DataFrame) -> None:
    assert_same_frame(roundtrip(frame), frame)


def test_attrs_and_flags_come_back() -> None:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"source": ("x", 1), 2: b"y"}
    frame = frame.set_flags(allows_duplicate_labels=False)
    assert_same_frame(roundtrip(frame), frame)


@pytest.mark.parametrize("name", [None, "q", 0, ("a", 1), np.int64(3), pd.Timestamp("2020")])
def test_series_name_comes_back(name: Any) -> None:
    found = roundtrip(pd.Series([1, 2], index=["x", "y"], name=name)).name
    assert same(found, name)


def test_loaded_frame_can_be_changed_in_place() -> None:
    frame = roundtrip(pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5], "c": ["x", "y"]}))
    frame.iloc[0, 0] = 7
    frame.loc[1, "b"] = 8.0
    frame["a"].to_numpy(copy=True)[0] = 1
    assert frame["a"].tolist() == [7, 2]


def test_plain_columns_are_readable_by_any_parquet_reader() -> None:
    frame = pd.DataFrame({"a": [1, 2], "t": ["x", None], "c": pd.Categorical(["u", "v"])}, index=["r", "s"])
    table = pq.read_table(io.BytesIO(keep(frame).files["data.parquet"]))
    assert table.to_pydict() == {"a": [1, 2], "t": ["x", None], "c": ["u", "v"], "__index_level_0__": ["r", "s"]}


def test_parquet_of_somebody_else_is_read_as_pandas_does() -> None:
    target = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2]}), target)
    foreign = Kept(keep(pd.DataFrame()).saved, {"data.parquet": target.getvalue()})
    found = foreign.load(materializer="", data_type="")
    assert found.to_dict("list") == {"a": [1, 2]}


class FrameOfMine(pd.DataFrame):
    pass


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (pd.DataFrame({"a": [1j]}), r"column 'a' \(number 0\): dtype complex128 has no faithful form"),
        (pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}), "Sparse.* has no faithful form"),
        (pd.DataFrame({"a": objects(samples.Opaque())}), "Opaque.*JSON has no form for it"),
        (pd.DataFrame({"a": objects(np.arange(3))}), "ndarray"),
        (FrameOfMine({"a": [1]}), "FrameOfMine is a subclass of DataFrame"),
        (pd.Series([1], name=samples.TextOfMine("x")), "TextOfMine"),
    ],
)
def test_frame_that_parquet_would_change_is_a_pickle_or_refused(value: Any, reason: str) -> None:
    with pytest.raises(PickleRefusedError, match=reason):
        keep(value)
    kept = keep(value, allow_pickle=True)
    assert (kept.saved.format, sorted(kept.files)) == ("cloudpickle", ["data.pkl", "environment.json"])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"data.parquet": b"nothing"}, "cannot be read as parquet"),
        ({"data.parquet": b""}, "cannot be read as parquet"),
    ],
)
def test_malformed_parquet_is_refused(files: dict[str, bytes], message: str) -> None:
    with pytest.raises(MaterializerError, match=message):
        Kept(keep(pd.DataFrame()).saved, files).load()


@pytest.mark.parametrize(
    "description",
    [b"{}", b'{"rows":1,"columns":[{"kind":"numpy","dtype":"<f8"}]}', b'{"rows":2,"columns":[{"kind":"new"}]}', b"3"],
)
def test_description_that_does_not_fit_is_refused(description: bytes) -> None:
    table = pa.table({"a": [1, None]}).replace_schema_metadata({b"argosy": description})
    target = io.BytesIO()
    pq.write_table(table, target)
    with pytest.raises(MaterializerError):
        Kept(keep(pd.DataFrame()).saved, {"data.parquet": target.getvalue()}).load()


def test_metadata_of_a_frame() -> None:
    frame = pd.DataFrame({"a": [1, 2], 3: ["x", "y"]})
    found = extract_metadata(frame, "argosy.pandas")
    assert {key: found[key] for key in ("rows", "columns", "dtypes")} == {
        "rows": 2,
        "columns": 2,
        "dtypes": {"a": "int64", "3": str(frame[3].dtype)},
    }
    assert extract_metadata(pd.Series([1.5]), "argosy.pandas_series")["rows"] == 1


def test_preview_is_escaped_and_small() -> None:
    frame = pd.DataFrame({f"<b>{index}": ["<script>" + "x" * 1000] * 50 for index in range(100)})
    preview = visualize(frame, "argosy.pandas")["head.html"].decode()
    assert "<script>" not in preview
    assert "<b>" not in preview
    assert "&lt;script&gt;" in preview
    assert "50 rows \N{MULTIPLICATION SIGN} 100 columns" in preview
    assert preview.count("x…</td>") == 10 * 20
    assert len(preview) < 50_000


def calls_of(action: Callable[[], object]) -> int:
    """Return how many functions written in Python an action calls."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls


def test_the_size_of_a_frame_is_told_without_a_look_at_each_of_many_columns() -> None:
    frame = pd.DataFrame(np.zeros((3, 5000)))
    assert extract_metadata(frame, "argosy.pandas")["size_bytes"] == frame.memory_usage().sum()
    assert calls_of(lambda: extract_metadata(frame, "argosy.pandas")) < 2500
    columns = {name: column for name, column in COLUMNS.items() if len(column) == 3}
    mixed = pd.DataFrame(columns | {"objects": objects("a", None, 1), "sparse": pd.arrays.SparseArray([0, 0, 1])})
    assert extract_metadata(mixed, "argosy.pandas")["size_bytes"] == mixed.memory_usage().sum()
    empty = pd.DataFrame(index=[1, 2])
    assert extract_metadata(empty, "argosy.pandas")["size_bytes"] == empty.memory_usage().sum()
