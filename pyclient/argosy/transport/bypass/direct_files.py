"""The files of the store itself, for a client on the same file system: written once, mapped instead of read.

The store decides who may by what one can read: a token for reading, another one for writing. A server could name any
path, so nothing but a token is ever read there, and nothing is written but a new file below the folder it lies in.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import re
import stat
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argosy.errors import (
    ArgosyError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnavailableError,
)
from argosy.transport.bypass.direct_stream import DirectStream, damaged_file
from argosy.transport.clients.blob_client import BlobClient
from argosy.transport.content import Content
from argosy.transport.content_hash import PIECE_BYTES, PieceChecksums, digest_text, new_hasher
from argosy.transport.rpc.retry import retrying
from argosy.v1.blob_pb2 import DirectAccess

_READ_TOKEN, _WRITE_TOKEN = ".read-token", ".write-token"
_TOKEN = re.compile(r"[0-9a-f]{64}")
_WITHOUT_DESCRIPTOR: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}
"""Before 3.13 a mapping keeps a descriptor of its file open."""
_PENDING = 8
"""Pieces that may wait to be hashed while the next ones are written."""
_SYNC_BYTES = 64 << 20
_sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter


@dataclass(frozen=True)
class DirectFiles:
    """Access to the files below one folder.

    Attributes:
        folder: where all files of the store are.
        token: proves that this process can read them.
        writes: whether it may write files of uploads too.
    """

    folder: Path
    token: str
    writes: bool

    @classmethod
    def find(cls, offered: DirectAccess) -> DirectFiles | None:
        """Return what this process may use, ``None`` when the store's files are out of its reach."""
        for text, name, writes in (
            (offered.write_token_file, _WRITE_TOKEN, True),
            (offered.read_token_file, _READ_TOKEN, False),
        ):
            path = Path(text)
            token = _read_token(path) if path.is_absolute() and path.name == name else None
            if token is not None:
                return cls(path.parent, token, writes)
        return None

    def map(self, blobs: BlobClient, digest: str, size_bytes: int) -> memoryview | None:
        """Return the bytes of a blob, verified; what is written to them stays with this process.

        Returns:
            ``None`` when the blob is not kept as a file this process can read, or the server lets nobody any more.

        Raises:
            CorruptDataError: the bytes do not match the digest.
            NotFoundError: the project has no such blob.
        """
        opened = self._open_blob(blobs, digest, size_bytes)
        if opened is None:
            return None
        descriptor, path = opened
        try:
            mapped = memoryview(mmap.mmap(descriptor, size_bytes, access=mmap.ACCESS_COPY, **_WITHOUT_DESCRIPTOR))
        finally:
            os.close(descriptor)
        hasher = new_hasher(size_bytes)
        hasher.update(mapped)
        if digest_text(hasher) != digest:
            raise damaged_file(blobs, path, f"has {digest_text(hasher)}", digest)
        return mapped

    def stream(
        self, blobs: BlobClient, digest: str, size_bytes: int, advance: Callable[[int], None]
    ) -> DirectStream | None:
        """Return the bytes of a blob as a stream; ``None`` as for :meth:`map`.

        Raises:
            NotFoundError: the project has no such blob.
        """
        opened = self._open_blob(blobs, digest, size_bytes)
        return None if opened is None else DirectStream(blobs, *opened, digest, size_bytes, advance)

    def write(self, blobs: BlobClient, content: Content, advance: Callable[[int], None]) -> str | None:
        """Write content to the file of a new upload and commit it; it is hashed in a second thread meanwhile.

        Also what was hashed before: the store takes the digest as it is told, so it must be that of what was written.

        Args:
            blobs: the store.
            content: what to write.
            advance: told how many bytes more are written.

        Returns:
            its digest; ``None`` when the file is out of reach, or the server lets nobody write any more.

        Raises:
            ArgosyError: the store refused, or its disk is full; what was written is removed, or left to the sweep of
                the store when nobody can tell whether it was committed.
            Exception: what reading the content raised, unchanged.
        """
        upload = blobs.create_upload()
        path: Path | None = None
        try:
            grant = blobs.create_transfer_grants(self.token, write_upload_id=upload.id)
            descriptor = _create(Path(grant.write_path)) if self._is_mine(Path(grant.write_path)) else None
            if descriptor is None:
                blobs.abort_upload(upload.id)
                return None
            path = Path(grant.write_path)
            try:
                digest, checksums, size = _write_file(descriptor, content, grant.sync, advance)
            except BaseException:
                _remove(path)  # at once: on a full disk there is room to end the upload only without it
                raise
            retrying(f"commit of {content.path!r}", lambda: blobs.commit_upload(upload.id, digest, size, checksums))
        except PermissionDeniedError:
            _give_up(blobs, upload.id, path)
            return None
        except BaseException:
            _give_up(blobs, upload.id, path)
            raise
        return digest

    def _open_blob(self, blobs: BlobClient, digest: str, size_bytes: int) -> tuple[int, Path] | None:
        """Open the file of a blob; return its descriptor and its name."""
        try:
            (text,) = blobs.create_transfer_grants(self.token, [digest]).read_paths
        except PermissionDeniedError:  # it was started again, with other settings or tokens
            return None
        path = Path(text)
        if not text or not self._is_mine(path):
            return None
        try:
            descriptor = _open(path)
        except OSError:  # gone since, or not for this user: the server says what is the matter
            return None
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or not size_bytes or facts.st_size != size_bytes:
            os.close(descriptor)
            return None
        return descriptor, path

    def _is_mine(self, path: Path) -> bool:
        """Tell whether a path lies below the folder, also when links are followed."""
        if not path.is_absolute() or ".." in path.parts:
            return False
        return path.parent.resolve().is_relative_to(self.folder.resolve())


