"""Tables of pyarrow and polars, and sparse matrices: what is in the files, and what is refused."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from argosy.errors import MaterializerError, PickleRefusedError
from argosy.materializers.registry import extract_metadata, visualize
from tests.unit.materializers.kept import Kept, keep, roundtrip

TABLE = pa.table({"a": [1, 2], "b": ["x", None]})
FRAME = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
SPARSE = sp.csr_array(np.array([[0.0, 1.0], [2.0, 0.0]]))


@pytest.mark.parametrize(("value", "identifier"), [(TABLE, "argosy.arrow"), (FRAME, "argosy.polars")])
def test_a_table_is_a_parquet_file_for_everybody(value: Any, identifier: str) -> None:
    kept = keep(value)
    assert (kept.saved.format, kept.saved.materializer, list(kept.files)) == ("parquet", identifier, ["data.parquet"])
    assert pq.read_table(io.BytesIO(kept.files["data.parquet"])).to_pydict() == {"a": [1, 2], "b": ["x", None]}


@pytest.mark.parametrize("value", [TABLE, FRAME, pd.DataFrame({"a": [1, 2], "b": ["x", None]})], ids=["pa", "pl", "pd"])
@pytest.mark.parametrize("reader", ["argosy.arrow", "argosy.polars", "argosy.pandas"])
def test_a_table_of_one_library_is_read_by_another_that_is_asked_to(value: Any, reader: str) -> None:
    kept = keep(value)
    kept.saved = type(kept.saved)("", "parquet", reader, uses_pickle=False)
    loaded: Any = kept.load()
    columns = loaded.to_pydict() if reader == "argosy.arrow" else {name: list(loaded[name]) for name in loaded.columns}
    assert columns["a"] == [1, 2]
    assert columns["b"][0] == "x"


def test_a_list_that_mixes_pandas_polars_and_arrow_comes_back_as_it_was() -> None:
    mixed = [pd.DataFrame({"a": [1]}), FRAME, pl.Series("s", [1.5]), TABLE, SPARSE]
    back = roundtrip(mixed)
    assert list(map(type, back)) == list(map(type, mixed))
    pd.testing.assert_frame_equal(back[0], mixed[0])
    assert back[1].equals(FRAME)
    assert (back[2].name, back[2].to_list()) == ("s", [1.5])
    assert back[3].equals(TABLE)
    assert (back[4] != SPARSE).nnz == 0


UNION = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])])
NUMBERED = pa.DictionaryArray.from_arrays(pa.array([1, 0]), pa.array([7, 9]))
NO_COLUMNS = pa.Table.from_batches([pa.RecordBatch.from_struct_array(pa.array([{}, {}], pa.struct([])))])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (pa.table({"u": UNION}), "parquet refuses it: .*sparse_union"),
        (pa.table({"n": NUMBERED}), "column 'n' of Arrow type dictionary<.*> would come back as int64; cast it before"),
        (pa.table({"d": pa.array([86_400_001], pa.date64())}), "column 'd' of Arrow type date64.* would come back as"),
        (NO_COLUMNS, "2 rows and no column"),
        (pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}), "polars cannot write it as parquet: .*Object"),
    ],
    ids=["union", "dictionary of numbers", "half a day", "no columns", "polars objects"],
)
def test_a_table_that_would_come_back_as_another_is_refused_with_the_reason(value: Any, reason: str) -> None:
    with pytest.raises(PickleRefusedError, match=reason):
        keep(value)


def test_a_table_of_tensors_comes_back_as_it_was() -> None:
    table = pa.table({"t": pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(8.0).reshape(2, 2, 2))})
    back = roundtrip(table)
    assert back.schema.equals(table.schema, check_metadata=True)
    assert back.equals(table)


RICH = pd.DataFrame({"c": pd.Categorical([(1, 2), (3, 4)])})
"""Its categories have a file of their own."""


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (TABLE, "data.parquet"),
        (FRAME, "data.parquet"),
        (TABLE.to_pandas(), "data.parquet"),
        (TABLE.to_pandas()["b"], "data.parquet"),
        (RICH, "data.parquet"),
        (RICH, "categories/0.parquet"),
    ],
    ids=["pyarrow", "polars", "pandas", "series", "category codes", "categories"],
)
@pytest.mark.parametrize("where", ["page", "footer"])
def test_a_parquet_file_with_damage_inside_is_malformed(value: Any, path: str, where: str) -> None:
    kept = keep(value)
    content = bytearray(kept.files[path])
    start = 4 if where == "page" else len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    content[start : start + 2] = b"\xff\xff"
    with pytest.raises(MaterializerError, match=f"{path} cannot be read as parquet"):
        Kept(kept.saved, {**kept.files, path: bytes(content)}).load()


def test_a_lazy_frame_is_refused_with_the_cure_whatever_the_pickle_policy_says() -> None:
    with pytest.raises(MaterializerError, match=r"LazyFrame is a query that has not run.*value\.collect\(\)"):
        keep({"query": FRAME.lazy()}, allow_pickle=True)


def test_metadata_of_tables() -> None:
    told = {"rows": 2, "columns": 2, "dtypes": {"a": "int64", "b": "string"}, "size_bytes": TABLE.nbytes}
    assert extract_metadata(TABLE, "argosy.arrow") == told
    told = {"rows": 2, "columns": 2, "dtypes": {"a": "Int64", "b": "String"}, "size_bytes": FRAME.estimated_size()}
    assert extract_metadata(FRAME, "argosy.polars") == told
    told = {"layout": "csr", "shape": [2, 2], "dtype": "float64", "stored": 2}
    assert extract_metadata(SPARSE, "argosy.scipy") == told


WIDE = {f"<b>{number}</b>": ["<script>" + "x" * 200, None] * 20 for number in range(30)}


@pytest.mark.parametrize("value", [pa.table(WIDE), pl.DataFrame(WIDE)], ids=["pyarrow", "polars"])
def test_the_preview_of_a_table_is_its_first_rows_and_columns_with_all_text_escaped_and_cut(value: Any) -> None:
    page = visualize(value, keep(value).saved.materializer)["head.html"].decode()
    head = page.partition("<h2>columns</h2>")[0]
    assert "40 rows \N{MULTIPLICATION SIGN} 30 columns" in head
    assert (head.count("&lt;script&gt;"), head.count("<tr>")) == (5 * 20, 11)
    assert "&lt;b&gt;19&lt;/b&gt;" in head
    assert "&lt;b&gt;20&lt;/b&gt;" not in head
    assert "<script" not in page
    assert "x" * 100 not in page


@pytest.mark.parametrize("value", [pa.table({}), pl.DataFrame(), pa.table({"a": pa.array([], pa.string())})])
def test_a_table_of_nothing_has_a_preview_too(value: Any) -> None:
    assert "0 rows" in visualize(value, keep(value).saved.materializer)["head.html"].decode()


def test_a_sparse_array_is_its_parts_as_npy_files() -> None:
    kept = keep(SPARSE)
    assert json.loads(kept.files["sparse.json"]) == {"layout": "csr", "kind": "array", "shape": [2, 2], "parts": "csr"}
    parts = {path: np.load(io.BytesIO(content)).tolist() for path, content in kept.files.items() if "npy" in path}
    assert parts == {"data/data.npy": [1.0, 2.0], "indices/data.npy": [1, 0], "indptr/data.npy": [0, 1, 2]}


def changed(value: Any, **parts: Any) -> Kept:
    kept = keep(value)
    for name, content in parts.items():
        if name == "document":
            document = json.loads(kept.files["sparse.json"]) | content
            kept.files["sparse.json"] = json.dumps(document).encode()
        else:
            target = io.BytesIO()
            np.save(target, content)
            kept.files[f"{name}/data.npy"] = target.getvalue()
    return kept


@pytest.mark.parametrize(
    ("kept", "problem"),
    [
        (changed(SPARSE, indices=np.array([1, 2])), "indices go from 1 to 2, beyond 2"),
        (changed(SPARSE, indices=np.array([1, -1])), "indices go from -1 to 1, beyond 2"),
        (changed(SPARSE, indices=np.array([1])), r"indices of the shape \(1,\)"),
        (changed(SPARSE, indices=np.array([0.0, 1.0])), "dtype float64"),
        (changed(SPARSE, indptr=np.array([0, 2])), r"indptr of the shape \(2,\)"),
        (changed(SPARSE, indptr=np.array([0, 1, 3])), "indptr goes from 0 to 3, and there are 2 indices"),
        (changed(SPARSE, indptr=np.array([0, 5, 2])), "indptr does not only grow"),
        (changed(SPARSE, data=np.array([[1.0, 2.0]])), r"data of the shape \(1, 2\)"),
        (changed(SPARSE, document={"shape": [2, 2.5]}), "is no shape"),
        (changed(SPARSE, document={"shape": [9, 2]}), "for 9 rows"),
        (changed(SPARSE, document={"shape": [3 * 10**12, 2]}), "for 3000000000000 rows"),
        (
            changed(SPARSE.tocoo(), document={"layout": "csr", "shape": [3 * 10**12, 2]}),
            "'coo' parts of the layout 'csr'",
        ),
        (changed(SPARSE, document={"layout": "evil"}), "'csr' parts of the layout 'evil'"),
        (changed(SPARSE, document={"layout": []}), "do not fit together"),
        (changed(SPARSE, document={"kind": "cube"}), "cube"),
        (changed(SPARSE.tocoo(), coords=np.array([[0, 1], [2, 0]])), "coordinates of axis 1 go from 0 to 2"),
        (changed(SPARSE.tocoo(), coords=np.array([[0, 1]])), "coordinates of 1 axes"),
        (changed(SPARSE.todia(), offsets=np.array([0])), r"offsets of the shape \(1,\)"),
        (changed(SPARSE.tobsr(blocksize=(1, 2)), document={"shape": [2, 3]}), "blocks of 1 x 2 do not fill the shape"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused_before_scipy_reads_beyond_their_ends(
    kept: Kept, problem: str
) -> None:
    with pytest.raises(MaterializerError, match=problem):
        kept.load()
