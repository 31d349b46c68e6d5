"""Scalars which JSON lacks: each exact type has one escape, ``{"$name": payload}``.

``docs/formats.md`` is the specification for readers in other languages; keep it in step.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from argosy.materializers.base import JSON
from argosy.materializers.nesting import CannotKeepError

SAFE_INTEGER = 2**53 - 1
"""The largest integer every JSON reader keeps exactly."""

_DECIMAL_BITS = 4096
"""Longer integers are written in hexadecimal: Python refuses decimal texts beyond 4300 digits."""


def encode_int(value: int) -> JSON:
    """Return a plain number where every reader keeps it, else its digits as text."""
    if -SAFE_INTEGER <= value <= SAFE_INTEGER:
        return value
    return {"$int": str(value) if value.bit_length() <= _DECIMAL_BITS else hex(value)}


def encode_float(value: float) -> JSON:
    """Return a plain number, or an escape for NaN and the infinities."""
    return value if math.isfinite(value) else {"$float": repr(value)}


def encode_str(value: str) -> JSON:
    """Return plain text, or an escape for text with lone surrogates, which UTF-8 refuses."""
    if is_plain_text(value):
        return value
    return {"$str": _base64(value.encode("utf-8", "surrogatepass"))}


def is_plain_text(value: str) -> bool:
    """Tell whether the text is valid Unicode, without lone surrogates."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode_zone(zone: dt.tzinfo) -> JSON:
    """Return the escape of a time zone.

    Raises:
        CannotKeepError: it is neither a fixed offset nor a named ``zoneinfo.ZoneInfo``.
    """
    if type(zone) is ZoneInfo and zone.key is not None:
        return {"$zoneinfo": zone.key}
    if type(zone) is dt.timezone:
        microseconds = zone.utcoffset(None) // dt.timedelta(microseconds=1)
        name = zone.tzname(None)
        plain = dt.timezone(zone.utcoffset(None)).tzname(None) == name
        return {"$timezone": [microseconds] if plain else [microseconds, encode_str(name)]}
    raise CannotKeepError(
        f"the time zone {zone!r} ({type(zone).__module__}) has no portable form; "
        f"use zoneinfo.ZoneInfo or datetime.timezone"
    )


def _decode_zone(payload: list[Any]) -> dt.timezone:
    return dt.timezone(dt.timedelta(microseconds=payload[0]), *payload[1:])


def _encode_datetime(value: dt.datetime) -> JSON:
    return _with_zone("$datetime", value)


def _encode_time(value: dt.time) -> JSON:
    return _with_zone("$time", value)


def _with_zone(escape: str, value: dt.datetime | dt.time) -> JSON:
    zone = value.tzinfo
    is_offset = type(zone) is dt.timezone and encode_zone(zone) == encode_zone(dt.timezone(zone.utcoffset(None)))
    if not value.fold and (zone is None or is_offset):
        return {escape: value.isoformat()}
    wall_clock = value.replace(tzinfo=None, fold=0).isoformat()
    return {escape: [wall_clock, None if zone is None else encode_zone(zone), value.fold]}


def _decode_datetime(payload: Any) -> dt.datetime:
    if isinstance(payload, str):
        return dt.datetime.fromisoformat(payload)
    text, zone, fold = payload
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def _decode_time(payload: Any) -> dt.time:
    if isinstance(payload, str):
        return dt.time.fromisoformat(payload)
    text, zone, fold = payload
    return dt.time.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def _base64(value: bytes | bytearray) -> str:
    return base64.b64encode(value).decode("ascii")


def _unbase64(payload: str) -> bytes:
    return base64.b64decode(payload, validate=True)


def _decode_slice(payload: list[Any]) -> slice:
    start, stop, step = payload
    return slice(start, stop, step)


ENCODERS: dict[type, Callable[[Any], JSON]] = {
    bool: lambda value: value,
    type(None): lambda value: value,
    int: encode_int,
    float: encode_float,
    str: encode_str,
    bytes: lambda value: {"$bytes": _base64(value)},
    bytearray: lambda value: {"$bytearray": _base64(value)},
    complex: lambda value: {"$complex": [encode_float(value.real), encode_float(value.imag)]},
    Decimal: lambda value: {"$decimal": str(value)},
    Fraction: lambda value: {"$fraction": [encode_int(value.numerator), encode_int(value.denominator)]},
    uuid.UUID: lambda value: {"$uuid": str(value)},
    dt.datetime: _encode_datetime,
    dt.date: lambda value: {"$date": value.isoformat()},
    dt.time: _encode_time,
    dt.timedelta: lambda value: {"$timedelta": [value.days, value.seconds, value.microseconds]},
    dt.timezone: encode_zone,
    ZoneInfo: encode_zone,
    range: lambda value: {"$range": [encode_int(part) for part in (value.start, value.stop, value.step)]},
}
"""Exact type -> its JSON. Subclasses are other types: they must not be downgraded."""

DECODERS: dict[str, Callable[[Any], Any]] = {
    "$int": lambda payload: int(payload, 0),
    "$float": float,
    "$str": lambda payload: _unbase64(payload).decode("utf-8", "surrogatepass"),
    "$bytes": _unbase64,
    "$bytearray": lambda payload: bytearray(_unbase64(payload)),
    "$complex": lambda payload: complex(*payload),
    "$decimal": Decimal,
    "$fraction": lambda payload: Fraction(*payload),
    "$uuid": uuid.UUID,
    "$datetime": _decode_datetime,
    "$date": dt.date.fromisoformat,
    "$time": _decode_time,
    "$timedelta": lambda payload: dt.timedelta(*payload),
    "$timezone": _decode_zone,
    "$zoneinfo": ZoneInfo,
    "$range": lambda payload: range(*payload),
    "$slice": _decode_slice,
}
"""Escape -> the value of its payload, whose own parts are decoded already."""
