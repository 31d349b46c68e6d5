"""Times as the tables keep them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def moment(micros: int) -> datetime:
    """Return the UTC time of a number of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def optional_moment(micros: int | None) -> datetime | None:
    """Return the same, of a column that may be empty."""
    return None if micros is None else moment(micros)


def microseconds(time: datetime) -> int:
    """Return the microseconds since 1970 of a time with a zone."""
    return (time - _EPOCH) // _MICROSECOND
