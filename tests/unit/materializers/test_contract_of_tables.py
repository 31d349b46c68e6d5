"""Tables of pyarrow and polars, streams of record batches, sparse matrices and strings of a kind keep the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import scipy.sparse as sp

import argosy
from argosy.testing import MaterializerContract

LARGE = 9_000_000
"""So many numbers of 8 bytes are more than 64 MiB."""
WORDS = pa.array(["low", "middle", "high"])


class TestArrowTables(MaterializerContract):
    needs = ("pyarrow",)

    def values(self) -> Mapping[str, Any]:
        rich = {
            "seconds": pa.array([1, None], pa.timestamp("s", "Europe/Berlin")),
            "in a list": pa.array([[1], None], pa.list_(pa.timestamp("s"))),
            "clock": pa.array([1, None], pa.time32("s")),
            "day": pa.array([86_400_000, None], pa.date64()),
            "view": pa.array(["a", None], pa.string_view()),
            "word": pa.DictionaryArray.from_arrays(pa.array([2, None], pa.int8()), WORDS, ordered=True),
            "price": pa.array([Decimal("1.5"), None], pa.decimal256(50, 2)),
            "id": pa.array([b"a" * 16, None], pa.uuid()),
            "pair": pa.array([{"a": 1, "b": [None]}, None]),
        }
        told = pa.schema([pa.field("n", pa.int64(), nullable=False, metadata={"unit": "m"})], {"source": "me"})
        return {
            "rich": pa.table(rich),
            "schema with metadata": pa.table([pa.array([1])], schema=told),
            "no rows": pa.table({"a": pa.array([], pa.large_string())}),
            "no columns": pa.table({}),
            "columns of one name": pa.table([pa.array([1]), pa.array(["x"])], names=["a", "a"]),
            "chunks": pa.concat_tables([pa.table({"a": [1]}), pa.table({"a": [2, 3]})]),
        }

    def large_value(self) -> Any:
        numbers = np.arange(LARGE // 2)
        words = pa.DictionaryArray.from_arrays(pa.array(numbers % 3), WORDS)
        return pa.table({"n": numbers, "x": numbers / 7, "word": words})

    def equal(self, loaded: pa.Table, value: pa.Table) -> bool:
        return bool(loaded.equals(value, check_metadata=True))


class TestStreams(MaterializerContract):
    needs = ("pyarrow",)
    is_stream = True

    def values(self) -> Mapping[str, Any]:
        schema = pa.schema({"a": pa.int64(), "word": pa.string()})
        batches = [pa.record_batch({"a": [1, 2], "word": ["x", None]}), pa.record_batch({"a": [3], "word": ["y"]})]
        return {
            "a reader": pa.RecordBatchReader.from_batches(schema, batches),
            "a reader of nothing": pa.RecordBatchReader.from_batches(schema, []),
            "a generator": (batch for batch in batches),
        }

    def large_value(self) -> Any:
        return _batches(number_of=20)

    def size_bytes(self, value: Any) -> int:
        return 20 * 8 * 500_000

    def loaded_type(self, value: Any) -> type:
        return pa.RecordBatchReader  # type: ignore[no-any-return]  # pyarrow ships no types

    def read_whole(self, loaded: pa.RecordBatchReader) -> None:
        for _ in loaded:
            pass

    def equal(self, loaded: pa.RecordBatchReader, value: Any) -> bool:
        schema = loaded.schema
        return bool(loaded.read_all().equals(pa.Table.from_batches(list(value), schema=schema)))


class TestPolars(MaterializerContract):
    needs = ("polars",)

    def values(self) -> Mapping[str, Any]:
        rich = {
            "kind": pl.Series(["z", None], dtype=pl.Enum(["q", "z"])),
            "word": pl.Series(["z", "a"], dtype=pl.Categorical),
            "moment": pl.Series([0, None], dtype=pl.Datetime("ms", "Europe/Berlin")),
            "pair": pl.Series([[1, 2], None], dtype=pl.Array(pl.Int16, 2)),
            "huge": pl.Series([2**100, None], dtype=pl.Int128),
            "nested": [[{"a": [1.5]}], []],
        }
        frames = {"rich": pl.DataFrame(rich), "empty": pl.DataFrame(), "no rows": pl.DataFrame({"": []})}
        return {**frames, "series": pl.Series("n", [1, None, 3]), "no numbers": pl.Series("", [], dtype=pl.Date)}

    def large_value(self) -> Any:
        numbers = np.arange(LARGE // 2)
        return pl.DataFrame({"n": numbers, "x": numbers / 7})

    def equal(self, loaded: Any, value: Any) -> bool:
        left, right = (each.to_frame() if isinstance(each, pl.Series) else each for each in (loaded, value))
        return bool(left.schema == right.schema and left.equals(right))

    def size_bytes(self, value: pl.DataFrame) -> int:
        return int(value.estimated_size())


class TestSparse(MaterializerContract):
    needs = ("scipy",)

    def values(self) -> Mapping[str, Any]:
        numbers = sp.random_array((6, 4), density=0.5, rng=np.random.default_rng(0))
        layouts = ["csr", "csc", "bsr", "dia", "coo", "lil", "dok"]
        arrays = {f"{layout} array": getattr(sp, f"{layout}_array")(numbers) for layout in layouts}
        matrices = {f"{layout} matrix": getattr(sp, f"{layout}_matrix")(numbers) for layout in layouts}
        wide = sp.csr_array(numbers)
        wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
        return {
            **arrays,
            **matrices,
            "wide indices": wide,
            "three axes": sp.coo_array(np.arange(8, dtype=np.float32).reshape(2, 2, 2)),
            "nothing": sp.csc_array((0, 3), dtype=bool),
        }

    def large_value(self) -> Any:
        rows = np.arange(LARGE // 2)
        return sp.coo_array((rows / 7, (rows, rows[::-1])), shape=(LARGE, LARGE)).tocsr()

    def size_bytes(self, value: Any) -> int:
        return sum(part.nbytes for part in _parts(value).values())

    def equal(self, loaded: Any, value: Any) -> bool:
        left, right = _parts(loaded), _parts(value)
        return loaded.shape == value.shape and all(
            left[part].dtype == right[part].dtype and np.array_equal(left[part], right[part]) for part in right
        )


class TestStrings(MaterializerContract):
    # No large value: CPython makes a subclass of str by copying the text.
    opaque_files = ("data.html", "data.md", "data.csv")

    def values(self) -> Mapping[str, Any]:
        return {
            "html": argosy.HTMLString("<h1>Ü</h1>\r\n"),
            "no html": argosy.HTMLString(),
            "markdown": argosy.MarkdownString("# Ü\n"),
            "csv": argosy.CSVString("a,b\r\n1,ü\r\n"),
            "json": argosy.JSONString('{ "b": 1.50, "a": "ü" }\n'),
        }


def _batches(number_of: int) -> Iterator[pa.RecordBatch]:
    for number in range(number_of):
        yield pa.record_batch({"n": np.arange(500_000) + number})


def _parts(value: Any) -> dict[str, Any]:
    names = {"dia": ("data", "offsets"), "coo": ("data", "coords")}.get(value.format, ("data", "indices", "indptr"))
    if value.format in ("lil", "dok"):
        return {"dense": value.toarray()}
    return {name: np.asarray(getattr(value, name)) for name in names}
