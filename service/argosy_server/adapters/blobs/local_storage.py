"""Plain files below one folder.

A location is written once, so there are no temporary names to rename: nothing reads a location before the database
names it, and that happens after ``finish``. Who writes holds a lock on the file, so that one who goes on with it never
writes beside one who was given up but is still alive, in this process or another.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from io import FileIO
from pathlib import Path

from argosy_server.adapters.blobs.failures import translated
from argosy_server.adapters.blobs.kept_text import keep_text, kept_text
from argosy_server.adapters.blobs.locations import check_location, check_store_id
from argosy_server.domain.errors import BlobCorrupt, StorageUnavailable
from argosy_server.usecases.ports import BlobWriter

if sys.platform != "win32":
    import fcntl

READ_BYTES = 1 << 20
STORE_ID = ".store-id"  # hidden names are no locations
LOCK_SECONDS = 3.0
"""How long to wait for a writer whose client is gone to let its file go."""
_sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter
_log = logging.getLogger(__name__)


class LocalStorage:
    """A folder of files. With ``sync`` what was finished survives power loss, without it any crash of processes."""

    goes_on_after_finish = True

    def __init__(self, root: str | os.PathLike[str], *, sync: bool) -> None:
        """Create the folder unless it is there.

        Raises:
            StorageFull, StorageUnavailable: it cannot be created.
        """
        self.root = Path(root).absolute()
        self.sync = sync
        self._synced_folders: set[Path] = set()
        with translated(str(self.root)):
            _make_folder(self.root, sync=sync)

    def open_writer(self, location: str) -> BlobWriter:
        """Begin to write a location; one that was used before is refused as unavailable."""
        path = self._path(location)
        with translated(str(self.root)):
            try:
                file = FileIO(path, "xb")
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                file = FileIO(path, "xb")
            _lock(file, 0)
        return self._writer(path, file)

    def resume_writer(self, location: str, size: int) -> BlobWriter | None:
        """Go on writing a location; ``None`` while another writer has it, or when it is shorter than it should be."""
        path = self._path(location)
        with translated(str(self.root)):
            try:
                file = FileIO(path, "rb+")
            except FileNotFoundError:
                return None
            try:
                # The writer that had it may have removed it since it was opened here.
                if not _lock(file, LOCK_SECONDS) or not _is_named(file, path) or _size(file) < size:
                    file.close()
                    return None
            except BaseException:
                file.close()
                raise
        return self._writer(path, file, cut_to=size)

    def local_path(self, location: str) -> Path:
        """Return the file of a location, whose folder is there."""
        path = self._path(location)
        with translated(str(self.root)):
            path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def adopt(self, location: str) -> int | None:
        """Take over a file that a client wrote, as durable as ``finish`` makes one; ``None`` when there is none of it.

        Raises:
            StorageUnavailable: it is no plain file, or cannot be synced.
        """
        path = self._path(location)
        with translated(str(self.root)):
            try:
                # A pipe of that name must not keep the service waiting.
                flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                descriptor = os.open(path, flags)
            except FileNotFoundError:
                return None
            try:
                facts = os.fstat(descriptor)
                if not stat.S_ISREG(facts.st_mode):
                    raise StorageUnavailable(f"{path} is no plain file; write the upload to a new one")
                if self.sync:
                    os.fsync(descriptor)
                    self._sync_names(path)
            finally:
                os.close(descriptor)
        return facts.st_size

    def _writer(self, path: Path, file: FileIO, cut_to: int | None = None) -> LocalWriter:
        return LocalWriter(path, file, str(self.root), self._sync_names if self.sync else None, cut_to)

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes ``start`` to ``stop`` in pieces of at most 1 MiB."""
        with translated(str(self.root)), FileIO(self._path(location)) as file:
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
        with translated(str(self.root)):
            try:
                return path.stat().st_size
            except FileNotFoundError:
                return None

    def modified_at(self, location: str) -> datetime | None:
        """Return when the location was written to last, ``None`` when there is nothing."""
        path = self._path(location)
        with translated(str(self.root)):
            try:
                return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
            except FileNotFoundError:
                return None

    def delete(self, location: str) -> None:
        """Remove a location; removing what is not there is fine."""
        path = self._path(location)
        with translated(str(self.root)):
            path.unlink(missing_ok=True)

    def locations(self) -> Iterator[str]:
        """Yield every location."""
        for folder, folders, names in os.walk(self.root):
            folders.sort()
            for name in sorted(names):
                if name.startswith("."):
                    continue  # no location, but what the store keeps for itself
                yield Path(folder, name).relative_to(self.root).as_posix()

    def owner(self) -> str | None:
        """Return the id of the store the folder was claimed for, ``None`` when nobody has claimed it."""
        path = self.root / STORE_ID
        with translated(str(self.root)):
            text = kept_text(path)
        return None if text is None else check_store_id(text, str(path))

    def claim(self, store_id: str) -> str:
        """Keep the id of a store unless there is one; return the one that counts."""
        path = self.root / STORE_ID
        with translated(str(self.root)):
            return check_store_id(keep_text(path, 0o644, lambda: store_id), str(path))

    def _sync_names(self, path: Path) -> None:
        """Let the name of a file reach the disk, and those of its folders, once by each process.

        Who made a folder may have died before it synced the name, or may be about to.
        """
        _sync_folder(path.parent)
        if path.parent not in self._synced_folders:
            for folder in path.relative_to(self.root).parents[:-1]:
                _sync_folder((self.root / folder).parent)
            self._synced_folders.add(path.parent)

    def _path(self, location: str) -> Path:
        return self.root / check_location(location)