def _read_token(path: Path) -> str | None:
    try:
        descriptor = _open(path)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            text = os.read(descriptor, 65).decode("ascii", "replace")
        finally:
            os.close(descriptor)
    except OSError:
        return None
    return text if _TOKEN.fullmatch(text) else None


def _open(path: Path) -> int:
    """Open a file, never a link, and without waiting for whoever might write to a pipe of that name."""
    return os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _give_up(blobs: BlobClient, upload_id: str, path: Path | None) -> None:
    """End an upload and remove its file, unless it may have been committed after all: then the file is the blob's."""
    with contextlib.suppress(ArgosyError, OSError):  # the sweep of the store takes what is left
        blobs.abort_upload(upload_id)
        if path is not None:
            path.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # the sweep of the store takes it
        path.unlink(missing_ok=True)


class _Hashes:
    """Digest and piece checksums of pieces, computed in another thread while they are written."""

    def __init__(self) -> None:
        self._hasher = new_hasher(0)
        self._checksums = PieceChecksums()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="argosy-hash")
        self._pending: deque[Future[None]] = deque()

    def add(self, piece: bytes | memoryview) -> None:
        self._pending.append(self._pool.submit(self._update, piece))
        if len(self._pending) > _PENDING:
            self._pending.popleft().result()

    def finish(self) -> tuple[str, bytes]:
        while self._pending:
            self._pending.popleft().result()
        return digest_text(self._hasher), self._checksums.value()

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    def _update(self, piece: bytes | memoryview) -> None:
        self._hasher.update(piece)
        self._checksums.update(piece)


def _create(path: Path) -> int | None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, 0o644)
    except OSError:
        return None  # the wire may still do


def _write_file(
    descriptor: int, content: Content, sync: bool, advance: Callable[[int], None]
) -> tuple[str, bytes, int]:
    """Write content to a new file and close it; return its digest, piece checksums and size."""
    hashes = _Hashes()
    try:
        size = _write_pieces(descriptor, content, sync, advance, hashes)
        digest, checksums = hashes.finish()
    finally:
        os.close(descriptor)
        hashes.close()
    return digest, checksums, size


def _write_pieces(
    descriptor: int, content: Content, sync: bool, advance: Callable[[int], None], hashes: _Hashes
) -> int:
    size = unsynced = 0
    with _full_disk_told():
        _reserve(descriptor, content.size_bytes)
    for piece in content.chunks(0, PIECE_BYTES):
        hashes.add(piece)
        with _full_disk_told():
            _write_all(descriptor, piece)
            unsynced += len(piece)
            if sync and unsynced >= _SYNC_BYTES:
                _sync_data(descriptor)
                unsynced = 0
        size += len(piece)
        advance(len(piece))
    with _full_disk_told():
        if sync:
            os.fsync(descriptor)
    return size


def _reserve(descriptor: int, size: int) -> None:
    """Take the room of a file at once: a full disk is told before anything is written, which is a third faster too."""
    if size and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)


@contextlib.contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise ResourceExhaustedError(
                f"no room left where the store keeps its files ({error.strerror}); free space there",
                reason="STORAGE_FULL",
            ) from error
        raise UnavailableError(f"a file of the store cannot be written ({error.strerror}); try again") from error


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
