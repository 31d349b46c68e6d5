"""What a sparse array of scipy looks like: how full it is, where its stored values are, and how they are spread.

Of many stored values a sample is looked at, from everywhere in them: the time does not grow with their number.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from argosy.materializers.previews.arrays import SAMPLED, facts_of, shown_small, spread_of
from argosy.materializers.previews.page import cut, number, page, table
from argosy.materializers.previews.png import png

_MOST_CONVERTED = 1 << 19
"""More values in a layout of Python objects are not looked at: only scipy could, one after the other."""
_HIGH, _WIDE, _NARROWEST = 160, 480, 20
"""Cells of the picture at most, and at least where the array is so long: a thin one would be a line."""
_FIRST = 10
_FAINTEST = 55
"""How dark a cell is at least that has a stored value at all, of 255."""

_Places = npt.NDArray[np.int64]


class _Stored(NamedTuple):
    """Stored values, all or a sample.

    Attributes:
        values: the values.
        places: where each of them is, for each axis.
    """

    values: npt.NDArray[Any]
    places: tuple[_Places, ...]


def sparse_previews(value: Any) -> dict[str, bytes]:
    """Return a page about a sparse array or matrix."""
    stored, parts = int(value.nnz), [_facts(value)]
    if not stored:
        return {"sparse.html": page(*parts, "<p>no stored values</p>")}
    if value.format in ("lil", "dok"):
        if stored > _MOST_CONVERTED:
            return {"sparse.html": page(*parts, f"<p>too many to look at in the layout {value.format}</p>")}
        value = value.asformat("coo")
    found = _sampled(value)
    is_whole = len(found.values) == stored
    if not is_whole:
        parts.append(f'<p class="dim">of a sample of {len(found.values):,} stored values</p>')
    with np.errstate(all="ignore"):
        parts += spread_of(found.values)
        if len(value.shape) == 2:
            parts += ["<h2>where they are</h2>", shown_small(_picture(found.places, value.shape))]
    parts += [f"<h2>{'first' if is_whole else 'some'} stored values</h2>", _listed(found)]
    return {"sparse.html": page(*parts)}


def _facts(value: Any) -> str:
    kind = "array" if type(value).__name__.endswith("_array") else "matrix"
    size = math.prod(map(int, value.shape))
    share = f", {number(value.nnz / size * 100)} %" if size else ""
    return facts_of(value.shape, value.dtype, f"{value.format} {kind}, {int(value.nnz):,} stored{share}")


def _sampled(value: Any) -> _Stored:
    """Return at most :data:`SAMPLED` stored values; those of a diagonal beyond the array are not among them."""
    if value.format == "coo":
        at = _chosen(len(value.data))
        return _Stored(value.data[at], tuple(axis[at].astype(np.int64) for axis in value.coords))
    if value.format == "dia":
        return _sampled_diagonals(value)
    return _sampled_compressed(value)


def _sampled_diagonals(value: Any) -> _Stored:
    diagonal, column = np.divmod(_chosen(value.data.size), value.data.shape[1])
    row = column - value.offsets[diagonal]
    inside = (row >= 0) & (row < value.shape[0]) & (column < value.shape[1])
    return _Stored(value.data[diagonal, column][inside], (row[inside], column[inside]))


def _sampled_compressed(value: Any) -> _Stored:
    """Return some of ``csr``, ``csc`` and ``bsr``, of whose blocks each element counts."""
    data, ends = value.data, value.indptr
    high, wide = data.shape[1:] if value.format == "bsr" else (1, 1)
    block, inside = np.divmod(_chosen(int(ends[-1]) * high * wide), high * wide)
    down, across = np.divmod(inside, wide)
    # Sought in their own type: of any other one all ends would be copied.
    major = np.searchsorted(ends, block.astype(ends.dtype), side="right").astype(np.int64) - 1
    minor = value.indices[block].astype(np.int64)
    if value.format == "bsr":
        return _Stored(data[block, down, across], (major * high + down, minor * wide + across))
    if len(value.shape) == 1:
        return _Stored(data[block], (minor,))
    return _Stored(data[block], (minor, major) if value.format == "csc" else (major, minor))


def _chosen(count: int) -> _Places:
    """Return which of so many are looked at: one from each of equal parts, where in it by chance.

    Not every n-th one: of rows of equally many values that would always be the same column. The chance is the same
    each time, and so is the preview.
    """
    if count <= SAMPLED:
        return np.arange(count)
    parts = np.arange(SAMPLED) + np.random.default_rng(0).random(SAMPLED)
    return np.minimum(parts * (count / SAMPLED), count - 1).astype(np.int64)


def _picture(places: tuple[_Places, ...], shape: tuple[int, ...]) -> bytes:
    """Return a picture of an array, each cell of it the darker the more stored values it has."""
    scale = min(_HIGH / shape[0], _WIDE / shape[1], 1)
    high, wide = (max(min(length, _NARROWEST), round(length * scale)) for length in shape)
    row, column = (
        np.minimum(place * (cells / length), cells - 1).astype(np.int64)
        for place, cells, length in zip(places, (high, wide), shape, strict=True)
    )
    counts = np.bincount(row * wide + column, minlength=high * wide).reshape(high, wide)
    dark = np.where(counts, _FAINTEST + (255 - _FAINTEST) * np.sqrt(counts / max(int(counts.max()), 1)), 0)
    return png((255 - dark).astype(np.uint8)[:, :, np.newaxis])


def _listed(found: _Stored) -> str:
    axes = ["row", "column"] if len(found.places) == 2 else [f"axis {axis}" for axis in range(len(found.places))]
    places = [place[:_FIRST].tolist() for place in found.places]
    values = [cut(str(value)) for value in found.values[:_FIRST]]
    rows = [[*(f"{place:,}" for place in where), value] for *where, value in zip(*places, values, strict=True)]
    return table([*axes, "value"], rows, labelled=False)
