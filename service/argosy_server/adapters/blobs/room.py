"""Folders of bytes as the places they are: which URL means one, which two are the same, and what room there is."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from argosy_server.adapters.blobs.told_url import told_url

_NEARLY_A_URL = re.compile(
    r"(abfss?|adl|az|dropbox|file|ftp|gcs|gs|hdfs|https?|memory|oci|oss|s3a?|sftp|smb|ssh|webhdfs):(?!//)(.*)",
    re.IGNORECASE,
)


def folder_of(url_or_path: str) -> Path | None:
    """Return the folder that a path or ``file://`` URL means, ``None`` for every other URL.

    Raises:
        ValueError: a URL was meant, but its slashes are missing.
    """
    scheme, separator, _ = url_or_path.partition("://")
    if not separator:
        nearly = _NEARLY_A_URL.fullmatch(url_or_path)
        if nearly is not None:
            meant = f"{nearly[1].lower()}://{'/' if nearly[1].lower() == 'file' else ''}{nearly[2].lstrip('/')}"
            raise ValueError(
                f"{told_url(url_or_path)} is no URL of a storage; write {told_url(meant)}, or "
                f"./{told_url(url_or_path)} for a folder of that name"
            )
        return Path(url_or_path).absolute()
    return Path(unquote(urlsplit(url_or_path).path)) if scheme == "file" else None


def is_same_place(one: str, other: str) -> bool:
    """Tell whether two paths or URLs surely mean the same bytes."""
    first, second = folder_of(one), folder_of(other)
    if first is None or second is None:
        return first is second and one.rstrip("/") == other.rstrip("/")
    return os.path.realpath(first) == os.path.realpath(second)


def refuse_nested(source: Sequence[str], target: Sequence[str]) -> None:
    """Refuse a copy that is part of what it is a copy of, or the other way round: who removes one removes both.

    Args:
        source: paths and URLs of the folders a store is in.
        target: those of the copy. Both may have the same folder, whose bytes then stay where they are.

    Raises:
        ValueError: a folder of one is inside a folder of the other.
    """
    ours, theirs = _real_folders(source), _real_folders(target)
    shared = ours & theirs
    for one in sorted(ours - shared):
        for other in sorted(theirs - shared):
            inner, outer = ("the target", "the source") if other.is_relative_to(one) else ("the source", "the target")
            if one.is_relative_to(other) or other.is_relative_to(one):
                raise ValueError(
                    f"{inner}, {max(one, other)}, is inside {outer}, {min(one, other)}: who removes that would remove "
                    "both; choose a folder beside it"
                )


def _real_folders(places: Sequence[str]) -> set[Path]:
    return {Path(os.path.realpath(folder)) for place in places if (folder := folder_of(place)) is not None}


def free_room(folder: str) -> tuple[int, int]:
    """Return the number of the disk of a folder, which need not be there yet, and its free bytes."""
    path = Path(folder).absolute()
    while not path.exists():
        path = path.parent
    return path.stat().st_dev, shutil.disk_usage(path).free
