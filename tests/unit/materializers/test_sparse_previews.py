"""What sparse arrays and matrices look like, whatever their layout; of many stored values by a sample."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.sparse as sp
from PIL import Image

from argosy.materializers.previews.arrays import SAMPLED
from argosy.materializers.previews.sparse import sparse_previews

LAYOUTS = ["csr", "csc", "bsr", "coo", "dia", "lil", "dok"]
STEPS = np.array([[0, 0, 3, 0], [0, 0, 0, 0], [7, 0, 0, 0], [0, 0, 0, 9]])


def page_of(value: Any) -> str:
    return sparse_previews(value)["sparse.html"].decode()


def listed(page: str) -> set[tuple[str, ...]]:
    """Return the rows of the table of stored values: where each is, and what."""
    rows = re.findall(r"<tr>(<td.*?)</tr>", page.partition(" stored values</h2>")[2])
    return {tuple(re.findall(r"<td>(.*?)</td>", row)) for row in rows}


def picture(page: str) -> npt.NDArray[np.uint8]:
    (source,) = re.findall(r"data:image/png;base64,([^\"]+)", page)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_every_layout_tells_how_full_it_is_and_where_its_values_are(layout: str, kind: str) -> None:
    value = getattr(sp, f"coo_{kind}")(STEPS).asformat(layout)
    page = page_of(value)
    assert "<strong>4 \N{MULTIPLICATION SIGN} 4</strong> of int64 <span" in page
    assert f"{layout} {kind}, {value.nnz} stored, {value.nnz / 16 * 100:.4g} %" in page
    assert {("0", "2", "3"), ("2", "0", "7"), ("3", "3", "9")} <= listed(page)
    assert {(int(row), int(column)) for row, column in np.argwhere(picture(page) < 255)} >= {(0, 2), (2, 0), (3, 3)}


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "lil", "dok"])
def test_the_picture_is_white_where_nothing_is_stored(layout: str) -> None:
    assert (picture(page_of(sp.coo_array(STEPS).asformat(layout))) < 255).tolist() == (STEPS > 0).tolist()


def test_blocks_are_shown_value_by_value() -> None:
    dense = np.kron(np.array([[0, 1], [0, 0]]), np.array([[1, 2, 3], [4, 5, 6]]))
    page = page_of(sp.bsr_array(dense, blocksize=(2, 3)))
    assert listed(page) == {(str(row), str(column), str(dense[row, column])) for row, column in np.argwhere(dense)}
    assert (picture(page) < 255).tolist() == (dense > 0).tolist()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param(sp.csr_array((3, 4)), "no stored values", id="nothing-stored"),
        pytest.param(sp.csr_array((0, 4)), "<strong>0 \N{MULTIPLICATION SIGN} 4</strong>", id="no-rows"),
        pytest.param(sp.dia_array((3, 3)), "no stored values", id="no-diagonals"),
        pytest.param(sp.csr_array([[np.nan, 0, np.inf]]), "1 missing, 1 infinite", id="nan-and-infinity"),
        pytest.param(sp.coo_array(([0, 0], ([0, 1], [0, 1])), shape=(2, 2)), "2 stored, 50 %", id="explicit-zeros"),
        pytest.param(sp.csr_array(np.array([[3 + 4j]])), "absolute values", id="complex"),
        pytest.param(sp.csr_array(np.array([[True, False]])), "<td>True</td>", id="booleans"),
        pytest.param(sp.coo_array(np.array([0, 5, 0])), "<th>axis 0</th><th>value</th>", id="one-dimension"),
        pytest.param(sp.coo_array(np.array([0, 5])).tocsr(), "<td>1</td><td>5</td>", id="one-dimension-in-rows"),
        pytest.param(sp.coo_array(np.ones((2, 2, 2))), "<th>axis 2</th>", id="three-dimensions"),
        pytest.param(sp.coo_array(([1], ([2**40], [2**50])), shape=(2**41, 2**51)), "1,099,511,627,776", id="vast"),
    ],
)
def test_any_sparse_array_has_a_page(value: Any, said: str) -> None:
    assert said in page_of(value)


def test_diagonals_beyond_the_array_are_no_values_of_it() -> None:
    value = sp.dia_array((np.arange(1.0, 13.0).reshape(2, 6), [1, -2]), shape=(3, 4))
    dense = value.toarray()
    page = page_of(value)
    assert listed(page) == {(str(row), str(column), str(dense[row, column])) for row, column in np.argwhere(dense)}
    assert (picture(page) < 255).tolist() == (dense > 0).tolist()


@pytest.mark.parametrize(
    ("shape", "cells"),
    [
        ((3, 2), (3, 2)),
        ((1000, 1000), (160, 160)),
        ((1000, 2000), (160, 320)),
        ((10**6, 5), (160, 5)),
        ((50, 10**6), (20, 480)),
    ],
)
def test_the_picture_has_the_proportions_of_the_array_but_is_no_line(
    shape: tuple[int, int], cells: tuple[int, int]
) -> None:
    assert picture(page_of(sp.coo_array(([1], ([0], [0])), shape=shape))).shape == cells


def many(layout: str) -> Any:
    """Return stored values in the upper half, ten in each row, of which every tenth one would be in one column."""
    rows, each = SAMPLED, 10
    ends = np.minimum(np.arange(2 * rows + 1), rows) * each
    indices = np.tile(np.arange(each) * 100, rows)
    value = sp.csr_array((np.ones(rows * each), indices, ends), shape=(2 * rows, each * 100))
    return value.asformat(layout)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "bsr"])
def test_of_many_values_a_sample_from_everywhere_is_shown(layout: str) -> None:
    page = page_of(many(layout))
    assert f"of a sample of {SAMPLED:,} stored values" in page
    shown = picture(page) < 255
    assert shown[:80].any(axis=1).tolist() == [True] * 80
    assert shown[80:].any() == np.False_
    assert np.flatnonzero(shown.any(axis=0)).tolist() == [place * 2 for place in range(10)]


def test_a_sample_is_the_same_each_time() -> None:
    assert page_of(many("csr")) == page_of(many("csr"))


def test_of_objects_without_end_only_the_facts_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argosy.materializers.previews.sparse._MOST_CONVERTED", 2)
    page = page_of(sp.lil_array(STEPS))
    assert "lil array, 3 stored" in page
    assert "too many to look at in the layout lil" in page
