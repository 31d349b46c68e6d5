"""What tables of polars and pyarrow look like; no large cell is made text, or a Python object, for a look at it."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from argosy.materializers.previews.arrays import array_previews, sample_of
from argosy.materializers.previews.arrow_tables import StreamHead, table_as_html
from argosy.materializers.previews.frames import head_as_html
from argosy.materializers.previews.polars_frames import frame_as_html, series_as_html
from argosy.materializers.registry import visualize
from tests.unit.materializers.test_frame_previews import cells_of, plain

MiB = 1 << 20

COLUMNS = [
    pytest.param([1, 2, 6, None], ["25.0%", "bars", "1", "3", "2", "6"], id="integers"),
    pytest.param([0.5, None, float("inf"), 1.5], ["25.0%", "bars", "0.5", "1", "1", "1.5"], id="floats"),
    pytest.param([float("nan"), None], ["100.0%", *"·····"], id="nothing"),
    pytest.param([7, 7], ["0", "all the same", "7", "7", "7", "7"], id="one-value"),
    pytest.param([Decimal("1.5"), Decimal("2.5")], ["0", "bars", "1.5", "2", "2", "2.5"], id="decimals"),
    pytest.param([True, False, True, None], ["25.0%", "67% true", *"····"], id="booleans"),
    pytest.param([None, None], ["100.0%", *"·····"], id="null"),
    pytest.param(["a", "a", None, "b"], ["25.0%", "a 67%, b 33%", *"····"], id="texts"),
    pytest.param([date(2020, 1, 1), date(2020, 1, 3)], ["0", "bars", "2020-01-01", "·", "·", "2020-01-03"], id="dates"),
    pytest.param(
        [datetime(2020, 1, 1, 5), None, datetime(2020, 1, 3)],
        ["33.3%", "bars", "2020-01-01 05:00:00", "·", "·", "2020-01-03 00:00:00"],
        id="moments",
    ),
    pytest.param(
        [timedelta(1), timedelta(2)], ["0", "bars", "1 day, 0:00:00", "·", "·", "2 days, 0:00:00"], id="durations"
    ),
]


@pytest.mark.parametrize(("values", "told"), COLUMNS)
def test_each_column_of_a_polars_frame_has_a_line_about_it(values: list[Any], told: list[str]) -> None:
    assert plain(cells_of(frame_as_html(pl.DataFrame({"name": values})).decode(), "name"))[1:] == told


@pytest.mark.parametrize(("values", "told"), COLUMNS)
def test_each_column_of_an_arrow_table_has_a_line_about_it(values: list[Any], told: list[str]) -> None:
    assert plain(cells_of(table_as_html(pa.table({"name": values})).decode(), "name"))[1:] == told


def test_a_polars_series_has_its_name_its_head_and_a_line_about_it() -> None:
    page = visualize(pl.Series("rate", [1.5, 2.5]), "argosy.polars_series")["head.html"].decode()
    assert "rate: 2 rows" in page
    assert plain(re.findall(r"<td[^>]*>(.*?)</td>", page))[-4:] == ["1.5", "2", "2", "2.5"]
    assert "0 rows" in series_as_html(pl.Series()).decode()


def first_cells(page: bytes) -> list[str]:
    """Return the texts of the first rows."""
    return plain(re.findall(r"<td[^>]*>(.*?)</td>", page.decode().partition("<h2>columns</h2>")[0]))


def test_cells_are_shown_as_python_has_them_and_what_is_missing_as_a_point() -> None:
    values = {"n": [1.23456789, None], "l": [[1, 2], None], "s": [{"a": "x", "b": b"y"}, None], "b": [b"z", None]}
    shown = ["1.23457", "[1, 2]", "{&#x27;a&#x27;: &#x27;x&#x27;, &#x27;b&#x27;: b&#x27;y&#x27;}", "b&#x27;z&#x27;"]
    assert first_cells(frame_as_html(pl.DataFrame(values))) == [*shown, *"····"]
    assert first_cells(table_as_html(pa.table(values))) == [*shown, *"····"]


def test_any_type_of_arrow_has_a_page() -> None:
    numbered = pa.DictionaryArray.from_arrays(pa.array([1, 0]), pa.array([7, 9]))
    table = pa.table(
        {
            "dictionary": numbered,
            "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
            "fixed": pa.array([[1, 2], None], pa.list_(pa.int8(), 2)),
            "nanoseconds": pa.array([1, 2], pa.timestamp("ns")),
            "time": pa.array([1, 2], pa.time32("s")),
            "view": pa.array(["a", "b"], pa.string_view()),
            "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["r"])),
            "union": pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
            "interval": pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        }
    )
    assert first_cells(table_as_html(table))[:4] == [
        "9",
        "[{&#x27;key&#x27;: &#x27;a&#x27;, &#x27;value&#x27;: 1}]",
        "[1, 2]",
        "1970-01-01 00:00:00.000000001",
    ]


def test_any_type_of_polars_has_a_page() -> None:
    frame = pl.DataFrame(
        {
            "category": pl.Series(["a", "a"], dtype=pl.Categorical),
            "enum": pl.Series(["a", None], dtype=pl.Enum(["a"])),
            "array": pl.Series([[1, 2], None], dtype=pl.Array(pl.Int8, 2)),
            "object": pl.Series([object(), None], dtype=pl.Object),
            "time": pl.Series([1, 2]).cast(pl.Time),
            "moment": pl.Series([1, 2]).cast(pl.Datetime("ns", "UTC")),
            "struct": pl.Series([{"a": [b"x"]}, None]),
            "empty": pl.Series([{}, {}]),
        }
    )
    assert first_cells(frame_as_html(frame))[:3] == ["a", "a", "[1, 2]"]


def test_long_tables_are_described_by_a_sample_from_everywhere() -> None:
    column = np.zeros(1_000_000)
    column[0], column[-1] = -1.0, 2.0
    for page in (frame_as_html(pl.DataFrame({"name": column})), table_as_html(pa.table({"name": column}))):
        cells = cells_of(page.decode(), "name")
        assert (cells[3], cells[-1]) == ("-1", "2")
        assert b"described by a sample of 65,536 rows" in page


def test_a_batch_that_cannot_be_shown_ends_no_stream_and_is_told_when_one_looks() -> None:
    head = StreamHead(pa.schema({"a": pa.int64(), "b": pa.int64()}))
    head.see(pa.record_batch({"a": [1]}))
    with pytest.raises(ValueError, match="shorter than"):
        head.as_html()


BLOB, TEXT = bytes(20 * MiB), "x" * (20 * MiB)
INTEGERS = np.zeros(5_000_000, np.int64)
LISTS = pa.ListArray.from_arrays([0, len(INTEGERS)], pa.array(INTEGERS))
RECORDS = np.broadcast_to(np.zeros(1, [("a", "f8"), ("blob", "V8000")]), 160_000)


@pytest.mark.parametrize(
    ("value", "show"),
    [
        pytest.param(pl.DataFrame({"blob": [BLOB]}), frame_as_html, id="polars-bytes"),
        pytest.param(pl.DataFrame({"text": [TEXT]}), frame_as_html, id="polars-text"),
        pytest.param(pl.DataFrame({"list": pl.Series([INTEGERS.tolist()])}), frame_as_html, id="polars-lists"),
        pytest.param(pl.DataFrame({"array": INTEGERS.reshape(1, -1)}), frame_as_html, id="polars-arrays"),
        pytest.param(pl.DataFrame({"inside": [{"a": [BLOB]}]}), frame_as_html, id="polars-bytes-inside"),
        pytest.param(pa.table({"blob": [BLOB]}), table_as_html, id="arrow-bytes"),
        pytest.param(pa.table({"text": [TEXT]}), table_as_html, id="arrow-text"),
        pytest.param(pa.table({"list": LISTS}), table_as_html, id="arrow-lists"),
        pytest.param(pa.table({"inside": [{"a": [BLOB]}]}), table_as_html, id="arrow-bytes-inside"),
        pytest.param(pd.DataFrame({"cell": [bytearray(BLOB)]}), head_as_html, id="pandas-bytearray"),
        pytest.param(pd.DataFrame({"cell": [[BLOB]]}), head_as_html, id="pandas-bytes-inside"),
        pytest.param(pd.DataFrame({"cell": pd.array([TEXT], "string[pyarrow]")}), head_as_html, id="pandas-text"),
        pytest.param(np.full(3, TEXT), array_previews, id="huge-texts"),
        pytest.param(RECORDS, array_previews, id="records"),
    ],
)
def test_of_large_cells_only_the_beginning_is_copied(value: Any, show: Callable[[Any], object]) -> None:
    show(value)  # what is imported first is not counted
    pa_before = pa.total_allocated_bytes()
    tracemalloc.start()
    show(value)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MiB
    assert pa.total_allocated_bytes() - pa_before < MiB


def test_a_sample_of_wide_values_is_bounded_in_bytes() -> None:
    assert sample_of(np.broadcast_to("x" * 1000, 400_000)).nbytes <= 16 * MiB
    assert sample_of(RECORDS).nbytes <= 16 * MiB
