"""Writes the files of a version below a directory, and nowhere else."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from argosy.errors import CorruptDataError

_COPY_BYTES = 1 << 20
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def target_of(directory: Path, path: str) -> Path:
    """Return where a file of a version belongs below ``directory``.

    Raises:
        CorruptDataError: the path would lead out of the directory.
    """
    parts = path.split("/")
    outside = path.startswith("/") or "\\" in path or "\0" in path or ":" in parts[0]
    if outside or any(part in {"", ".", ".."} for part in parts):
        raise CorruptDataError(
            f"the version holds a file {path!r}, which leads out of {directory}; nothing was written"
        )
    return directory.joinpath(*PurePosixPath(path).parts)


def write_file(directory: Path, path: str, content: BinaryIO) -> Path:
    """Write one verified stream to a new file; a failure leaves none.

    Raises:
        CorruptDataError: the path leads out of ``directory``, or the bytes do not match their digest.
        FileExistsError: a file of that name is there already.
    """
    target = target_of(directory, path)
    _make_parents(directory, target)
    try:
        descriptor = os.open(target, _NEW_FILE, 0o666)
    except FileExistsError:
        raise FileExistsError(f"{target} exists already; choose an empty directory, or remove it") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(content, file, _COPY_BYTES)
    except BaseException:
        with contextlib.suppress(OSError):
            target.unlink()
        raise
    return target


def _make_parents(directory: Path, target: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    current = directory
    for part in target.relative_to(directory).parts[:-1]:
        current = current / part
        current.mkdir(exist_ok=True)
        if current.is_symlink():
            raise FileExistsError(
                f"{current} is a link, which is not followed; choose an empty directory, or remove it"
            )
