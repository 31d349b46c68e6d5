"""``npy.json``: files of the format ``npy`` and the elements that are in them, and files that every reader refuses."""

from __future__ import annotations

import base64
import io
import struct
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from argosy.errors import MaterializerError
from argosy.materializers.array_family.dense import read_array, write_array
from argosy.materializers.files import FileSink, FileSource

ABOUT = (
    "file_base64 is the file. Of one with reader `must` a reader gives dtype (numpy's kind and bytes of an element; "
    "its byte order does not matter any more), shape, and elements_base64: the elements in C order, each "
    "little-endian, a boolean as 0 or 1. What it writes of that again must read the same. `may` means that a reader "
    "gives these or refuses the file with an error that names the dtype; `refuse` that it always refuses."
)
DTYPES = ("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16")
OTHERS = ("S3", "U2", "M8[s]", "m8[ns]", "V4")


def make() -> dict[str, Any]:
    """Return the file."""
    vectors = [_vector(name, array, "must") for name, array in _numbers().items()]
    vectors += [_read(name, file, "must") for name, file in _headers().items()]
    vectors += [_vector(f"dtype {code}", np.zeros(2, f"<{code}"), "may") for code in OTHERS]
    vectors += [_vector("a structured dtype", np.zeros(2, [("a", "<i4"), ("b", "<f8")]), "may")]
    vectors += [_refused(name, file) for name, file in _bad().items()]
    return {"about": ABOUT, "vectors": vectors}


def _numbers() -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {}
    for code in DTYPES:
        for order, name in (("<", "little-endian"), (">", "big-endian")):
            array = _extremes(code).astype(f"{order}{code}")
            arrays[f"{code} {name}"] = array
            arrays[f"{code} {name} Fortran"] = np.asfortranarray(array.reshape(2, 3))
    numbers = np.arange(24, dtype="<i4")
    arrays |= {
        "no dimension": np.array(2.5),
        "no dimension, big-endian": np.array(-3, ">i8"),
        "no dimension, boolean": np.array(True),
        "empty": np.zeros(0, "<f8"),
        "empty rows": np.zeros((3, 0), "<f4"),
        "no rows, Fortran": np.zeros((0, 3), "<i2", order="F"),
        "one element": np.array([7], "<u2"),
        "three dimensions": numbers.reshape(2, 3, 4),
        "three dimensions, Fortran": np.asfortranarray(numbers.reshape(2, 3, 4)),
        "three dimensions, Fortran, big-endian": np.asfortranarray(numbers.astype(">i4").reshape(2, 3, 4)),
        "a column, which is both C and Fortran": numbers.reshape(24, 1),
        "five dimensions": numbers.astype("<u1").reshape(1, 2, 3, 2, 2),
    }
    return arrays


