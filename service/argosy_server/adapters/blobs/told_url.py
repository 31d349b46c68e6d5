"""URLs of storages as they may be told: people read messages and logs, and others keep them."""

from __future__ import annotations

import re

_FOLDER = re.compile(r"file:|(?![a-z][a-z0-9+.-]+:)", re.IGNORECASE)
"""How what is no URL of a server begins; a scheme has two letters at least."""
_USER = re.compile(r"(?<=:)(/*).*@", re.DOTALL)
"""A secret may hold slashes and the like, so what stands before the last @ may all be of it."""
_CONTAINER = re.compile(r"(abfs|wasb)s?://[a-z0-9$][a-z0-9-]*@[^@]*", re.IGNORECASE)
"""How Azure names a container of an account: it is no user, and no secret has these letters only and this place."""
_QUERY = re.compile(r"(?<=[?#]).+", re.DOTALL)


def told_url(url_or_path: str) -> str:
    """Return a URL without user, password and query; the path of a folder as it is."""
    if _FOLDER.match(url_or_path):
        return url_or_path
    shown = url_or_path if _CONTAINER.fullmatch(url_or_path) else _USER.sub(r"\1…@", url_or_path)
    return _QUERY.sub("…", shown)


def told_error(error: Exception, url: str) -> str:
    """Return what an error of a library says, but its kind alone where it may repeat the secrets of a URL."""
    return str(error) if told_url(url) == url else type(error).__name__