class LocalWriter:
    """Writes one file."""

    readable = True

    def __init__(
        self,
        path: Path,
        file: FileIO,
        root: str,
        sync_names: Callable[[Path], None] | None,
        cut_to: int | None = None,
    ) -> None:
        """Take a new, empty file, or one to go on with.

        Args:
            path: where it is.
            file: open and locked.
            root: what the storage is called in messages.
            sync_names: makes its name durable, if it shall be.
            cut_to: how many of its bytes stay, once more are written or it is finished.
        """
        self._path = path
        self._file = file
        self._root = root
        self._sync_names = sync_names
        self._cut_to = cut_to
        self._size = self.known = cut_to or 0
        self._finished = False

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        left = memoryview(data).cast("B")
        with translated(self._root):
            self._cut()
            while left:
                count = self._file.write(left)
                self._size += count
                left = left[count:]

    def boundary_after(self, size: int) -> None:
        """Return nothing: a later writer goes on anywhere."""
        return

    def mark(self) -> int:
        """Let the bytes written so far reach the disk, where they shall survive power loss."""
        size = self._size
        if self._sync_names is not None:
            with translated(self._root):
                _sync_data(self._file.fileno())
        return size

    def suspend(self) -> int:
        """Close the file but keep it."""
        self._end()
        return self._size

    def salvage(self) -> int:
        """Remove the file: after a failed sync nobody knows what it holds."""
        self.discard()
        return 0

    def finish(self) -> None:
        """Close the file; where it shall survive power loss, its bytes and then its name have reached the disk."""
        with translated(self._root):
            self._cut()
        self._end()

    def _cut(self) -> None:
        if self._cut_to is not None:
            self._file.truncate(self._cut_to)
            self._file.seek(self._cut_to)
            self._cut_to = None

    def _end(self) -> None:
        with translated(self._root):
            if self._sync_names is not None:
                os.fsync(self._file.fileno())
                # Before the lock goes: when this fails, nobody goes on yet with the file that is discarded then.
                self._sync_names(self._path)
            # Some file systems report a full disk only here.
            self._file.close()
        self._finished = True

    def discard(self) -> None:
        """Remove the file unless it is finished."""
        if self._finished:
            return
        try:
            # Before the lock goes, or somebody else may have begun to go on with it.
            self._path.unlink(missing_ok=True)
        except OSError as error:
            # The error that led here is the one to tell; the sweep removes what is left.
            _log.warning("%s could not be removed: %s", self._path, error)
        with suppress(OSError):
            self._file.close()


def _is_named(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def _size(file: FileIO) -> int:
    return os.fstat(file.fileno()).st_size


def _lock(file: FileIO, patience: float) -> bool:
    """Lock a file against other writers; ``False`` when somebody has it for longer than ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while not _try_lock(file):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _try_lock(file: FileIO) -> bool:
    if sys.platform == "win32":
        return False  # nobody goes on with a file there, but writes a new one
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
