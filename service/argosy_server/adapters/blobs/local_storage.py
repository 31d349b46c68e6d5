"""Plain files below one folder.

A location is written once, so there are no temporary names to rename: nothing reads a location before the database
names it, and that happens after ``finish``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path

from argosy_server.adapters.blobs.failures import translated
from argosy_server.adapters.blobs.locations import check_location
from argosy_server.domain.errors import BlobCorrupt
from argosy_server.usecases.ports import BlobWriter

READ_BYTES = 1 << 20
_log = logging.getLogger(__name__)


class LocalStorage:
    """A folder of files. With ``sync`` what was finished survives power loss, without it any crash of processes."""

    def __init__(self, root: str | os.PathLike[str], *, sync: bool) -> None:
        """Create the folder unless it is there.

        Raises:
            StorageFull, StorageUnavailable: it cannot be created.
        """
        self._root = Path(root).absolute()
        self._sync = sync
        self._synced_folders: set[Path] = set()
        with translated(str(self._root)):
            _make_folder(self._root, sync=sync)

    def open_writer(self, location: str) -> BlobWriter:
        """Begin to write a location; one that was used before is refused as unavailable."""
        path = self._path(location)
        with translated(str(self._root)):
            try:
                file = FileIO(path, "xb")
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                file = FileIO(path, "xb")
        return LocalWriter(path, file, str(self._root), self._sync_names if self._sync else None)

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes ``start`` to ``stop`` in pieces of at most 1 MiB."""
        with translated(str(self._root)), FileIO(self._path(location)) as file:
            file.seek(start)
            while start < stop:
                data = file.read(min(READ_BYTES, stop - start))
                if not data:
                    raise BlobCorrupt(f"location {location} ends at byte {start}, {stop} were stored")
                start += len(data)
                yield data

    def size(self, location: str) -> int | None:
        """Return the number of bytes stored there, ``None`` when there is nothing."""
        path = self._path(location)
        with translated(str(self._root)):
            try:
                return path.stat().st_size
            except FileNotFoundError:
                return None

    def delete(self, location: str) -> None:
        """Remove a location; removing what is not there is fine."""
        path = self._path(location)
        with translated(str(self._root)):
            path.unlink(missing_ok=True)

    def locations(self) -> Iterator[str]:
        """Yield every location."""
        for folder, folders, names in os.walk(self._root):
            folders.sort()
            for name in sorted(names):
                yield Path(folder, name).relative_to(self._root).as_posix()

    def _sync_names(self, path: Path) -> None:
        """Let the name of a file reach the disk, and those of its folders, once by each process.

        Who made a folder may have died before it synced the name, or may be about to.
        """
        _sync_folder(path.parent)
        if path.parent not in self._synced_folders:
            for folder in path.relative_to(self._root).parents[:-1]:
                _sync_folder((self._root / folder).parent)
            self._synced_folders.add(path.parent)

    def _path(self, location: str) -> Path:
        return self._root / check_location(location)


class LocalWriter:
    """Writes one new file."""

    def __init__(self, path: Path, file: FileIO, root: str, sync_names: Callable[[Path], None] | None) -> None:
        """Take the new, empty file, and what makes its name durable if it shall be."""
        self._path = path
        self._file = file
        self._root = root
        self._sync_names = sync_names
        self._finished = False

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        left = memoryview(data).cast("B")
        with translated(self._root):
            while left:
                left = left[self._file.write(left) :]

    def finish(self) -> None:
        """Close the file; where it shall survive power loss, its bytes and then its name have reached the disk."""
        with translated(self._root):
            if self._sync_names is not None:
                os.fsync(self._file.fileno())
            # Some file systems report a full disk only here.
            self._file.close()
            if self._sync_names is not None:
                self._sync_names(self._path)
        self._finished = True

    def discard(self) -> None:
        """Remove the file unless it is finished."""
        if self._finished:
            return
        try:
            with suppress(OSError):
                self._file.close()
            self._path.unlink(missing_ok=True)
        except OSError as error:
            # The error that led here is the one to tell; the sweep removes what is left.
            _log.warning("%s could not be removed: %s", self._path, error)


def _make_folder(path: Path, *, sync: bool) -> None:
    """Create a folder and its parents; with ``sync`` their names reach the disk too, or a file inside could be lost."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        if path.parent == path:
            break
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        if sync:
            _sync_folder(folder.parent)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
