"""Rows of an array in the ``npy`` layout: of the file, only the header and the wanted rows are read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from argosy.errors import MaterializerError, ParameterError
from argosy.materializers.array_family.dense import FILE
from argosy.materializers.array_family.npy_layout import data_bytes, read_header

if TYPE_CHECKING:
    from argosy.materializers.partial import Part, RangedFile, RangedSource

_HEADER_BUFFER_BYTES = 4 << 10
_READ_OVER_BYTES = 1 << 20
"""A gap up to this size is read over: a call of its own for what follows would take longer."""
_BLOCK_BYTES = 1 << 20


def load_rows(files: RangedSource, part: Part, name: str) -> npt.NDArray[Any]:
    """Return a slice along the first axis of an array.

    Raises:
        ParameterError: the array has no dimensions.
        MaterializerError: the file is malformed, or shorter or longer than its header says.
    """
    with files.open_file(FILE) as file:
        header = io.BufferedReader(cast("io.RawIOBase", file), _HEADER_BUFFER_BYTES)
        shape, fortran, dtype, header_bytes = read_header(header, FILE)
        header.detach()  # it would close the file
        data_bytes(shape, dtype, files.size(FILE) - header_bytes, FILE)
        if not shape:
            raise ParameterError(f"{name} (format 'npy') has no dimensions, so there are no rows; leave rows= out")
        rows, step = part.rows_of(shape[0])
        if fortran and len(shape) > 1:
            return _fortran_rows(file, rows, step, shape, dtype, header_bytes)
        return _c_rows(file, rows, step, shape, dtype, header_bytes)


def _c_rows(
    file: RangedFile, rows: range, step: int, shape: tuple[int, ...], dtype: np.dtype[Any], start: int
) -> npt.NDArray[Any]:
    """Read rows that lie whole, one after the other; for a negative step they are turned round afterwards."""
    wanted = rows[:: abs(step)]
    # np.ndarray, not np.empty: the latter turns the dtype '<U0' into '<U1'.
    array: npt.NDArray[Any] = np.ndarray((len(wanted), *shape[1:]), dtype)
    if array.nbytes:
        row_bytes = array.nbytes // len(wanted)
        runs = array.reshape(-1).view(np.uint8).reshape(len(wanted), row_bytes)
        _read_runs(file, runs, start + rows.start * row_bytes, abs(step) * row_bytes)
    return array if step > 0 else array[::-1].copy()


def _fortran_rows(
    file: RangedFile, rows: range, step: int, shape: tuple[int, ...], dtype: np.dtype[Any], start: int
) -> npt.NDArray[Any]:
    """Read rows whose elements lie far apart: of each column, those from the first row to the last."""
    array: npt.NDArray[Any] = np.ndarray((len(rows), *shape[1:]), dtype, order="F")
    if array.nbytes:
        runs = array.T.reshape(-1).view(np.uint8).reshape(-1, len(rows) * dtype.itemsize)
        _read_runs(file, runs, start + rows.start * dtype.itemsize, shape[0] * dtype.itemsize)
    return array if step == 1 else array[::step].copy(order="F")


def _read_runs(file: RangedFile, runs: npt.NDArray[np.uint8], offset: int, stride: int) -> None:
    """Fill each row of ``runs`` with the bytes at ``offset`` and every ``stride`` bytes after it."""
    count, run = runs.shape
    if count == 1 or stride == run:
        _fill(file, offset, runs.reshape(-1))
    elif stride - run > _READ_OVER_BYTES:
        for index in range(count):
            _fill(file, offset + index * stride, runs[index])
    else:
        file.expect([(offset, offset + (count - 1) * stride + run)])
        _read_over(file, runs, offset, stride)


def _read_over(file: RangedFile, runs: npt.NDArray[np.uint8], offset: int, stride: int) -> None:
    """Read all from the first run to the last, some runs at a time, and keep the runs only."""
    count, run = runs.shape
    in_block = min(max(_BLOCK_BYTES // stride, 1), count)
    block = np.empty((in_block, stride), np.uint8)
    for first in range(0, count, in_block):
        taken = min(in_block, count - first)
        length = taken * stride if first + taken < count else (taken - 1) * stride + run
        _fill(file, offset + first * stride, block.reshape(-1)[:length])
        runs[first : first + taken] = block[:taken, :run]


def _fill(file: RangedFile, offset: int, target: npt.NDArray[np.uint8]) -> None:
    file.seek(offset)
    count = file.readinto(target.data)
    if count != target.nbytes:
        raise MaterializerError(f"{FILE} ends {target.nbytes - count} bytes early")
