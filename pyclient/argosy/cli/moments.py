"""Moments on the command line: a date, a time, or how long ago."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_AGO = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_RULE = "write a date (2026-01-31), a time (2026-01-31T08:00:00+01:00), or how long ago (90m, 12h, 30d, 2w)"


def moment_problem(text: str) -> str | None:
    """Tell what is wrong with a text that names a moment."""
    try:
        parse_moment(text)
    except (ValueError, OverflowError):
        return f"{text[:80]!r} is no moment; {_RULE}"
    return None


def parse_moment(text: str) -> datetime:
    """Return the moment; one without a zone is local time.

    Raises:
        ValueError: it names no moment.
        OverflowError: it lies before the year 1.
    """
    ago = _AGO.fullmatch(text)
    if ago is None:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone()
    return datetime.now().astimezone() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
