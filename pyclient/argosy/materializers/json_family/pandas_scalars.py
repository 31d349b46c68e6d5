"""pandas scalars inside JSON documents: ``{"$pandas": ["Timestamp", ticks, unit, zone]}`` and its like."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from argosy.errors import MaterializerError
from argosy.materializers.json_family import scalars
from argosy.materializers.nesting import CannotKeepError

if TYPE_CHECKING:
    from argosy.materializers.base import JSON
    from argosy.materializers.json_family.encoding import JsonEncoder


def encoder_for(value: Any) -> Callable[[JsonEncoder, Any], JSON] | None:
    """Return what writes this scalar, or ``None`` when there is no form for it."""
    if value is pd.NaT or value is pd.NA:
        return _encode_missing
    if type(value) is pd.Timestamp:
        try:
            encode_zone(value.tz)
        except CannotKeepError:
            return None
        return _encode_timestamp
    return _encode_timedelta if type(value) is pd.Timedelta else None


def _encode_missing(encoder: JsonEncoder, value: Any) -> JSON:
    return {"$pandas": ["NaT" if value is pd.NaT else "NA"]}


def _encode_timestamp(encoder: JsonEncoder, value: pd.Timestamp) -> JSON:
    ticks = scalars.encode_int(int(value.asm8.view("int64")))
    return {"$pandas": ["Timestamp", ticks, value.unit, encode_zone(value.tz)]}


def _encode_timedelta(encoder: JsonEncoder, value: pd.Timedelta) -> JSON:
    ticks = scalars.encode_int(int(value.asm8.view("int64")))
    return {"$pandas": ["Timedelta", ticks, value.unit]}


def decode(payload: list[Any]) -> Any:
    """Make the scalar again.

    Raises:
        MaterializerError: it is none of the known kinds.
    """
    import numpy as np

    match payload:
        case ["NaT"]:
            return pd.NaT
        case ["NA"]:
            return pd.NA
        case ["Timedelta", int(ticks), str(unit)]:
            return pd.Timedelta(np.int64(ticks).view(f"m8[{unit}]"))
        case ["Timestamp", int(ticks), str(unit), zone]:
            moment = pd.Timestamp(np.int64(ticks).view(f"M8[{unit}]"))
            return moment if zone is None else moment.tz_localize("UTC").tz_convert(decode_zone(zone))
    raise MaterializerError(f"unknown pandas scalar {payload!r:.200}")


def encode_zone(zone: Any) -> JSON:
    """Return the JSON of a time zone of pandas, which may also be one of pytz.

    Raises:
        CannotKeepError: it has no portable form.
    """
    if zone is None:
        return None
    if type(zone).__module__.partition(".")[0] == "pytz" and isinstance(getattr(zone, "zone", None), str):
        return ["pytz", str(zone.zone)]
    return scalars.encode_zone(zone)


def decode_zone(zone: Any) -> dt.tzinfo:
    """Return the time zone that :func:`encode_zone` wrote, its escape decoded already.

    Raises:
        MaterializerError: it is no time zone.
    """
    if isinstance(zone, dt.tzinfo):
        return zone
    match zone:
        case ["pytz", str(name)]:
            import pytz  # type: ignore[import-untyped]  # ships no types

            found: dt.tzinfo = pytz.timezone(name)
            return found
    raise MaterializerError(f"{zone!r:.200} is no time zone")
