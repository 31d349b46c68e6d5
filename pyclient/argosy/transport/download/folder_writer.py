"""Writes the files of a version below a directory, and nowhere else."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from argosy.errors import CorruptDataError

_COPY_BYTES = 256 << 10
"""What stays in the cache of the processor: 1 MiB at a time took up to twice as long (measured)."""
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class FolderWriter:
    """Writes files below one directory; when the ``with`` block raises, none of them stays."""

    def __init__(self, directory: Path) -> None:
        """Write below ``directory``, which is made with its parents when the first file comes."""
        self._directory = directory
        self._made: set[str] = set()
        self.written: list[Path] = []
        """The files written so far."""

    def write(self, path: str, content: BinaryIO) -> None:
        """Write one verified stream to a new file; a failure leaves none.

        Raises:
            CorruptDataError: the path leads out of the directory, or the bytes do not match their digest.
            FileExistsError: a file of that name is there already, or a link in the place of a directory.
        """
        target = self._target_of(path)
        try:
            descriptor = os.open(target, _NEW_FILE, 0o666)
        except FileExistsError:
            raise FileExistsError(f"{target} exists already; choose an empty directory, or remove it") from None
        self.written.append(target)
        # Buffered: without a buffer a disk that is nearly full takes part of what is written and nobody hears of it.
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(content, file, _COPY_BYTES)

    def __enter__(self) -> FolderWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for target in self.written:
                with contextlib.suppress(OSError):
                    target.unlink()

    def make_directory(self, path: str) -> None:
        """Make an empty directory unless it is there.

        Raises:
            CorruptDataError: the path leads out of the directory.
            FileExistsError: a link is in the way.
        """
        self._target_of(f"{path}/x")

    def _target_of(self, path: str) -> Path:
        parts = path.split("/")
        outside = path.startswith("/") or "\\" in path or "\0" in path or (os.name == "nt" and ":" in path)
        if outside or any(part in {"", ".", ".."} for part in parts):
            raise CorruptDataError(
                f"the version holds a file {path!r}, which leads out of {self._directory}; it was not written"
            )
        if not self._made:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._made.add("")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder not in self._made:
                self._make(self._directory / folder)
                self._made.add(folder)
        return self._directory.joinpath(*parts)

    def _make(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise FileExistsError(f"{folder} is a link; nothing is written through links: choose an empty directory")
