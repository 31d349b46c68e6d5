"""numpy arrays and scalars: format ``npy``, one file ``data.npy`` without pickled objects.

An array's own buffer is what is sent, and what is read into: neither side holds a second copy.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from argosy.errors import MaterializerError
from argosy.materializers.array_family.npy_layout import (
    LONGEST_HEADER,
    array_of,
    check_dtype,
    data_bytes,
    header_of,
    read_header,
)
from argosy.materializers.array_family.statistics import statistics
from argosy.materializers.base import JSON, BuiltinMaterializer, type_name
from argosy.materializers.nesting import CannotKeepError
from argosy.materializers.streams import read_into

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

FILE = "data.npy"
_COPY_IN_MEMORY_BYTES = 8 << 20
"""A larger array that is not contiguous is laid out on disk, piece by piece."""
_MOST_STATISTICS_BYTES = 64 << 20
"""Of larger arrays they would take a good part of the time of saving them."""
_WHOLE_BYTES = 1 << 20
"""A file of this size is taken as memory, which may be the stored file itself; smaller ones are copied out."""


class NumpyMaterializer(BuiltinMaterializer[Any]):
    """Keeps arrays; ``memmap`` comes back as the ``ndarray`` it is a view of."""

    id = "argosy.numpy"
    types = (np.ndarray,)
    format = "npy"

    def save(self, value: npt.NDArray[Any], files: FileSink) -> None:
        """Write the header and the array's own buffer.

        Raises:
            CannotKeepError: it holds Python objects, or is a subclass of ``ndarray``.
        """
        if type(value) is not np.ndarray and type(value) is not np.memmap:
            raise CannotKeepError(
                f"{type_name(type(value))} is a subclass of ndarray, which npy would not bring back "
                f"(numpy.asarray(value) keeps its plain data)"
            )
        check_dtype(value.dtype)
        write_array(value, files)

    def load(self, files: FileSource, as_type: type[Any] | None) -> npt.NDArray[Any]:
        """Read the file straight into a new array."""
        return read_array(files)

    def extract_metadata(self, value: npt.NDArray[Any]) -> dict[str, JSON]:
        """Return shape, dtype and size, and of numbers and booleans up to 64 MiB statistics."""
        return {
            "shape": list(value.shape),
            "dtype": str(value.dtype),
            "size": int(value.size),
            "size_bytes": int(value.nbytes),
            **(statistics(value) if value.nbytes <= _MOST_STATISTICS_BYTES else {}),
        }

    def visualize(self, value: npt.NDArray[Any]) -> dict[str, bytes]:
        """Return how the values are spread, and an image where they are one; of a large array by a sample."""
        from argosy.materializers.previews.arrays import array_previews

        return array_previews(np.asarray(value))


class NumpyScalarMaterializer(BuiltinMaterializer[Any]):
    """Keeps scalars (``np.float64`` and its like) as arrays without dimensions."""

    id = "argosy.numpy_scalar"
    types = (np.generic,)
    format = "npy"

    def save(self, value: Any, files: FileSink) -> None:
        """Write the scalar.

        Raises:
            MaterializerError: its type would come back as another one (``np.longlong`` as ``np.int64``).
        """
        check_dtype(value.dtype)
        array = np.asarray(value)
        if array.dtype.kind in "SU" and array[()] != value:
            raise MaterializerError(f"{value!r} ends in NUL characters, which numpy drops; save it as str or bytes")
        restored = np.ndarray((), np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(array.dtype)), array)[()]
        if type(restored) is not type(value) or restored.dtype != value.dtype:
            raise MaterializerError(
                f"a {type_name(type(value))} would come back as {type_name(type(restored))}; "
                f"convert it to {type(restored).__name__} before"
            )
        write_array(array, files)

    def load(self, files: FileSource, as_type: type[Any] | None) -> Any:
        """Read the scalar.

        Raises:
            MaterializerError: the file holds an array.
        """
        array = read_array(files)
        if array.shape != ():
            raise MaterializerError(f"{FILE} was saved as a scalar and has the shape {array.shape}")
        return array[()]

    def extract_metadata(self, value: Any) -> dict[str, JSON]:
        """Return the dtype."""
        return {"dtype": str(value.dtype)}

    def visualize(self, value: Any) -> dict[str, bytes]:
        """Return the value as text."""
        return {"value.txt": f"{value!s:.1000}".encode("utf-8", "backslashreplace")}


def write_array(array: npt.NDArray[Any], files: FileSink) -> None:
    """Write an array whose dtype was checked; only one that is not contiguous is copied."""
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        if array.nbytes > _COPY_IN_MEMORY_BYTES:
            local = files.temporary_directory() / FILE
            with local.open("wb") as target:
                target.write(header_of(array))
                _write_in_pieces(array, target)
            files.write_file(FILE, local)
            return
        array = np.array(array, order="C", subok=False)
    flat = (array if array.flags.c_contiguous else array.T).reshape(-1)
    if flat.nbytes:
        files.write(FILE, header_of(array), flat.view(np.ndarray).view(np.uint8).data)
    else:
        files.write(FILE, header_of(array))


def write_rows(rows: Sequence[npt.NDArray[Any]], files: FileSink) -> None:
    """Write arrays of one axis, dtype and length as the rows of an array, which is never made; they are not copied."""
    whole = np.broadcast_to(rows[0], (len(rows), len(rows[0])))  # of that shape, and all of it one row
    plain = [np.ascontiguousarray(row).view(np.uint8).data for row in rows if len(row)]
    files.write(FILE, header_of(whole), *plain)


def _write_in_pieces(array: npt.NDArray[Any], target: io.BufferedWriter) -> None:
    pieces: Any = np.nditer(
        array,
        flags=["external_loop", "buffered", "zerosize_ok"],
        order="C",
        buffersize=max(1, (1 << 20) // array.itemsize),
    )
    for piece in pieces:
        target.write(piece.tobytes())


def read_array(files: FileSource) -> npt.NDArray[Any]:
    """Read an array, verified, without a second copy of it; a large one lies where its file was brought to.

    Raises:
        MaterializerError: the file is malformed, or shorter or longer than its header says.
    """
    if files.size(FILE) >= _WHOLE_BYTES:
        return _array_in(files.buffer(FILE))
    with files.open(FILE) as stream:
        shape, fortran, dtype, header_bytes = read_header(stream, FILE)
        expected = data_bytes(shape, dtype, files.size(FILE) - header_bytes, FILE)
        array = array_of(shape, dtype, FILE, fortran=fortran)
        flat = (array.T if fortran else array).reshape(-1)
        read_into(stream, flat.view(np.uint8).data if expected else memoryview(b""), FILE)
    return array


def _array_in(memory: memoryview) -> npt.NDArray[Any]:
    """Return the array that lies in the bytes of a file, in place."""
    shape, fortran, dtype, header_bytes = read_header(io.BytesIO(memory[:LONGEST_HEADER]), FILE)
    data_bytes(shape, dtype, memory.nbytes - header_bytes, FILE)
    array = array_of(shape, dtype, FILE, fortran=fortran, memory=memory, at=header_bytes)
    return array if array.flags.aligned else array.copy(order="K")
