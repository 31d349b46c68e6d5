"""Whether the parts of a sparse array fit together: scipy's own code reads beyond their ends where they do not.

scipy's own check takes several times the memory of the indices; these take a megabyte.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_PIECE = 1 << 17
"""So many elements are looked at at once."""


def check_compressed(layout: str, data: Any, indices: Any, indptr: Any, shape: tuple[int, ...]) -> None:
    """Check the parts of ``csr``, ``csc`` and ``bsr``.

    Raises:
        ValueError: they do not fit together; says how.
    """
    rows, columns = shape if len(shape) == 2 else (1, *shape)
    if layout == "csc":
        rows, columns = columns, rows
    if layout == "bsr":
        high, wide = data.shape[1:]
        if high == 0 or wide == 0 or rows % high or columns % wide:
            raise ValueError(f"blocks of {high} x {wide} do not fill the shape {list(shape)}")
        rows, columns = rows // high, columns // wide
    elif data.ndim != 1:
        raise ValueError(f"data of the shape {data.shape}")
    _check_indices("indices", indices, len(data), columns)
    if indptr.dtype.kind not in "iu" or indptr.shape != (rows + 1,):
        raise ValueError(f"indptr of the shape {indptr.shape} and dtype {indptr.dtype} for {rows} rows")
    if indptr[0] != 0 or indptr[-1] != len(indices):
        raise ValueError(f"indptr goes from {indptr[0]} to {indptr[-1]}, and there are {len(indices)} indices")
    for start in range(0, rows, _PIECE):
        piece = indptr[start : start + _PIECE + 1]
        if (piece[1:] < piece[:-1]).any():
            raise ValueError("indptr does not only grow")


def check_coordinates(data: Any, coordinates: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    """Check the parts of ``coo``.

    Raises:
        ValueError: they do not fit together; says how.
    """
    if data.ndim != 1 or len(coordinates) != len(shape):
        raise ValueError(f"data of the shape {data.shape} and coordinates of {len(coordinates)} axes for {list(shape)}")
    for axis, (indices, length) in enumerate(zip(coordinates, shape, strict=True)):
        _check_indices(f"coordinates of axis {axis}", indices, len(data), length)


def check_diagonals(data: Any, offsets: Any) -> None:
    """Check the parts of ``dia``.

    Raises:
        ValueError: they do not fit together; says how.
    """
    if data.ndim != 2 or offsets.shape != data.shape[:1] or offsets.dtype.kind not in "iu":
        raise ValueError(f"offsets of the shape {offsets.shape} for data of the shape {data.shape}")
    if len(np.unique(offsets)) != len(offsets):
        raise ValueError("an offset is there twice")


def _check_indices(name: str, indices: Any, count: int, length: int) -> None:
    if indices.shape != (count,) or indices.dtype.kind not in "iu":
        raise ValueError(f"{name} of the shape {indices.shape} and dtype {indices.dtype} for {count} elements")
    if count and not 0 <= indices.min() <= indices.max() < length:
        raise ValueError(f"{name} go from {indices.min()} to {indices.max()}, beyond {length}")
