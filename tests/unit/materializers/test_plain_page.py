"""Pages that are drawn of parquet without pandas: to the byte those that are drawn with it."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.materializers.frames.plain_page import plain_page
from argosy.materializers.parquet_files import METADATA_KEY
from argosy.materializers.previews.frames import head_as_html, series_as_html
from tests.unit.materializers.kept import keep

MOST_ROWS = 25
WHOLE = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
LETTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(LETTERS, max_size=5) | st.sampled_from(
    ["<b>&", "line\nline", "x" * 80, "ä" * 81, "x" * 500, "🙂" * 100]
)
MOMENTS = st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**16), 10**16) | st.just(0)


def numbers(dtype: str) -> st.SearchStrategy[Any]:
    limits = np.iinfo(dtype)
    return st.integers(int(limits.min), int(limits.max)) | st.integers(0, 3)


def lists(items: st.SearchStrategy[Any], rows: int) -> st.SearchStrategy[list[Any]]:
    few = st.lists(items, min_size=1, max_size=3).flatmap(
        lambda some: st.lists(st.sampled_from(some), min_size=rows, max_size=rows)
    )
    return st.lists(items, min_size=rows, max_size=rows) | few


def objects(values: list[Any]) -> Any:
    return pd.Series(values, dtype=object).array


def plain_columns(rows: int) -> st.SearchStrategy[Any]:
    def made(items: st.SearchStrategy[Any], dtype: Any) -> st.SearchStrategy[Any]:
        return lists(items, rows).map(lambda values: pd.array(np.array(values, dtype), dtype))

    def texts(items: st.SearchStrategy[Any], dtype: Any) -> st.SearchStrategy[Any]:
        return lists(items, rows).map(lambda values: pd.Series(values, dtype=dtype).array)

    return st.one_of(
        *(made(numbers(dtype), dtype) for dtype in WHOLE),
        *(made(st.floats(width=width), f"float{width}") for width in (16, 32, 64)),
        made(st.booleans(), "bool"),
        *(
            texts(TEXTS | st.none(), pd.StringDtype(storage, na_value=missing))
            for storage in ("pyarrow", "python")
            for missing in (pd.NA, np.nan)
        ),
        *(
            lists(TEXTS | st.just(missing), rows).map(lambda values: objects(["a", *values[1:]][:rows]))
            for missing in (None, np.nan)
        ),
    )


def moments(rows: int) -> st.SearchStrategy[Any]:
    """Moments, of which those that Python does not have are no plain ones, nor any that parquet keeps otherwise."""

    def made(unit: str) -> st.SearchStrategy[Any]:
        kept = MOMENTS.map(lambda ticks: ticks // 1000) if unit == "s" else MOMENTS  # as thousandths
        return lists(kept, rows).map(lambda ticks: pd.array(np.array(ticks, np.int64).view(f"M8[{unit}]")))

    return st.sampled_from(["s", "ms", "us", "ns"]).flatmap(made)


def other_columns(rows: int) -> st.SearchStrategy[Any]:
    made = lists(st.integers(0, 5), rows)
    return st.one_of(
        made.map(lambda values: pd.array(values, "Int64")),
        made.map(pd.Categorical),
        made.map(lambda values: pd.array(np.array(values, "m8[us]"))),
        made.map(lambda values: pd.array(pd.to_datetime(np.array(values, "M8[us]")).tz_localize("Europe/Berlin"))),
        made.map(lambda values: objects([[value] for value in values])),
        made.map(lambda values: objects([str(value).encode() for value in values])),
    )


def indexes(rows: int) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.integers(-3, 3).map(lambda start: pd.RangeIndex(start, start + 2 * rows, 2)),
        st.text(LETTERS, max_size=3).map(lambda name: pd.RangeIndex(rows, name=name)),
    )


@st.composite
def plain_frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(1, MOST_ROWS))
    columns = draw(st.lists(plain_columns(rows), min_size=1, max_size=4))
    return frame_of(columns, draw(st.lists(TEXTS, min_size=len(columns), max_size=len(columns))), draw(indexes(rows)))


@st.composite
def any_frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, MOST_ROWS))
    columns = draw(st.lists(plain_columns(rows) | moments(rows) | other_columns(rows), min_size=0, max_size=4))
    labels = draw(st.lists(TEXTS | st.integers(0, 3) | st.none(), min_size=len(columns), max_size=len(columns)))
    other = st.just(pd.Index([f"row {number}" for number in range(rows)]))
    frame = frame_of(columns, labels, draw(indexes(rows) | other))
    if draw(st.booleans()):
        frame.attrs["unit"] = "m"
    return frame


def frame_of(columns: list[Any], labels: list[Any], index: pd.Index[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {place: pd.Series(column, index=index, dtype=column.dtype) for place, column in enumerate(columns)}, index=index
    )
    frame.columns = pd.Index(labels, dtype=None if labels else object)
    return frame


def plain_page_of(value: Any) -> bytes | None:
    kept, is_series = keep(value), isinstance(value, pd.Series)
    content = kept.files["data.parquet"]
    assert plain_page(content, is_series=not is_series) is None
    return plain_page(content, is_series=is_series)


@settings(max_examples=60)
@given(plain_frames())
def test_a_plain_frame_is_drawn_as_pandas_draws_it(frame: pd.DataFrame) -> None:
    assert plain_page_of(frame) == head_as_html(frame)


@settings(max_examples=60)
@given(any_frames())
def test_any_frame_is_drawn_as_pandas_draws_it_or_left_to_it(frame: pd.DataFrame) -> None:
    assert plain_page_of(frame) in (None, head_as_html(frame))


@settings(max_examples=40)
@given(any_frames(), TEXTS | st.none() | st.integers())
def test_so_is_any_series(frame: pd.DataFrame, name: Any) -> None:
    for place in range(frame.shape[1]):
        series = frame.iloc[:, place].rename(name)
        assert plain_page_of(series) in (None, series_as_html(series))


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(pd.DataFrame({f"column {place}": [place] for place in range(60)}), id="many-columns"),
        pytest.param(pd.DataFrame({"a": np.arange(64 << 10)}), id="as-many-rows-as-are-looked-at"),
        pytest.param(pd.DataFrame({"a": np.empty(0)}), id="no-rows"),
        pytest.param(pd.DataFrame([[1, 2]], columns=["a", "a"]), id="equal-names"),
        pytest.param(pd.DataFrame({"at": pd.date_range("2020", periods=9, unit="ns")}), id="moments"),
        pytest.param(pd.DataFrame({"at": np.array(["2020-01-01T00:00:00.000001", "NaT"], "M8[us]")}), id="no-moment"),
    ],
)
def test_these_are_plain(frame: pd.DataFrame) -> None:
    assert plain_page_of(frame) == head_as_html(frame)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(pd.DataFrame({"a": np.arange((64 << 10) + 1)}), id="more-rows-than-are-looked-at"),
        pytest.param(pd.DataFrame({"at": np.array([1], "M8[ns]")}), id="parts-of-microseconds"),
        pytest.param(pd.DataFrame({"at": np.array([1 << 62], "M8[us]")}), id="years-python-has-not"),
        pytest.param(pd.DataFrame({"a": [1]}, index=["x"]), id="labels"),
        pytest.param(pd.DataFrame({1: [1]}), id="a-name-that-is-no-text"),
    ],
)
def test_these_are_left_to_pandas(frame: pd.DataFrame) -> None:
    assert plain_page_of(frame) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"rows": 3},
        {"columns": []},
        {"columns": [{"kind": "numpy", "dtype": "<f8"}]},
        {"index": {"class": "RangeIndex", "names": [None], "range": [0, 3, 1]}},
        {"attrs": {"unit": "m"}},
        {"allows_duplicate_labels": False},
        {"labels": {"class": "Index", "names": [None], "labels": ["a", "b"], "column": {"kind": "text"}}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_file_that_is_not_what_its_description_says_is_left_to_pandas(changed: dict[str, Any]) -> None:
    content = keep(pd.DataFrame({"a": [1, 2]})).files["data.parquet"]
    assert plain_page(content, is_series=False) is not None
    table = pq.read_table(io.BytesIO(content))
    spec = {**json.loads(table.schema.metadata[METADATA_KEY]), **changed}
    target = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: json.dumps(spec)}), target)
    assert plain_page(target.getvalue(), is_series=False) is None