def _extremes(code: str) -> npt.NDArray[Any]:
    """Return six elements at the edges of a dtype."""
    dtype = np.dtype(code)
    if dtype.kind == "b":
        return np.array([True, False, False, True, True, False])
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return np.array([info.min, info.max, 0, 1, info.max // 2, info.min // 2], dtype)
    real = np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype
    limits = np.finfo(real)
    found = np.array([limits.max, limits.smallest_subnormal, -0.0, np.inf, -np.inf, 0.1], real)
    if dtype.kind == "f":
        return found
    made = np.zeros(found.size, dtype)
    made.real, made.imag = found[::-1], found
    return made


def _headers() -> dict[str, bytes]:
    """Return files which numpy would write another way, but which are fine."""
    data = struct.pack("<2h", 1, -2)
    described = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }"
    return {
        "version 2.0": _file(described, data, version=2),
        "version 3.0": _file(described, data, version=3),
        "members in another order": _file("{'shape': (2,), 'descr': '<i2', 'fortran_order': False}", data),
        "double quotes": _file('{"descr": "<i2", "fortran_order": False, "shape": (2,)}', data),
        "no white space": _file("{'descr':'<i2','fortran_order':False,'shape':(2,)}", data),
        "a header that is not aligned": _file(described, data, alignment=1),
        "a header of 3 KB": _file(described + " " * 3_000, data, version=2),
        "an element of one byte without order": _file(described.replace("<i2", "|u1"), b"\x01\xff"),
        "a boolean with an order": _file(described.replace("<i2", "<b1"), b"\x01\x00"),
    }


def _bad() -> dict[str, bytes]:
    described = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }"
    good = _file(described, b"\x00" * 4)
    return {
        "nothing": b"",
        "another magic": b"\x93NUMPX" + good[6:],
        "version 4.0": good[:6] + b"\x04" + good[7:],
        "version 0.0": good[:6] + b"\x00" + good[7:],
        "cut in the magic": good[:5],
        "cut in the header": good[:40],
        "one byte short": good[:-1],
        "one byte too long": good + b"\x00",
        "without elements": good[:-4],
        "a header of 2 GiB": good[:6] + b"\x02\x00" + struct.pack("<I", 2**31) + good[10:],
        "no header": _file("", b""),
        "a header that is a list": _file("['<i2', False, (2,)]", b"\x00" * 4),
        "a header that is code": _file("__import__('os').getcwd()", b"\x00" * 4),
        "a header that is not closed": _file(described[:-4], b"\x00" * 4),
        "no shape": _file("{'descr': '<i2', 'fortran_order': False}", b"\x00" * 4),
        "no dtype": _file("{'fortran_order': False, 'shape': (2,)}", b"\x00" * 4),
        "a negative size": _file(described.replace("(2,)", "(-2,)"), b"\x00" * 4),
        "a size that is no integer": _file(described.replace("(2,)", "(2.0,)"), b"\x00" * 4),
        "a shape that is no tuple": _file(described.replace("(2,)", "2"), b"\x00" * 4),
        "a shape beyond all memory": _file(described.replace("(2,)", f"({2**62}, {2**62})"), b"\x00" * 4),
        "a shape whose size overflows to the right one": _file(described.replace("(2,)", f"({2**63}, 2, 1)"), b""),
        "an unknown dtype": _file(described.replace("<i2", "<q7"), b"\x00" * 4),
        "a dtype that is no text": _file(described.replace("'<i2'", "2.5"), b"\x00" * 4),
        "pickled objects": _file(described.replace("<i2", "|O"), b"\x80\x04N."),
        "pickled objects in a structure": _file(described.replace("'<i2'", "[('a', '|O')]"), b"\x00" * 16),
    }


def _file(header: str, data: bytes, version: int = 1, alignment: int = 64) -> bytes:
    width = "<H" if version == 1 else "<I"
    begun = 8 + struct.calcsize(width)
    text = header.encode()
    text += b" " * (-(begun + len(text) + 1) % alignment) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(width, len(text)) + text + data


class _OneFile:
    """What the SDK reads an array from, of one file in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def size(self, path: str) -> int:
        return len(self._content)

    def open(self, path: str) -> io.BytesIO:
        return io.BytesIO(self._content)


def _vector(name: str, array: npt.NDArray[Any], reader: str) -> dict[str, Any]:
    sink = FileSink()
    write_array(array, sink)
    return _read(name, b"".join(sink.files[0].chunks()), reader)


def _read(name: str, file: bytes, reader: str) -> dict[str, Any]:
    array = read_array(cast("FileSource", _OneFile(file)))
    numeric = array.dtype.kind in "biufc"
    elements = array.astype(array.dtype.newbyteorder("<"), copy=False) if numeric else array
    return {
        "name": name,
        "reader": reader,
        "dtype": array.dtype.str.lstrip("<>|=") if array.dtype.names is None else "structured",
        "shape": list(array.shape),
        "elements_base64": base64.b64encode(elements.tobytes("C")).decode(),
        "file_base64": base64.b64encode(file).decode(),
    }


def _refused(name: str, file: bytes) -> dict[str, Any]:
    try:
        array = read_array(cast("FileSource", _OneFile(file)))
    except MaterializerError:
        return {"name": name, "reader": "refuse", "file_base64": base64.b64encode(file).decode()}
    raise AssertionError(f"{name}: Python reads it, as {array!r}")
