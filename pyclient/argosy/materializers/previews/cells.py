"""The beginning of what a value looks like in a cell of a table, however large it is."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np

from argosy.materializers.previews.page import MOST_CHARACTERS, NOTHING, cut

MOST_ITEMS = 7
"""So many items of a list are looked at: one more than are shown."""


class _Short(reprlib.Repr):
    """What ``repr`` says of values inside of others, of each as much as there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = MOST_CHARACTERS
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = self.maxarray = MOST_ITEMS - 1

    def repr_bytes(self, value: bytes, level: int) -> str:
        return repr(bytes(value[: MOST_CHARACTERS + 1]))

    def repr_bytearray(self, value: bytearray, level: int) -> str:
        return f"bytearray({self.repr_bytes(bytes(value[: MOST_CHARACTERS + 1]), level)})"

    def repr_ndarray(self, value: Any, level: int) -> str:
        return repr(value) if value.dtype.kind in "biufcmM" else f"array({self.repr1(_first_items(value), level - 1)})"


_SHORT = _Short()


def text_of(value: Any) -> str:
    """Return the beginning of what a value looks like: of text and bytes themselves, of what holds others its repr."""
    if isinstance(value, (str, bytes)):
        return str(value[: MOST_CHARACTERS + 1])
    if isinstance(value, memoryview):
        return f"memory of {value.nbytes:,} bytes"
    if isinstance(value, (list, tuple, dict, set, frozenset, bytearray)) or type(value).__name__ in ("deque", "array"):
        return _SHORT.repr(value)
    if isinstance(value, np.ndarray) and value.dtype.kind not in "biufcmM":
        return _SHORT.repr(_first_items(value))
    return str(value)[: MOST_CHARACTERS + 1]


def cell_of(value: Any) -> str:
    """Return a value as a cell of a page; numbers in six digits."""
    if value is None:
        return NOTHING
    if isinstance(value, (float, np.floating)):
        return "NaN" if value != value else f"{value:.6g}"
    return cut(text_of(value))


def _first_items(array: Any) -> list[Any]:
    """Return the first items of an array of texts, bytes, records or objects."""
    items = array.flat[:MOST_ITEMS] if array.itemsize * MOST_ITEMS <= 1 << 20 else array.flat[:0]
    return [*items.tolist()]
