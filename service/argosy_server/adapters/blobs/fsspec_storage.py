"""Any store fsspec can reach: object stores, other file systems, memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import Any

import fsspec
from fsspec.registry import known_implementations

from argosy_server.adapters.blobs.failures import translate
from argosy_server.adapters.blobs.locations import check_location, check_store_id, is_prefix
from argosy_server.adapters.blobs.told_url import told_error, told_url
from argosy_server.domain.errors import BlobCorrupt, DomainError, StorageUnavailable
from argosy_server.usecases.ports import BlobWriter

READ_BYTES = 1 << 20
STORE_ID = "store-id"
"""Name of the object that says whose bytes these are; it is no location."""
_BUCKETS = frozenset({"abfs", "abfss", "az", "gcs", "gs", "oci", "oss"})
"""Schemes whose URLs begin with a bucket or container: nobody wants one made of a name that is misspelt."""
_log = logging.getLogger(__name__)


class FsspecStorage:
    """Objects below one URL. What was finished is as durable as the store makes it."""

    goes_on_after_finish = False

    def __init__(self, url: str, *, create: bool = True) -> None:
        """Open the store, creating its root folder unless ``create`` is false; a bucket must be there.

        Raises:
            ValueError: fsspec does not know the URL's scheme, its package is missing, or it names no bucket.
            StorageUnavailable: the store cannot be reached, or there is no such bucket.
        """
        self._url = url
        self._name = told_url(url)
        self._has_folders = url.partition("://")[0].lower() not in _BUCKETS
        if not self._has_folders:
            _check_url(url)
        try:
            self._fs, root = _open(url)
        except ImportError as error:
            raise ValueError(f"{self._name}: {_missing_package(error, url)}") from error
        except ValueError as error:
            raise ValueError(
                f"{self._name} is no URL of a storage: {told_error(error, url)}; write a folder or an fsspec URL"
            ) from error
        self._root: str = root.rstrip("/")
        self._store_id = f"{self._root}/{STORE_ID}"
        if not self._has_folders:
            self._check_bucket()
        elif create:
            self._make_folder(self._root)

    def open_writer(self, location: str) -> BlobWriter:
        """Begin to write a location."""
        path = self._path(location)
        self._make_folder(path.rpartition("/")[0])
        with self.translated():
            # Not yet committed: discarding then spares an object store the upload.
            file = self._fs.open(path, "wb", autocommit=False)
        return FsspecWriter(self, path, file)

    def resume_writer(self, location: str, size: int) -> BlobWriter | None:
        """Return nothing: an object is there as a whole or not at all."""
        check_location(location)
        return None

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes ``start`` to ``stop`` in pieces of at most 1 MiB."""
        path = self._path(location)
        with self.translated(), self._fs.open(path, "rb") as file:
            file.seek(start)
            while start < stop:
                data: bytes = file.read(min(READ_BYTES, stop - start))
                if not data:
                    raise BlobCorrupt(f"location {location} ends at byte {start}, {stop} were stored")
                start += len(data)
                yield data

    def size(self, location: str) -> int | None:
        """Return the number of bytes stored there, ``None`` when there is nothing."""
        path = self._path(location)
        with self.translated():
            try:
                return int(self._fs.size(path))
            except FileNotFoundError:
                return None

    def modified_at(self, location: str) -> datetime | None:
        """Return when the location was written to last, ``None`` when there is nothing."""
        path = self._path(location)
        with self.translated():
            try:
                time: datetime = self._fs.modified(path)
            except FileNotFoundError:
                return None
            except NotImplementedError:
                raise StorageUnavailable(
                    f"{self._name} does not tell when bytes were written; clean it without a grace"
                ) from None
        return time if time.tzinfo else time.replace(tzinfo=timezone.utc)

    def delete(self, location: str) -> None:
        """Remove a location; removing what is not there is fine."""
        path = self._path(location)
        with self.translated(), suppress(FileNotFoundError):
            self._fs.rm_file(path)

    def locations(self) -> Iterator[str]:
        """Yield every location."""
        with self.translated():
            # Object stores keep listings; a stale one would hide what others wrote.
            self._fs.invalidate_cache()
            try:
                found: list[str] = self._fs.find(self._root)
            except FileNotFoundError:
                found = []
        for path in sorted(found):
            location = path.removeprefix(self._root).lstrip("/")
            if location != STORE_ID:
                yield location

    def owner(self) -> str | None:
        """Return the id of the store the storage was claimed for, ``None`` when nobody has claimed it."""
        with self.translated():
            try:
                text: bytes = self._fs.cat_file(self._store_id)
            except FileNotFoundError:
                return None
        return check_store_id(text.decode(errors="replace"), f"{self._name}/{STORE_ID}")

    def claim(self, store_id: str) -> str:
        """Keep the id of a store unless there is one; return the one that counts."""
        owner = self.owner()
        if owner is not None:
            return owner
        with self.translated():
            self._fs.pipe_file(self._store_id, store_id.encode())
        # Not every store can refuse to overwrite: when two claim it at once, the last one has it.
        return self.owner() or store_id

    def _check_bucket(self) -> None:
        bucket = self._root.lstrip("/").partition("/")[0]
        with self.translated():
            is_there = self._fs.exists(bucket)
        if not is_there:
            raise StorageUnavailable(f"there is no bucket {bucket}; create it, or correct the URL {self._name}")

    def _make_folder(self, path: str) -> None:
        if self._has_folders:
            with self.translated():
                self._fs.makedirs(path, exist_ok=True)

    def _path(self, location: str) -> str:
        return f"{self._root}/{check_location(location)}"

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise the refusal for whatever the store raises in the block."""
        try:
            yield
        except (FileNotFoundError, DomainError, GeneratorExit):
            raise
        except OSError as error:
            raise _refusal(error, self._url) from error
        except Exception as error:
            # Each store raises its own library's errors; to us they all mean the same.
            raise StorageUnavailable(
                f"blobs in {self._name} cannot be reached ({told_error(error, self._url)}); try again"
            ) from error

    def remove_quietly(self, path: str) -> None:
        """Remove what a discarded writer may have left; the sweep takes it otherwise."""
        try:
            with self.translated(), suppress(FileNotFoundError):
                self._fs.rm_file(path)
        except DomainError as error:
            _log.warning("%s could not be removed: %s", told_url(path), error)


def _check_url(url: str) -> None:
    """Refuse what names no bucket, before anything is loaded or asked.

    Raises:
        ValueError: there is no name of a bucket, or a part of the prefix is ``.`` or ``..``.
    """
    scheme, _, rest = url.partition("://")
    place, _, prefix = rest.partition("/")
    bucket, at, account = place.partition("@")
    if not bucket or (at and not account) or not is_prefix(prefix):
        raise ValueError(
            f"{told_url(url)} is no URL of a bucket; write {scheme}://BUCKET or {scheme}://BUCKET/PREFIX, and no part "
            "of the prefix is '.' or '..'"
        )


def _missing_package(error: ImportError, url: str) -> str:
    """Return which package to install: fsspec's own words hold nothing of the URL."""
    known = known_implementations.get(url.partition("://")[0].lower(), {})
    return str(known.get("err") or told_error(error, url))


