"""What an array looks like: how its numbers are spread, its first values, and as an image if it is one.

Of a large array a sample is looked at, in blocks spread evenly: the time does not grow with its size.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from argosy.materializers.previews.histograms import bars, counts_of
from argosy.materializers.previews.page import MOST_CHARACTERS, most_frequent, number, page, table
from argosy.materializers.previews.png import png

SAMPLED = 128 << 10
"""So many values of an array are looked at."""
_SAMPLED_BYTES = 16 << 20
_BLOCKS = 64
_BINS = 60
_COUNTED_TEXTS = 10_000
_MOST_SHOWN_BYTES = 4 << 20
_EDGE = 8
_SMALLEST_SIDE = 16
_MOST_LOPSIDED = 8
_MOST_PIXEL_BYTES = 600 << 10
_MOST_SHADES = 64 << 10
"""A matrix is shown smaller than a picture: it is there to see blocks and stripes in it."""
_SHADES_STYLE = "height:160px;max-width:480px;object-fit:contain;image-rendering:pixelated"
_NUMBERS = "biufmM"


def array_previews(array: npt.NDArray[Any]) -> dict[str, bytes]:
    """Return previews by path: how the values are spread, and an image if they are pixels."""
    with np.errstate(all="ignore"):
        if not array.ndim:
            return {"value.txt": _scalar(array)}
        image = _image(array)
        if image is not None and (array.dtype == np.uint8 or array.ndim == 3):
            return {"image.png": image, "array.html": _page(array)}
        return {"array.html": _page(array, image)}


def _scalar(array: npt.NDArray[Any]) -> bytes:
    return f"{array[()]!s:.1000}".encode("utf-8", "backslashreplace")


def sample_of(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return at most :data:`SAMPLED` values, and 16 MiB of them, from everywhere; of long texts the beginning."""
    # Not flat for all: it is slow, but the only view of an array with gaps that copies nothing.
    values: Any = array.reshape(-1) if array.flags.c_contiguous else array.flat
    each = _narrow(values[:1]).itemsize if array.flags.c_contiguous else array.itemsize
    most = max(1, min(SAMPLED, _SAMPLED_BYTES // max(each, 1)))
    if array.size <= most:
        return _narrow(array.reshape(-1))
    blocks = min(_BLOCKS, most)
    block = most // blocks
    starts = (place * (array.size - block) // max(blocks - 1, 1) for place in range(blocks))
    return np.concatenate([_narrow(values[start : start + block]) for start in starts])


def _page(array: npt.NDArray[Any], image: bytes | None = None) -> bytes:
    counted = f"{array.size:,} value{'s' if array.size != 1 else ''}"
    if array.ndim == 1:
        facts = f"<p><strong>{counted}</strong> of {html.escape(str(array.dtype))}</p>"
    else:
        facts = facts_of(array.shape, array.dtype, counted)
    if not array.size:
        return page(facts, "<p>no values</p>")
    shades = []
    if image is not None:
        shades = ["<h2>as shades of grey</h2>", shown_small(image)]
    return page(facts, *spread_of(array), *shades, "<h2>first values</h2>", _first_values(array))


def facts_of(shape: Sequence[int], dtype: object, more: str) -> str:
    """Return the line that begins a page: shape and type of an array, and in grey what else is said of it."""
    lengths = " \N{MULTIPLICATION SIGN} ".join(f"{length:,}" for length in shape)
    return f'<p><strong>{lengths}</strong> of {html.escape(str(dtype))} <span class="dim">{more}</span></p>'


def shown_small(image: bytes) -> str:
    """Return a PNG in a page, where one sees blocks and stripes in it."""
    source = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    return f'<img alt="" style="{_SHADES_STYLE}" src="{source}">'


def spread_of(array: npt.NDArray[Any]) -> list[str]:
    """Return how values are spread; of a large array by a sample, and it says so."""
    kind = array.dtype.kind
    if kind not in f"{_NUMBERS}cUS":
        return []
    sample = sample_of(array)
    of = "" if sample.size == array.size else f'<p class="dim">of a sample of {sample.size:,} values</p>'
    if kind == "c":
        return [of, "<h2>absolute values</h2>", *_histogram(np.abs(sample), float)]
    if kind in "mM":
        return [of, *_histogram(sample, None)]
    if kind in _NUMBERS:
        return [of, *_histogram(sample, float)]
    frequent = most_frequent(sample[:_COUNTED_TEXTS].tolist())
    return [of, f"<p>most frequent: {frequent}</p>" if frequent else "<p>all different</p>"]


def _histogram(sample: npt.NDArray[Any], as_type: type | None) -> list[str]:
    """Return a histogram over numbers, or over moments and durations."""
    if as_type is None:
        missing = np.isnat(sample)
        there = sample[~missing]
        finite = there.astype(np.int64).astype(np.float64)
    else:
        numbers = sample.astype(np.float64)
        missing = np.isnan(numbers)
        finite = there = numbers[np.isfinite(numbers)]
    facts = {"missing": int(missing.sum()), "infinite": int(sample.size - missing.sum() - finite.size)}
    said = ", ".join(f"{count:,} {name}" for name, count in facts.items() if count)
    told = [f"<p>{said}</p>"] if said else []
    if not finite.size:
        nothing = {"M": "no moment", "m": "no duration"}.get(sample.dtype.kind, "no finite number")
        return [*told, f"<p>{nothing}</p>"]
    if as_type is None:
        low, high = str(there.min()), str(there.max())
        numbers_of = {
            "earliest" if sample.dtype.kind == "M" else "min": low,
            "latest" if sample.dtype.kind == "M" else "max": high,
        }
    else:
        low, high = number(float(finite.min())), number(float(finite.max()))
        numbers_of = {
            "min": low,
            "mean": number(float(finite.mean())),
            "median": number(float(np.median(finite))),
            "max": high,
            "std": number(float(finite.std())),
        }
    picture = bars(counts_of(finite, _BINS, are_whole=sample.dtype.kind in "iub"), 480, 120)
    axis = (
        f'<div class="dim" style="width:480px;display:flex;justify-content:space-between">'
        f"<span>{html.escape(low)}</span><span>{html.escape(high)}</span></div>"
    )
    summary = table(list(numbers_of), [list(map(html.escape, numbers_of.values()))], labelled=False)
    return [*told, picture, axis, f"<h2>in numbers</h2>{summary}"]


def _first_values(array: npt.NDArray[Any]) -> str:
    edge = _EDGE if array.ndim > 1 else 5 * _EDGE
    corner = array[tuple(slice(0, edge if axis >= array.ndim - 2 else 1) for axis in range(array.ndim))]
    corner = _narrow(corner)
    if corner.nbytes > _MOST_SHOWN_BYTES:
        return f"<p>of {array.itemsize:,} bytes each, too long to show</p>"
    text = np.array2string(corner, precision=4, max_line_width=110, threshold=200, edgeitems=3)
    return f'<div class="wide"><pre>{html.escape(text[:4000])}</pre></div>'


def _narrow(texts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the beginnings of texts, of which those of a wide dtype are not copied whole; all else as it is."""
    if texts.dtype.kind not in "US":
        return texts
    characters = texts.dtype.itemsize // (4 if texts.dtype.kind == "U" else 1)
    return texts.astype(f"{texts.dtype.kind}{MOST_CHARACTERS}") if characters > MOST_CHARACTERS else texts


def _image(array: npt.NDArray[Any]) -> bytes | None:
    """Return an array of pixels, or a matrix as grey levels, as PNG; ``None`` for one of another shape."""
    channels = array.shape[2] if array.ndim == 3 else 1
    is_number = array.dtype == np.uint8 or array.dtype.kind == "f"
    if not is_number or array.ndim not in (2, 3) or channels not in (1, 3, 4):
        return None
    height, width = array.shape[:2]
    if min(height, width) < _SMALLEST_SIDE or max(height, width) > _MOST_LOPSIDED * min(height, width):
        return None
    step, most = 1, _MOST_SHADES if array.ndim == 2 and array.dtype != np.uint8 else _MOST_PIXEL_BYTES
    while (height // step + 1) * (width // step + 1) * channels > most:
        step += 1
    pixels = array[::step, ::step].reshape(-(-height // step), -(-width // step), channels)
    if pixels.dtype == np.uint8:
        return png(pixels)
    finite = np.isfinite(pixels)
    if not finite.any():
        return None
    low, high = float(pixels[finite].min()), float(pixels[finite].max())
    if channels > 1 and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scale = 255 / (high / 2 - low / 2) / 2 if high > low else 0.0
    grey = np.where(finite, (pixels.astype(np.float64) / 2 - low / 2) * 2 * scale, 0.0)
    return png(np.clip(grey, 0, 255).astype(np.uint8))
