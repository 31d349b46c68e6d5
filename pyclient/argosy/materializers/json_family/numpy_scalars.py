"""numpy scalars inside JSON documents: ``{"$numpy": ["<f8", 1.5]}``, dtype and plain value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from argosy.errors import MaterializerError

if TYPE_CHECKING:
    from argosy.materializers.base import JSON
    from argosy.materializers.json_family.encoding import JsonEncoder

_PLAIN_KINDS = "biufcSU"
_TICK_KINDS = "mM"
_WIDEST = {"f": 8, "c": 16}
"""Item sizes up to which Python's own float and complex hold every value."""


def encoder_for(value: object) -> Callable[[JsonEncoder, Any], JSON] | None:
    """Return what writes this scalar, or ``None`` for those which need a ``npy`` file."""
    if not isinstance(value, np.generic):
        return None
    dtype = value.dtype
    if dtype.itemsize > _WIDEST.get(dtype.kind, dtype.itemsize) or dtype.kind not in _PLAIN_KINDS + _TICK_KINDS:
        return None
    plain = _plain(value)
    return _encode if _is_same(_make(_dtype_text(value), plain), value) else None


def _encode(encoder: JsonEncoder, value: np.generic) -> JSON:
    return {"$numpy": [_dtype_text(value), encoder.encode(_plain(value))]}


def _dtype_text(value: np.generic) -> str:
    return value.dtype.newbyteorder("<").str


def _plain(value: np.generic) -> object:
    if value.dtype.kind in _TICK_KINDS:
        return int(value.view(np.int64))
    return value.item()


def _make(dtype_text: str, plain: Any) -> np.generic:
    dtype = np.dtype(dtype_text)
    made: Any = np.int64(plain).view(dtype) if dtype.kind in _TICK_KINDS else np.array(plain, dtype=dtype)[()]
    scalar: np.generic = made
    return scalar


def _is_same(made: np.generic, value: np.generic) -> bool:
    """Tell whether type, dtype and bits came back; NaN is any NaN."""
    if type(made) is not type(value) or made.dtype != value.dtype:
        return False
    return made.tobytes() == value.tobytes() or bool(value != value)


def decode(payload: list[Any]) -> np.generic:
    """Make the scalar again.

    Raises:
        MaterializerError: the dtype is none of those that are written this way.
    """
    dtype_text, plain = payload
    if np.dtype(dtype_text).kind not in _PLAIN_KINDS + _TICK_KINDS:
        raise MaterializerError(f"dtype {dtype_text!r} does not belong in a JSON document")
    return _make(dtype_text, plain)
