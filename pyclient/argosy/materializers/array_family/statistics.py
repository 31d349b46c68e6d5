"""Minimum, maximum, mean and standard deviation of an array without a temporary of its size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from argosy.materializers.base import JSON

_PIECE_ELEMENTS = 1 << 16


def statistics(array: npt.NDArray[Any]) -> dict[str, JSON]:
    """Return ``min``, ``max``, ``mean`` and ``std`` (population) of numbers, as JSON.

    NaN is left out of them and counted as ``nan_count``. A result which is not finite is omitted.
    Booleans give ``true_count`` and ``mean``; empty arrays and other kinds give nothing.
    """
    if array.size == 0 or array.dtype.kind not in "biuf":
        return {}
    if array.dtype.kind == "b":
        true = int(np.count_nonzero(array))
        return {"true_count": true, "mean": true / array.size}
    with np.errstate(all="ignore"):
        return _Moments(array).report()


class _Moments:
    """Folds an array piece by piece; the pieces' means and squares are merged as Chan et al. do."""

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self.count = 0
        self.nan_count = 0
        self.mean = 0.0
        self.squares = 0.0
        self.minimum: Any = None
        self.maximum: Any = None
        pieces: Any = np.nditer(array, flags=["external_loop", "buffered"], buffersize=_PIECE_ELEMENTS, order="K")
        for piece in pieces:
            # numpy may hand out more than the buffer size when it need not copy.
            for start in range(0, piece.size, _PIECE_ELEMENTS):
                self._add(piece[start : start + _PIECE_ELEMENTS])

    def _add(self, part: npt.NDArray[Any]) -> None:
        if part.dtype.kind == "f":
            missing = np.isnan(part)
            if missing.any():
                self.nan_count += int(np.count_nonzero(missing))
                part = part[~missing]
        if not part.size:
            return
        low, high = part.min(), part.max()
        self.minimum = low if self.minimum is None else min(self.minimum, low)
        self.maximum = high if self.maximum is None else max(self.maximum, high)
        mean = float(part.mean(dtype=np.float64))
        numbers = np.subtract(part, mean, dtype=np.float64)
        # Not np.dot: BLAS would wake its threads for every piece, under the feet of the user's own.
        squares = float(np.multiply(numbers, numbers, out=numbers).sum())
        delta = mean - self.mean
        total = self.count + part.size
        self.squares += squares + delta * delta * self.count * part.size / total
        self.mean += delta * part.size / total
        self.count = total

    def report(self) -> dict[str, JSON]:
        """Return what is finite."""
        found: dict[str, JSON] = {}
        if self.count:
            deviation = math.sqrt(self.squares / self.count) if math.isfinite(self.squares) else math.nan
            numbers = {"min": self.minimum.item(), "max": self.maximum.item(), "mean": self.mean, "std": deviation}
            found = {name: _as_json(number) for name, number in numbers.items() if math.isfinite(number)}
        if self.nan_count:
            found["nan_count"] = self.nan_count
        return found


def _as_json(number: Any) -> JSON:
    # A long double's item() is itself; JSON has doubles.
    return number if isinstance(number, (int, float)) and not isinstance(number, np.generic) else float(number)
