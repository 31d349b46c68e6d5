"""``rows=`` of arrays: the rows numpy would give, for the bytes of these rows."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from argosy.errors import MaterializerError
from argosy.sdk.artifacts import load_artifact, save_artifact
from tests.unit.sdk.foreign_files import save_files
from tests.unit.sdk.moved_bytes import MovedBytes, count_moved_bytes

HEADER = 4096
MIB = 1 << 20

ARRAYS: dict[str, npt.NDArray[Any]] = {
    "one axis": np.arange(50),
    "two axes": np.arange(60.0).reshape(20, 3),
    "three axes": np.arange(120, dtype=np.int16).reshape(10, 4, 3),
    "fortran": np.asfortranarray(np.arange(60.0).reshape(20, 3)),
    "fortran, three axes": np.asfortranarray(np.arange(120).reshape(10, 4, 3)),
    "no rows": np.zeros((0, 3)),
    "empty rows": np.zeros((5, 0)),
    "empty text": np.zeros(4, dtype="<U0"),
    "text": np.array(["a", "bc", "é"] * 4),
    "moments": np.arange(12).astype("M8[s]"),
    "big-endian": np.arange(12, dtype=">i4"),
    "fields": np.array([(number, "x", number / 2) for number in range(9)], dtype="i4, U3, f8"),
    "not contiguous": np.arange(60).reshape(20, 3)[::2, ::2],
}
SLICES = [
    slice(None),
    slice(2, 7),
    slice(3),
    slice(-4, None),
    slice(-4, -1),
    slice(5, 2),
    slice(100, 200),
    slice(0, 9, 2),
    slice(1, None, 3),
    slice(None, None, -1),
    slice(8, 1, -3),
    slice(-1, -100, -2),
    slice(np.int64(1), np.int64(4)),
]


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> MovedBytes:
    return count_moved_bytes(monkeypatch)


@pytest.mark.parametrize("name", ARRAYS)
def test_rows_are_those_numpy_gives(name: str) -> None:
    array = ARRAYS[name]
    save_artifact(array, "array")
    for rows in SLICES:
        found = load_artifact("array", rows=rows)
        expected = array[rows]
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype), rows
        np.testing.assert_array_equal(found, expected, err_msg=str(rows))
        assert found.flags.owndata or found.base.size == found.size  # nothing large is kept alive behind it
        assert found.flags.writeable


def test_the_order_of_the_elements_in_memory_stays() -> None:
    save_artifact(ARRAYS["fortran"], "array")
    assert load_artifact("array", rows=slice(2, 9)).flags.f_contiguous
    assert load_artifact("array", rows=slice(2, 9, 2)).flags.f_contiguous


def test_rows_move_only_their_own_bytes(moved: MovedBytes) -> None:
    array = np.arange(4 * MIB).reshape(-1, 64)
    save_artifact(array, "array")
    moved.reset()
    np.testing.assert_array_equal(load_artifact("array", rows=slice(30_000, 30_100)), array[30_000:30_100])
    assert moved.count <= 100 * 64 * 8 + HEADER
    assert (moved.calls, moved.others) == (2, [])


def test_the_last_rows_and_every_second_one_move_the_range_they_cover(moved: MovedBytes) -> None:
    array = np.arange(4 * MIB).reshape(-1, 64)
    save_artifact(array, "array")
    moved.reset()
    np.testing.assert_array_equal(load_artifact("array", rows=slice(None, -201, -2)), array[:-201:-2])
    assert moved.count <= 200 * 64 * 8 + HEADER
    assert moved.calls == 2


def test_what_is_read_over_in_blocks_comes_by_one_call(moved: MovedBytes) -> None:
    array = np.arange(4 * MIB).reshape(-1, 64)
    save_artifact(array, "array")
    moved.reset()
    np.testing.assert_array_equal(load_artifact("array", rows=slice(20_000, 30_000, 3)), array[20_000:30_000:3])
    assert moved.count <= 10_000 * 64 * 8 + HEADER
    assert moved.calls == 2


def test_rows_far_apart_move_without_what_lies_between(moved: MovedBytes) -> None:
    array = np.arange(4 * MIB).reshape(4, -1)
    save_artifact(array, "array")
    moved.reset()
    np.testing.assert_array_equal(load_artifact("array", rows=slice(0, None, 3)), array[::3])
    assert moved.count <= array.nbytes // 2 + HEADER


def test_of_long_columns_only_the_rows_move(moved: MovedBytes) -> None:
    array = np.asfortranarray(np.arange(4 * MIB).reshape(-1, 4))
    save_artifact(array, "array")
    moved.reset()
    np.testing.assert_array_equal(load_artifact("array", rows=slice(1000, 1100)), array[1000:1100])
    assert moved.count <= 100 * 4 * 8 + HEADER


def test_of_short_columns_the_range_is_read_over_in_blocks() -> None:
    array = np.asfortranarray(np.arange(MIB).reshape(-1, 64))
    save_artifact(array, "array")
    for rows in (slice(100, 9000), slice(1, 2), slice(16_000, None)):
        np.testing.assert_array_equal(load_artifact("array", rows=rows), array[rows])


def test_every_kth_row_is_read_over_in_blocks() -> None:
    array = np.arange(4 * MIB)
    save_artifact(array, "array")
    for step in (2, 3, 1000, 130_000, -7):
        np.testing.assert_array_equal(load_artifact("array", rows=slice(5, -3, step)), array[5:-3:step])


def npy(array: npt.NDArray[Any]) -> bytes:
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


def test_an_array_that_was_made_without_python_has_rows_too() -> None:
    save_files("made", "npy", {"data.npy": npy(np.arange(10))})
    assert load_artifact("made", rows=slice(2, 4)).tolist() == [2, 3]


def test_a_long_header_is_read_whole() -> None:
    fields = np.dtype([(f"field_{number}", "<f8") for number in range(400)])
    save_artifact(np.zeros(5, fields), "wide")
    assert load_artifact("wide", rows=slice(1, 3)).dtype == fields


@pytest.mark.parametrize("content", [npy(np.arange(10))[:-8], npy(np.arange(10)) + b"more"])
def test_a_file_of_another_length_than_its_header_says_is_refused(content: bytes) -> None:
    made = save_files("torn", "npy", {"data.npy": content})
    with pytest.raises(MaterializerError, match=r"data\.npy holds \d+ bytes of data, its header .* asks for 80"):
        made.load(rows=slice(2))


def test_a_file_that_is_no_array_is_refused() -> None:
    with pytest.raises(MaterializerError, match=r"data\.npy is not a npy file"):
        save_files("other", "npy", {"data.npy": b"something else"}).load(rows=slice(2))
