"""Folders of bytes as the places they are: which URL means one, which two are the same, and what room there is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit


def folder_of(url_or_path: str) -> Path | None:
    """Return the folder that a path or ``file://`` URL means, ``None`` for every other URL."""
    scheme, separator, _ = url_or_path.partition("://")
    if not separator:
        return Path(url_or_path).absolute()
    return Path(unquote(urlsplit(url_or_path).path)) if scheme == "file" else None


def is_same_place(one: str, other: str) -> bool:
    """Tell whether two paths or URLs surely mean the same bytes."""
    first, second = folder_of(one), folder_of(other)
    if first is None or second is None:
        return first is second and one.rstrip("/") == other.rstrip("/")
    return os.path.realpath(first) == os.path.realpath(second)


def free_room(folder: str) -> tuple[int, int]:
    """Return the number of the disk of a folder, which need not be there yet, and its free bytes."""
    path = Path(folder).absolute()
    while not path.exists():
        path = path.parent
    return path.stat().st_dev, shutil.disk_usage(path).free
