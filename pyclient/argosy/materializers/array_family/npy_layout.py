"""The ``npy`` file layout: a header that describes the array, then its elements as they lie in memory."""

from __future__ import annotations

import ast
import io
import math
import struct
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from argosy.errors import MaterializerError
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.streams import read_exactly

_MAX_HEADER_BYTES = 1 << 20
LONGEST_HEADER = _MAX_HEADER_BYTES + 12
"""No array begins later than this in its file."""
_ALIGNMENT = 64


def check_dtype(dtype: np.dtype[np.generic]) -> None:
    """Refuse a dtype that a header cannot describe exactly.

    Raises:
        CannotKeepError: names the dtype and what is special about it.
    """
    if dtype.hasobject:
        raise CannotKeepError(f"dtype {dtype} holds Python objects, which only pickle could keep")
    if _has_metadata(dtype):
        raise CannotKeepError(f"dtype {dtype!r} carries metadata, which npy drops")
    try:
        restored = np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(dtype))
    except (ValueError, TypeError) as error:
        raise CannotKeepError(f"dtype {dtype} has no npy description ({error})") from error
    if restored != dtype:
        raise CannotKeepError(f"dtype {dtype} would come back as {restored}")


def _has_metadata(dtype: np.dtype[np.generic]) -> bool:
    if dtype.metadata or (dtype.subdtype and _has_metadata(dtype.subdtype[0])):
        return True
    return any(_has_metadata(field[0]) for field in (dtype.fields or {}).values())


def header_of(array: npt.NDArray[np.generic]) -> bytes:
    """Return the header of an array whose dtype was checked.

    Raises:
        CannotKeepError: the description is longer than readers accept.
    """
    header = np.lib.format.header_data_from_array_1_0(array)
    target = io.BytesIO()
    try:
        np.lib.format.write_array_header_1_0(target, header)
    except ValueError:  # too long for 1.0, or field names outside Latin-1: 3.0 has neither limit
        text = (repr(header)).encode()
        padding = -(len(text) + 13) % _ALIGNMENT
        target = io.BytesIO()
        target.write(b"\x93NUMPY\x03\x00" + struct.pack("<I", len(text) + padding + 1))
        target.write(text + b" " * padding + b"\n")
    if target.tell() > _MAX_HEADER_BYTES:
        raise CannotKeepError(f"the dtype needs a header of {target.tell()} bytes; the limit is {_MAX_HEADER_BYTES}")
    return target.getvalue()


def read_header(stream: BinaryIO, path: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    """Read a header; return shape, Fortran order, dtype and the header's own length in bytes.

    Raises:
        MaterializerError: it is no npy file, or one that holds Python objects.
    """
    magic = read_exactly(stream, 8, path)
    if magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2, 3):
        raise MaterializerError(f"{path} is not a npy file of version 1, 2 or 3")
    width, layout = (2, "<H") if magic[6] == 1 else (4, "<I")
    (length,) = struct.unpack(layout, read_exactly(stream, width, path))
    if length > _MAX_HEADER_BYTES:
        raise MaterializerError(f"the header of {path} claims {length} bytes; the limit is {_MAX_HEADER_BYTES}")
    encoded = read_exactly(stream, length, path)
    try:
        header = ast.literal_eval(encoded.decode("utf-8" if magic[6] == 3 else "latin-1").strip())
        shape, fortran, descr = header["shape"], header["fortran_order"], header["descr"]
        dtype = np.lib.format.descr_to_dtype(descr)
    except (ValueError, TypeError, KeyError, SyntaxError, RecursionError, MemoryError) as error:
        raise MaterializerError(f"the header of {path} is malformed: {error}") from error
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise MaterializerError(f"the header of {path} has the shape {shape!r}, which is none")
    if dtype.hasobject:
        raise MaterializerError(f"{path} holds pickled Python objects, which the format npy never reads")
    return shape, bool(fortran), dtype, 8 + width + length


def array_of(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    path: str,
    *,
    fortran: bool,
    memory: memoryview | None = None,
    at: int = 0,
) -> npt.NDArray[Any]:
    """Return an array of what a header says: a new one, or the one that lies in ``memory`` at a place.

    Raises:
        MaterializerError: numpy has no array of this shape, such as one of no elements and a length of 10**20.
    """
    try:
        # np.ndarray, not np.empty: the latter turns the dtype '<U0' into '<U1'.
        return np.ndarray(shape, dtype, memory, at, order="F" if fortran else "C")
    except (ValueError, OverflowError) as error:
        raise MaterializerError(f"the header of {path} has the shape {shape!r}, which no array has: {error}") from error


def data_bytes(shape: tuple[int, ...], dtype: np.dtype[Any], held: int, path: str) -> int:
    """Return how many bytes the elements of an array take.

    Raises:
        MaterializerError: the file holds more or fewer behind its header.
    """
    expected = math.prod(shape) * dtype.itemsize
    if held != expected:
        raise MaterializerError(f"{path} holds {held} bytes of data, its header {shape} {dtype} asks for {expected}")
    return expected
