"""What a storage accepts: locations, and the id of its store.

Both are made by the service, so a bad one is a defect, or damage of the database or the storage.
"""

from __future__ import annotations

import re

from argosy_server.domain.errors import StorageUnavailable

_LOCATION = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")

_STORE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check_location(location: str) -> str:
    """Return the location if it surely lies below the root of a storage.

    Raises:
        ValueError: it is absolute, empty, has ``.`` or ``..`` parts, or characters that some storage reads otherwise.
    """
    if _LOCATION.fullmatch(location) is None:
        raise ValueError(f"{location!r} is no storage location; parts are letters, digits, '.', '_', '-', none hidden")
    return location


def is_prefix(text: str) -> bool:
    """Tell whether what follows a bucket in a URL has no part that some read as the folder itself or the one above."""
    return not {".", ".."} & set(text.split("/"))


def check_store_id(text: str, name: str) -> str:
    """Return the id of a store as a storage keeps it.

    Raises:
        StorageUnavailable: it is none, so nobody knows whose bytes these are.
    """
    if _STORE_ID.fullmatch(text) is None:
        raise StorageUnavailable(f"{name} holds no id of a store; remove it if these blobs belong to this database")
    return text