def _open(url: str) -> tuple[Any, str]:
    """Return a store and the root in it; some are asked at once.

    Raises:
        ImportError: its package is missing.
        ValueError: there is no such store.
        StorageUnavailable: it cannot be reached.
    """
    try:
        store, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError):
        raise
    except OSError as error:
        raise _refusal(error, url) from error
    except Exception as error:
        # Each store raises its own library's errors, also for settings it misses.
        raise StorageUnavailable(
            f"blobs in {told_url(url)} cannot be reached ({told_error(error, url)}); correct the URL or try again"
        ) from error
    return store, root


def _refusal(error: OSError, url: str) -> DomainError:
    """Return what stands for an error of a store; what the system says of one holds no secret, what others say may."""
    shown = error if error.strerror else OSError(told_error(error, url))
    return translate(shown, told_url(url))


class FsspecWriter:
    """Writes one new object."""

    readable = False
    known = 0

    def __init__(self, storage: FsspecStorage, path: str, file: Any) -> None:
        """Take the file fsspec opened."""
        self._storage = storage
        self._path = path
        self._file = file
        self._finished = False

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        with self._storage.translated():
            self._file.write(data)

    def boundary_after(self, size: int) -> None:
        """Return nothing: nobody goes on anywhere."""
        return

    def mark(self) -> int:
        """Do nothing: part of an object cannot be kept."""
        return 0

    def suspend(self) -> int:
        """Give the object up."""
        self.discard()
        return 0

    def salvage(self) -> int:
        """Give the object up."""
        return self.suspend()

    def finish(self) -> None:
        """Complete the object."""
        with self._storage.translated():
            self._file.close()
            self._file.commit()
        self._finished = True

    def discard(self) -> None:
        """Abort the upload and remove the object unless it is finished."""
        if self._finished:
            return
        # Whatever the store says now, the error that led here is the one to tell.
        with suppress(Exception):
            self._file.discard()
        self._storage.remove_quietly(self._path)
