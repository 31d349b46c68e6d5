"""numpy arrays and scalars."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

from argosy.errors import MaterializerError, PickleRefusedError
from argosy.materializers.files import FileSink
from argosy.materializers.registry import extract_metadata, save_value
from tests.unit.materializers.kept import Kept, keep, roundtrip, same

BASE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
RECORDS = np.array([(1, 2.5, "ab")], dtype=[("a", "<i2"), ("b", "<f8"), ("c", "U3")])


@pytest.mark.parametrize(
    "value",
    [
        BASE,
        np.asfortranarray(BASE),
        BASE[:, ::2],
        BASE[::-1],
        BASE.transpose(1, 0, 2),
        np.broadcast_to(np.arange(3), (4, 3)),
        np.array(5),
        np.empty((0, 3)),
        np.empty((2, 0), order="F"),
        np.arange(5, dtype=">i4"),
        np.array(["2020-01-01", "NaT"], dtype="M8[s]"),
        np.array([1, 2], dtype="m8[ns]"),
        np.array(["é", "abc"]),
        np.array([b"x", b""], dtype="S4"),
        np.ndarray((3,), dtype="U0"),
        np.array([True, False]),
        np.array([1 + 2j], dtype=np.complex64),
        np.array([1.5], dtype=np.float16),
        np.array([1.5], dtype=np.longdouble),
        RECORDS,
        np.zeros(2, dtype=np.dtype([("x", "i1"), ("y", "f8")], align=True)),
        np.zeros(2, dtype=[("naïve", "f4"), ("中", "(2,2)i4")]),
        np.zeros(2, dtype=[(f"field_{index}", "f4") for index in range(5000)]),
        np.array([b"abc"], dtype="V3"),
    ],
    ids=lambda value: f"{value.dtype.str}{value.shape}",
)
def test_array_comes_back_bit_for_bit(value: Any) -> None:
    kept = keep(value)
    back = kept.load()
    assert type(back) is np.ndarray
    assert same(back, value)
    assert back.flags.writeable
    np.testing.assert_array_equal(np.load(io.BytesIO(kept.files["data.npy"]), max_header_size=1 << 20), value)


def test_fortran_order_is_kept() -> None:
    assert roundtrip(np.asfortranarray(BASE)).flags.f_contiguous


def test_array_written_by_numpy_itself_is_read() -> None:
    target = io.BytesIO()
    np.save(target, RECORDS)
    foreign = Kept(keep(BASE).saved, {"data.npy": target.getvalue()})
    assert same(foreign.load(materializer="", data_type=""), RECORDS)


def test_contiguous_array_is_not_copied() -> None:
    sink = FileSink()
    array = np.zeros(10)
    save_value(array, sink, allow_pickle=False)
    (file,) = sink.files
    array[3] = 7
    assert np.load(io.BytesIO(b"".join(file.chunks())))[3] == 7


def test_memmap_comes_back_as_array(tmp_path: Any) -> None:
    mapped = np.memmap(tmp_path / "m", dtype="i4", mode="w+", shape=(3,))
    mapped[:] = [1, 2, 3]
    assert same(roundtrip(mapped), np.array([1, 2, 3], dtype="i4"))


@pytest.mark.parametrize(
    "value",
    [
        np.float64(1.5),
        np.int8(-3),
        np.bool_(True),
        np.str_("é"),
        np.bytes_(b"x"),
        np.complex128(1j),
        np.longdouble(1) / 3,
        np.datetime64("2020-01-01T00:00:00.123", "ms"),
        np.timedelta64(5, "D"),
        RECORDS[0],
    ],
    ids=lambda value: type(value).__name__,
)
def test_scalar_comes_back_with_its_type(value: Any) -> None:
    back = roundtrip(value)
    assert type(back) is type(value)
    assert back == value
    assert back.dtype == value.dtype


def test_scalar_whose_type_would_change_is_refused() -> None:
    with pytest.raises(MaterializerError, match="would come back as numpy:int64; convert it to int64"):
        keep(np.longlong(3), allow_pickle=True)
    with pytest.raises(MaterializerError, match="ends in NUL characters"):
        keep(np.str_("a\x00"))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.array([{}]), "holds Python objects"),
        (np.array([(1, None)], dtype=[("a", "i4"), ("b", "O")]), "holds Python objects"),
        (np.ma.masked_array([1, 2], [True, False]), "MaskedArray is a subclass of ndarray"),
        (RECORDS.view(np.recarray), "recarray is a subclass of ndarray"),
        (np.zeros(1, dtype=np.dtype("f8", metadata={"a": 1})), "carries metadata"),
    ],
)
def test_array_npy_cannot_keep_is_a_pickle_or_refused(value: Any, reason: str) -> None:
    with pytest.raises(PickleRefusedError, match=reason):
        keep(value)
    kept = keep(value, allow_pickle=True)
    assert kept.saved.format == "cloudpickle"
    assert type(kept.load(allow_pickle=True)) is type(value)


def corrupt(change: Any) -> Kept:
    kept = keep(np.arange(4))
    return Kept(kept.saved, {"data.npy": change(kept.files["data.npy"])})


def of_shape(data: bytes, shape: bytes) -> bytes:
    """Return a file without elements that claims a shape, its header as long as it was."""
    header = data[:128].replace(b"(4,)", shape)
    return header[:127].rstrip().ljust(127) + b"\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "its header .* asks for 32"),
        (lambda data: data + b"x", "holds 33 bytes"),
        (lambda data: data[:7], "ends after 7 of 8"),
        (lambda data: b"\x00" + data[1:], "not a npy file"),
        (lambda data: data.replace(b"'<i8'", b"'|O8'"), "pickled Python objects|malformed"),
        (lambda data: data.replace(b"(4,)", b"(-4)"), "which is none"),
        (lambda data: data.replace(b"(4,)", b"99*9"), "malformed"),
        (lambda data: of_shape(data, b"(0, 99999999999999999999)"), "which no array has: Maximum allowed dimension"),
        (lambda data: of_shape(data, b"(0, 99999999999999999999)") + bytes(1 << 20), "holds 1048576 bytes of data"),
        (lambda data: data[:8] + b"\xff\xff" + data[10:], "ends after"),
    ],
)
def test_malformed_file_is_refused(change: Any, message: str) -> None:
    with pytest.raises(MaterializerError, match=message):
        corrupt(change).load()


def test_scalar_file_that_holds_an_array_is_refused() -> None:
    with pytest.raises(MaterializerError, match=r"saved as a scalar and has the shape \(2,\)"):
        Kept(keep(np.float64(1)).saved, keep(np.zeros(2)).files).load()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([1, 2, 3], dtype="u1"), {"min": 1, "max": 3, "mean": 2.0, "std": pytest.approx((2 / 3) ** 0.5)}),
        (np.array([1.0, np.nan, 3.0]), {"min": 1.0, "max": 3.0, "mean": 2.0, "std": 1.0, "nan_count": 1}),
        (np.array([np.nan]), {"nan_count": 1}),
        (np.array([1.0, np.inf]), {"min": 1.0}),
        (np.array([True, True, False, False]), {"true_count": 2, "mean": 0.5}),
        (np.array([2**63 - 1, -(2**63)]), {"min": -(2**63), "max": 2**63 - 1, "mean": 0.0, "std": 2.0**63}),
        (np.array([1j]), {}),
        (np.array(["a"]), {}),
        (np.empty(0), {}),
    ],
)
def test_statistics(value: Any, expected: dict[str, Any]) -> None:
    shape = {"shape": list(value.shape), "dtype": str(value.dtype), "size": value.size, "size_bytes": value.nbytes}
    found = extract_metadata(value, "argosy.numpy")
    assert found == {**shape, **expected}
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("layout", ["C", "F", "strided", "big endian"])
def test_statistics_are_sound_for_large_means_in_every_layout(layout: str) -> None:
    numbers = np.random.default_rng(0).normal(1e9, 1.0, (400, 1000))
    arrays = {
        "C": numbers,
        "F": np.asfortranarray(numbers),
        "strided": np.repeat(numbers, 2, axis=1)[:, ::2],
        "big endian": numbers.astype(">f8"),
    }
    found = extract_metadata(arrays[layout], "argosy.numpy")
    assert found["mean"] == pytest.approx(numbers.mean(), rel=1e-14)
    assert found["std"] == pytest.approx(numbers.std(), rel=1e-9)
    assert (found["min"], found["max"]) == (numbers.min(), numbers.max())


def test_arrays_beyond_64_mib_have_no_statistics_which_would_slow_their_saving() -> None:
    largest = np.zeros((64 << 20) // 8)
    assert extract_metadata(largest, "argosy.numpy")["mean"] == 0
    assert set(extract_metadata(np.zeros(largest.size + 1), "argosy.numpy")) == {"shape", "dtype", "size", "size_bytes"}
