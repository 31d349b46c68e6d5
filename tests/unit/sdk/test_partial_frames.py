"""``columns=`` and ``rows=`` of frames: what pandas would take from the whole, for the bytes of the part."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from argosy.errors import MaterializerError, ParameterError
from argosy.sdk.artifacts import load_artifact, save_artifact
from tests.unit.materializers.test_frames import COLUMNS, assert_same_frame
from tests.unit.sdk.foreign_files import save_files
from tests.unit.sdk.moved_bytes import MovedBytes, count_moved_bytes

SLICES = [
    slice(None),
    slice(1, 3),
    slice(-2, None),
    slice(2, 1),
    slice(None, None, -1),
    slice(0, None, 2),
    slice(9, 99),
]
FOOTER = 72 << 10
"""Of a file as long as these, Arrow reads the last 64 KiB at once, which is more than its footer."""


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> MovedBytes:
    return count_moved_bytes(monkeypatch)


def every_kind() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(column) for name, column in COLUMNS.items() if len(column) == 3})


def test_columns_of_every_kind_come_back_exactly_in_the_order_asked_for() -> None:
    frame = every_kind()
    save_artifact(frame, "frame")
    for name in frame:
        assert_same_frame(load_artifact("frame", columns=[name]), frame[[name]])
    assert_same_frame(load_artifact("frame", columns=[*frame][::-2]), frame[[*frame][::-2]])


def test_rows_of_every_kind_come_back_exactly() -> None:
    frame = every_kind()
    save_artifact(frame, "frame")
    for rows in SLICES:
        assert_same_frame(load_artifact("frame", rows=rows), frame.iloc[rows])


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(10, -2, -3, name="r"),
        pd.Index(["a", "a", "b", "c"], name=("t", 1)),
        pd.Index([1.5, np.nan, 2, 3]),
        pd.date_range("2020", periods=4, freq="MS", tz="Europe/Berlin"),
        pd.timedelta_range("1h", periods=4, freq="2h"),
        pd.period_range("2020", periods=4, freq="M"),
        pd.interval_range(0, 4),
        pd.CategoricalIndex(["a", "b", "a", "b"], categories=["b", "a", "c"], name="cat"),
        pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", None]),
    ],
    ids=lambda index: type(index).__name__,
)
def test_the_index_comes_with_columns_and_rows(index: Any) -> None:
    frame = pd.DataFrame({"a": range(4), "b": list("wxyz")}, index=index)
    save_artifact(frame, "frame")
    assert_same_frame(load_artifact("frame", columns=["b"]), frame[["b"]])
    for rows in SLICES:
        assert_same_frame(load_artifact("frame", rows=rows), frame.iloc[rows])
        assert_same_frame(load_artifact("frame", columns=["b", "a"], rows=rows), frame[["b", "a"]].iloc[rows])


@pytest.mark.parametrize(
    ("labels", "asked"),
    [
        (["a", "a", "b"], ["b", "a", "b"]),
        ([0, 1, 2], [2, 0]),
        (pd.RangeIndex(3, name="r"), [1, 2]),
        ([10, "x", None], ["x", 10]),
        (pd.Index(["a", "b", "c"], name="letters"), ["c", "b"]),
        (pd.date_range("2020", periods=3), [pd.Timestamp("2020-01-03"), pd.Timestamp("2020-01-01")]),
        (pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["u", "v"]), [("b", 1), ("a", 1)]),
        (pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]), ["a"]),
        (pd.CategoricalIndex(["x", "y", "z"]), ["z", "x"]),
        (pd.Index(["", "a", "a.b"], dtype=object), ["a"]),
        (pd.Index(["", "a", "a.b"], dtype=object), ["a.b", ""]),
        (["a", "b", "c"], []),
        (["a", "b", "c"], ("c",)),
    ],
)
def test_labels_mean_what_they_mean_to_pandas(labels: Any, asked: Any) -> None:
    frame = pd.DataFrame(np.arange(6.0).reshape(2, 3), columns=labels)
    frame.attrs = {"source": "x"}
    save_artifact(frame, "frame")
    assert_same_frame(load_artifact("frame", columns=asked), frame[list(asked)])
    assert_same_frame(load_artifact("frame", rows=slice(1)), frame.iloc[:1])


def test_a_frame_without_columns_has_rows_too() -> None:
    frame = pd.DataFrame(index=pd.RangeIndex(5, 9))
    save_artifact(frame, "frame")
    assert_same_frame(load_artifact("frame", columns=[], rows=slice(1, 3)), frame[[]].iloc[1:3])


def test_attrs_and_flags_come_with_a_part() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    frame.attrs = {"source": ("x", 1)}
    frame = frame.set_flags(allows_duplicate_labels=False)
    save_artifact(frame, "frame")
    assert_same_frame(load_artifact("frame", columns=["b"]), frame[["b"]])


def test_rows_of_a_series() -> None:
    series = pd.Series([1.5, 2.5, None], index=list("xyz"), name=("a", 1))
    save_artifact(series, "series")
    for rows in SLICES:
        pd.testing.assert_series_equal(load_artifact("series", rows=rows), series.iloc[rows])


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("amonut", r"'frame' version 1 has no column 'amonut'; near it are amount$"),
        ("xyz", r"no column 'xyz'; it has amount, city$"),
        (3, "no column 3; it has amount, city$"),
        (["amount"], r"no column \['amount'\]; near it are amount$"),
    ],
)
def test_an_unknown_column_is_refused_with_those_there_are(asked: Any, near: str) -> None:
    save_artifact(pd.DataFrame({"amount": [1], "city": ["x"]}), "frame")
    with pytest.raises(ParameterError, match=near):
        load_artifact("frame", columns=["city", asked])


def written(table: Any, **options: Any) -> dict[str, bytes]:
    target = io.BytesIO()
    pq.write_table(table, target, **options)
    return {"data.parquet": target.getvalue()}


def frames_of_others() -> dict[str, pd.DataFrame]:
    frame = pd.DataFrame({"a": range(7), "b": list("tuvwxyz"), "c": pd.Categorical(list("xyzxyzx"))})
    return {
        "plain": frame,
        "range": frame.set_axis(pd.RangeIndex(3, 31, 4, name="r")),
        "index": frame.set_index("b"),
        "levels": frame.set_index(["b", "a"]),
        "times": frame.set_index(pd.date_range("2020", periods=7, name="when")),
        "numbers": frame.set_axis([0, 1, 2], axis=1),
    }


@pytest.mark.parametrize("name", frames_of_others())
def test_parts_of_files_of_others_are_those_of_the_whole(name: str) -> None:
    written_by_pandas = frames_of_others()[name]
    made = save_files("foreign", "parquet", written(pa.Table.from_pandas(written_by_pandas), row_group_size=3))
    frame = made.load()
    pd.testing.assert_frame_equal(frame, written_by_pandas, check_freq=False)
    asked = [frame.columns[-1], frame.columns[0], frame.columns[-1]]
    pd.testing.assert_frame_equal(made.load(columns=asked), frame[asked])
    pd.testing.assert_frame_equal(made.load(columns=[]), frame[[]])
    for rows in [*SLICES, slice(2, 5), slice(6, 1, -2)]:
        found = made.load(columns=asked[:2], rows=rows)
        # Before pandas 3 the type of an index of texts is told by the texts in it, and here there may be none.
        expected = frame[asked[:2]].iloc[rows]
        pd.testing.assert_frame_equal(found, expected, check_freq=False, check_index_type=len(expected) > 0)
        assert type(found.index) is type(frame.iloc[rows].index)


def test_parts_of_files_without_pandas_and_with_nested_columns() -> None:
    table = pa.table({"a": [1, 2, 3, 4], "a.x": [5, 6, 7, 8], "n": [{"x": 1, "y": [2]}] * 4, "d": ["u", "v", "u", "w"]})
    made = save_files("foreign", "parquet", written(table, row_group_size=2))
    frame = made.load()
    for asked in (["a"], ["a.x"], ["n"], ["d", "n"]):
        pd.testing.assert_frame_equal(made.load(columns=asked, rows=slice(1, 3)), frame[asked].iloc[1:3])
    with pytest.raises(ParameterError, match=r"no column 'n\.x'"):
        made.load(columns=["n.x"])


def test_columns_of_one_name_cannot_be_told_apart_in_files_of_others() -> None:
    table = pa.table([[1], [2], [3]], names=["a", "a", "b"])
    made = save_files("foreign", "parquet", written(table))
    assert made.load(columns=["b"]).to_dict("list") == {"b": [3]}
    with pytest.raises(MaterializerError, match="several columns named 'a'"):
        made.load(columns=["a"])


def test_a_file_that_is_no_parquet_is_refused() -> None:
    made = save_files("foreign", "parquet", {"data.parquet": b"something else"})
    with pytest.raises(MaterializerError, match=r"data\.parquet cannot be read as parquet"):
        made.load(columns=["a"])


@pytest.mark.parametrize("materializer", ["argosy.pandas", "argosy.arrow"])
def test_a_page_that_cannot_be_read_is_malformed(materializer: str) -> None:
    content = bytearray(written(pa.table({"a": [1, 2]}))["data.parquet"])
    content[4:6] = b"\xff\xff"
    made = save_files("foreign", "parquet", {"data.parquet": bytes(content)}, materializer=materializer)
    with pytest.raises(MaterializerError, match=r"data\.parquet cannot be read as parquet"):
        made.load(columns=["a"])


@pytest.mark.parametrize("materializer", ["argosy.pandas", "argosy.arrow"])
def test_a_name_inside_of_a_column_that_is_no_text_is_malformed(materializer: str) -> None:
    table = pa.table({"m": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))})
    content = written(table)["data.parquet"].replace(b"key_value", b"key_val\xeb\xff")
    made = save_files("foreign", "parquet", {"data.parquet": content}, materializer=materializer)
    with pytest.raises(MaterializerError, match=r"data\.parquet"):
        made.load(rows=slice(0, 1))


def test_columns_move_their_own_bytes_by_one_call(moved: MovedBytes) -> None:
    frame = pd.DataFrame(np.random.default_rng(1).random((50_000, 40))).add_prefix("c")
    stored = save_artifact(frame, "frame")
    moved.reset()
    assert_same_frame(load_artifact("frame", columns=["c21", "c20"]), frame[["c21", "c20"]])
    assert (moved.calls, moved.others) == (2, [])
    moved_bytes = moved.count
    with stored.open() as file:
        group = pq.ParquetFile(file).metadata.row_group(0)
    wanted = sum(group.column(position).total_compressed_size for position in (20, 21))
    assert wanted < moved_bytes < wanted + FOOTER < stored.size_bytes / 10


def test_rows_move_only_the_row_groups_they_lie_in(moved: MovedBytes) -> None:
    table = pa.table({"a": np.random.default_rng(1).random(50_000), "b": np.random.default_rng(2).random(50_000)})
    made = save_files(
        "foreign", "parquet", written(table, row_group_size=5_000, use_dictionary=False)
    )  # 16 bytes a row
    moved.reset()
    assert len(made.load(rows=slice(31_000, 34_000))) == 3_000
    assert moved.count < 5_000 * 16 * 1.2 + FOOTER
    moved.reset()
    assert len(made.load(columns=["b"], rows=slice(28_000, 34_000))) == 6_000
    assert moved.count < 10_000 * 8 * 1.2 + FOOTER + 5_000 * 8  # what lies between two chunks of b is read over


def test_the_categories_of_other_columns_are_not_moved(moved: MovedBytes) -> None:
    rich = pd.Categorical([f"a long text of its own {number}" for number in range(20_000)])
    save_artifact(pd.DataFrame({"a": np.arange(20_000), "rich": rich}), "frame")
    moved.reset()
    load_artifact("frame", columns=["a"])
    assert moved.calls == 2
