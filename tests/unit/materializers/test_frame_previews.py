"""What frames and series look like, whatever is in them; of long ones by a sample."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest

from argosy.materializers.previews.frames import head_as_html, series_as_html
from argosy.materializers.previews.page import counted, number

TEXT_TYPE = str(pd.Series(["a"]).dtype)
"""Another one before pandas 3."""


def cells_of(page: str, name: str) -> list[str]:
    """Return the texts of the line about a column: type, missing, spread, min, mean, median, max."""
    (line,) = re.findall(rf"<tr><th[^>]*>{name}</th>(.*?)</tr>", page.partition("<h2>columns</h2>")[2])
    return [re.sub(r"<svg.*?</svg>", "bars", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", line)]


def plain(cells: list[str]) -> list[str]:
    return [re.sub(r"<[^>]*>", "", cell) for cell in cells]


@pytest.mark.parametrize(
    ("column", "told"),
    [
        pytest.param([1, 2, 6], ["int64", "0", "bars", "1", "3", "2", "6"], id="integers"),
        pytest.param([0.5, None, np.inf, 1.5], ["float64", "25.0%", "bars", "0.5", "1", "1", "1.5"], id="floats"),
        pytest.param([7, 7], ["int64", "0", "all the same", "7", "7", "7", "7"], id="one-value"),
        pytest.param([np.nan, np.nan], ["float64", "100.0%", *"·····"], id="nan-only"),
        pytest.param([True, False, True, True], ["bool", "0", "75% true", *"····"], id="booleans"),
        pytest.param(
            pd.array([1, None], "Int64"), ["Int64", "50.0%", "all the same", "1", "1", "1", "1"], id="nullable"
        ),
        pytest.param(pd.array([None, None], "boolean"), ["boolean", "100.0%", *"·····"], id="nullable-booleans"),
        pytest.param(["a", "a", "b", "c"], [TEXT_TYPE, "0", "a 50%, b 25%, c 25%", *"····"], id="texts"),
        pytest.param(["a", "b"], [TEXT_TYPE, "0", *"·····"], id="all-different"),
        pytest.param(pd.Categorical(["x", "x"]), ["category", "0", "x 100%", *"····"], id="categories"),
        pytest.param([1j, 1j], ["complex128", "0", "1j 100%", *"····"], id="complex"),
        pytest.param(
            pd.to_datetime(["2020-01-01", "2020-01-03"]).tz_localize("UTC"),
            ["datetime64[us, UTC]", "0", "bars", "2020-01-01 00:00:00+00:00", "·", "·", "2020-01-03 00:00:00+00:00"],
            id="moments",
        ),
        pytest.param(
            pd.to_timedelta([1, 2], unit="D"),
            ["timedelta64[s]", "0", "bars", "1 days 00:00:00", "·", "·", "2 days 00:00:00"],
            id="durations",
        ),
        pytest.param([[1], {"a": 2}], ["object", "0", *"·····"], id="objects"),
    ],
)
def test_each_column_has_a_line_about_it(column: Any, told: list[str]) -> None:
    cells = plain(cells_of(head_as_html(pd.DataFrame({"name": column})).decode(), "name"))
    assert cells[1:] == told[1:]
    assert re.sub(r"\[.*?\b(ns|us|s)\b", "", cells[0]) == re.sub(r"\[.*?\b(ns|us|s)\b", "", told[0])


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(pd.DataFrame(), id="empty"),
        pytest.param(pd.DataFrame(index=[1, 2]), id="no-columns"),
        pytest.param(pd.DataFrame({"a": []}), id="no-rows"),
        pytest.param(pd.DataFrame([[1, 2]], columns=["a", "a"]), id="equal-names"),
        pytest.param(pd.DataFrame({("a", 1): [1]}, index=pd.MultiIndex.from_tuples([("x", 1)])), id="many-levels"),
        pytest.param(pd.DataFrame({"p": pd.period_range("2020", periods=3)}), id="periods"),
        pytest.param(pd.DataFrame({"s": pd.arrays.SparseArray([0.0, 1.0])}), id="sparse"),
        pytest.param(pd.DataFrame({"big": [1.7e308, -1.7e308], "int": [2**63, 1]}), id="beyond-floats"),
    ],
)
def test_any_frame_has_a_page(frame: pd.DataFrame) -> None:
    assert counted(len(frame), "row") in head_as_html(frame).decode()


def test_everything_a_user_chose_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    frame = pd.DataFrame({evil: [evil, evil]}, index=[evil, evil])
    for page in (head_as_html(frame), series_as_html(frame[evil]), series_as_html(frame[evil].astype("category"))):
        assert b"<script" not in page
        assert b"&lt;script&gt;" in page


def test_a_huge_frame_is_sampled_in_bounded_memory() -> None:
    rows = 1_000_000_000  # 40 GB, if they were there
    frame = pd.DataFrame(np.broadcast_to(np.arange(5.0), (rows, 5)), copy=False)
    tracemalloc.start()
    page = head_as_html(frame).decode()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "1,000,000,000 rows" in page
    assert "described by a sample of 65,536 rows" in page
    assert peak < 64 << 20


def test_a_sample_is_from_everywhere() -> None:
    column = np.zeros(1_000_000)
    column[0], column[-1] = -1.0, 2.0
    cells = cells_of(head_as_html(pd.DataFrame({"name": column})).decode(), "name")
    assert (cells[3], cells[-1]) == ("-1", "2")


def test_a_wide_frame_is_cut() -> None:
    page = head_as_html(pd.DataFrame(np.zeros((3, 1000)))).decode()
    assert "and 950 more columns" in page
    assert len(page) < 40_000


def test_a_series_has_its_name_its_head_and_a_line_about_it() -> None:
    page = series_as_html(pd.Series([1.5, 2.5], name="rate")).decode()
    assert "rate: 2 rows" in page
    assert plain(re.findall(r"<td[^>]*>(.*?)</td>", page))[-4:] == ["1.5", "2", "2", "2.5"]
    assert "0 rows" in series_as_html(pd.Series([], dtype=float)).decode()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (12345.0, "12,345"), (1234.56, "1,234.6"), (0.123456, "0.1235"), (1e9, "1e+09"), (-np.inf, "-inf")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
