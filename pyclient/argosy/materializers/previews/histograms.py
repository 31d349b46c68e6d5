"""How numbers are spread, as bars of SVG in a page."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_BARS = "#4a7ebb"
_AXIS = "#afb8c1"


def counts_of(finite: npt.NDArray[np.float64], bins: int, *, are_whole: bool = False) -> npt.NDArray[np.intp]:
    """Return how many numbers fall in each of equal parts of their range; of one value alone, one part.

    Args:
        finite: the numbers, at least one.
        bins: how many parts at most.
        are_whole: whether they are whole numbers, of which each part then has equally many.
    """
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        return np.array([finite.size])
    if are_whole and high - low < 1e15:
        each = math.ceil((high - low + 1) / bins)
        return np.bincount(((finite - low) // each).astype(np.intp))
    half = high / 2 - low / 2  # the whole range may be larger than the largest number
    places = ((finite / 2 - low / 2) * (bins / half)).astype(np.intp)
    return np.bincount(np.minimum(places, bins - 1), minlength=bins)


def bars(counts: npt.NDArray[np.intp], width: int, height: int) -> str:
    """Return a histogram as SVG, as wide as the bars come to; a part that holds anything at all can be seen."""
    if not counts.size:
        return ""
    step = width // counts.size
    gap = 1 if step >= 4 else 0
    tall = np.maximum(counts * (height - 2) // max(int(counts.max()), 1), counts > 0).tolist()
    path = [f"M{place * step} {height - 1}v-{up}h{step - gap}v{up}z" for place, up in enumerate(tall) if up]
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">'
        f'<path d="{"".join(path)}" fill="{_BARS}"/>'
        f'<path d="M0 {height - 0.5}h{width}" stroke="{_AXIS}"/></svg>'
    )
