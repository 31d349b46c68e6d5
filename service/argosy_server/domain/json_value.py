"""When two JSON documents say the same: however they are spaced, ordered and written.

Numbers are equal when their values are (``1``, ``1.0`` and ``10e-1``), also those no float can hold. ``true`` is no
number, and a text is no number either.
"""

from __future__ import annotations

import json
from typing import Any

from blake3 import blake3

VALUE_DIGEST_BYTES = 16


def value_digest(text: str) -> bytes:
    """Return what is equal for texts of equal JSON values, and different for others.

    Args:
        text: one JSON document.
    """
    try:
        body = _same(_READER.decode(text))
    except (RecursionError, ValueError):
        # Nested a thousand levels deep, or no JSON at all: equal only to the same text.
        body = text
    return blake3(body.encode()).digest(length=VALUE_DIGEST_BYTES)


class _Number(str):
    """The text of a number, told from a text."""

    __slots__ = ()


def _same(value: Any) -> str:
    """Return the one text for all documents with this value."""
    if isinstance(value, _Number):
        return _plain_number(value)
    if isinstance(value, list):
        return f"[{','.join(map(_same, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_same(value[key])}" for key in sorted(value)) + "}"
    return json.dumps(value)


def _plain_number(text: str) -> str:
    """Return digits without outer zeros, and the power of ten they are multiplied by: ``-1200.0`` is ``-12e2``."""
    mantissa, _, power = text.lower().partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    kept = digits.rstrip("0")
    if not kept:
        return "0"
    shift = len(digits) - len(kept) - len(fraction)
    return f"{sign}{kept}e{_add(power or '0', shift)}"


def _add(power: str, shift: int) -> str:
    """Add to an exponent; one of hundreds of digits, which Python does not read, stays apart."""
    return str(int(power) + shift) if len(power) < 20 else f"{power.lstrip('+')}+{shift}"


_READER = json.JSONDecoder(parse_int=_Number, parse_float=_Number)
