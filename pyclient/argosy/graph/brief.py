"""Names values in messages without printing, copying or computing anything large."""

from __future__ import annotations

import reprlib

_SCALARS = (bool, int, float, complex, str, type(None))
_CONTAINERS = (list, tuple, dict, set, frozenset)
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60


def brief(value: object) -> str:
    """Return a short text for a value: scalars as written, everything else by type and size."""
    if isinstance(value, _SCALARS):
        return _short.repr(value)
    if isinstance(value, (bytes, bytearray)):
        return repr(bytes(value[:20])) + ("..." if len(value) > 20 else "")
    name = type(value).__name__
    shape = getattr(type(value), "shape", None) and getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"<{name} of shape {shape}>"
    if isinstance(value, _CONTAINERS):
        small = len(value) <= 4 and all(isinstance(item, _SCALARS) for item in value)
        return _short.repr(value) if small else f"<{name} of {len(value)}>"
    return f"<{name}>"


def described(value: object) -> str:
    """Return a short text for a value that names its type too."""
    text = brief(value)
    return text if text.startswith("<") else f"{text} ({type(value).__name__})"
