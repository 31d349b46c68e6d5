"""A line about each column of a table of any library: what is missing, how the rest is spread.

Of a long table a sample of the rows is looked at, in blocks spread evenly: the time does not grow with its length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from argosy.materializers.previews.histograms import bars, counts_of
from argosy.materializers.previews.page import NOTHING, cut, most_frequent, number

TITLES = ("type", "missing", "spread", "min", "mean", "median", "max")
"""What a line says; the functions here return all but the type."""
LEFT = frozenset({0, 2})
SAMPLED_ROWS = 64 << 10
COUNTED_VALUES = 2_000
"""So many texts are counted to say which are the most frequent ones."""
_BLOCKS = 32
_BINS = 24


def sampled_blocks(rows: int) -> Sequence[tuple[int, int]]:
    """Return where the rows begin that are looked at, and how many follow there; together at most a sample."""
    if rows <= SAMPLED_ROWS:
        return [(0, rows)]
    block = SAMPLED_ROWS // _BLOCKS
    return [(place * (rows - block) // (_BLOCKS - 1), block) for place in range(_BLOCKS)]


def about_numbers(numbers: npt.NDArray[np.float64], *, are_whole: bool) -> list[str]:
    """Return the cells about numbers, of which NaN are missing."""
    with np.errstate(all="ignore"):
        missing = _share(int(np.isnan(numbers).sum()), numbers.size)
        finite = numbers[np.isfinite(numbers)]
        if not finite.size:
            return [missing, *[NOTHING] * 5]
        facts = finite.min(), finite.mean(), np.median(finite), finite.max()
        return [missing, _strip(finite, are_whole=are_whole), *(number(float(fact)) for fact in facts)]


def about_truths(truths: npt.NDArray[Any], rows: int) -> list[str]:
    """Return the cells about what is true or false; ``truths`` are those that are not missing."""
    shares = f"{truths.mean():.0%} true" if truths.size else NOTHING
    return [_share(rows - truths.size, rows), shares, *[NOTHING] * 4]


def about_moments(ticks: npt.NDArray[Any], rows: int, low: str, high: str) -> list[str]:
    """Return the cells about moments or durations.

    Args:
        ticks: those that are not missing, as numbers.
        rows: how many there are with the missing ones.
        low: the first as text.
        high: the last as text.
    """
    missing = _share(rows - ticks.size, rows)
    if not ticks.size:
        return [missing, *[NOTHING] * 5]
    return [missing, _strip(ticks.astype(np.float64), are_whole=False), cut(low, 30), NOTHING, NOTHING, cut(high, 30)]


def about_texts(texts: Iterable[str], missing: int, rows: int) -> list[str]:
    """Return the cells about texts, or what is shown as text."""
    return [_share(missing, rows), most_frequent(texts) or NOTHING, *[NOTHING] * 4]


def _share(missing: int, rows: int) -> str:
    return f"{missing / rows:.1%}" if missing else "0"


def _strip(finite: npt.NDArray[np.float64], *, are_whole: bool) -> str:
    with np.errstate(all="ignore"):
        counts = counts_of(finite, _BINS, are_whole=are_whole)
    return bars(counts, 120, 24) if len(counts) > 1 else '<span class="dim">all the same</span>'
