"""Which locations a storage accepts. They are made by the service, so a bad one is a defect or a damaged database."""

from __future__ import annotations

import re

_LOCATION = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


def check_location(location: str) -> str:
    """Return the location if it surely lies below the root of a storage.

    Raises:
        ValueError: it is absolute, empty, has ``.`` or ``..`` parts, or characters that some storage reads otherwise.
    """
    if _LOCATION.fullmatch(location) is None:
        raise ValueError(f"{location!r} is no storage location; parts are letters, digits, '.', '_', '-', none hidden")
    return location
