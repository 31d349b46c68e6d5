"""``columns=`` and ``rows=`` of tables of pyarrow: the part that would be taken from the whole."""

from __future__ import annotations

from itertools import product

import polars as pl
import pyarrow as pa
import pytest

from argosy.errors import MaterializerError, ParameterError
from argosy.sdk.artifacts import load_artifact, save_artifact

TABLE = pa.table(
    {
        "n": pa.array(range(10)),
        "at": pa.array(range(10), pa.timestamp("s")),
        "word": pa.array(["a", "b"] * 5).dictionary_encode(),
        "pair": pa.array([{"n": number} for number in range(10)]),
    }
).replace_schema_metadata({"source": "me"})


COLUMNS = [None, ["word"], ["at", "n"], ["pair", "n", "pair"]]
ROWS = [None, slice(2, 5), slice(-3, None), slice(None, None, -2), slice(1, None, 3), slice(0)]


@pytest.mark.parametrize(("columns", "rows"), list(product(COLUMNS, ROWS))[1:])
def test_a_part_of_a_table_is_that_of_the_whole(columns: list[str] | None, rows: slice | None) -> None:
    save_artifact(TABLE, "table")
    part = load_artifact("table", columns=columns, rows=rows)
    whole = TABLE if columns is None else TABLE.select(columns)
    places = list(range(10)[rows or slice(None)])
    assert part.equals(whole.take(pa.array(places, pa.int64())), check_metadata=True)


@pytest.mark.parametrize("column", ["x", 5])
def test_a_column_that_is_not_there_is_named_with_those_that_are(column: object) -> None:
    save_artifact(TABLE, "table")
    with pytest.raises(ParameterError, match=f"'table' version 1 has no column {column!r}; it has n, at, word, pair"):
        load_artifact("table", columns=[column])


def test_columns_of_one_name_cannot_be_told_apart() -> None:
    save_artifact(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), "table")
    with pytest.raises(MaterializerError, match="several columns named 'a'"):
        load_artifact("table", rows=slice(1))


def test_a_part_of_a_polars_frame_is_a_table_of_arrow_for_who_asks_so() -> None:
    save_artifact(pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}), "frame")
    with pytest.raises(ParameterError, match=r"argosy\.polars, which reads it as a whole; leave rows= out, or pass"):
        load_artifact("frame", rows=slice(2))
    part = load_artifact("frame", rows=slice(2), columns=["a"], materializer="argosy.arrow")
    assert part.to_pydict() == {"a": [1, 2]}
