"""How much memory the values of a small parquet file take."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from argosy.materializers.frames.decoded_size import takes_more_than

MOST = 8 << 20
LONG = "x" * (1 << 20)


@pytest.mark.parametrize(
    ("texts", "is_more"),
    [
        pytest.param(["a", None] * 1000, False, id="short-texts"),
        pytest.param([LONG] * 20, True, id="a-long-text-again-and-again"),
        pytest.param([LONG, *["a"] * 1000, None], False, id="a-long-text-once"),
        pytest.param([LONG] * 4 + [None] * 1000, False, id="a-long-text-now-and-then"),
        pytest.param([], False, id="no-text"),
    ],
)
def test_a_text_counts_as_often_as_it_is_there(texts: list[str | None], is_more: bool) -> None:
    target = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": pa.array(texts, pa.large_string()), "b": range(len(texts))}), target)
    assert takes_more_than(target.getvalue(), MOST) is is_more
