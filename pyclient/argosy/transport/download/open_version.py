"""Brings a version back, every byte verified before it can become a value.

A small version comes by one call. Of a larger one only the record does; then its small files come many at a time, and
its large ones each by streams of their own, or are mapped where the store is on the same file system.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from argosy.errors import InternalServiceError, NotFoundError
from argosy.transport.bypass.direct_files import DirectFiles
from argosy.transport.bypass.signed_store import SignedStore
from argosy.transport.connection import Connection
from argosy.transport.download.blob_file import BlobFile
from argosy.transport.download.folder_writer import FolderWriter
from argosy.transport.download.receive import receive_into
from argosy.transport.download.signed_download import receive_from_store, stream_from_store
from argosy.transport.download.small_files import SmallFiles
from argosy.transport.progress import UNSEEN, Progress
from argosy.transport.rpc.retry import FEW_ATTEMPTS, retrying
from argosy.v1.artifact_pb2 import ArtifactFile, ArtifactVersion, VersionSelector
from argosy.v1.artifact_service_pb2 import GetArtifactVersionResponse

KEPT_BYTES = 1 << 20
"""Versions up to this size come by one call, and are held in memory."""
MAPPED_BYTES = 16 << 20
"""Files of the store from this size on are mapped where they can be reached; smaller ones are read."""

RESERVED_PREFIX = ".argosy/"
"""Files below it are about the value (previews), not of it."""


def open_version(
    connection: Connection,
    selector: VersionSelector,
    progress: Progress = UNSEEN,
    found: GetArtifactVersionResponse | None = None,
) -> DownloadedVersion:
    """Open a version for reading.

    Args:
        connection: the store.
        selector: which version.
        progress: told how many bytes have arrived.
        found: what :func:`ask_for` asks, where the answer is there already.

    Raises:
        NotFoundError: nothing matches.
        CorruptDataError: the bytes do not match their digests.
    """
    found = _get(connection, selector, KEPT_BYTES) if found is None else _undeleted(found)
    version = found.artifact_version
    progress.expect(sum(file.size_bytes for file in version.files if not _describes(file)))
    files = _Files(connection, version, progress)
    if len(found.contents) not in (0, len(version.files)):
        raise InternalServiceError(
            f"the store sent {len(found.contents)} contents for {len(version.files)} files; try again, and report it"
        )
    if found.contents:
        for file, content in zip(version.files, found.contents, strict=True):
            files.small.keep(file, content)
            progress.advance(0 if _describes(file) else file.size_bytes)
    return DownloadedVersion(files, "")


def _describes(file: ArtifactFile) -> bool:
    """Tell whether a file is about the value: a load of the value does not bring it."""
    return file.path.startswith(RESERVED_PREFIX)


def find_version(connection: Connection, selector: VersionSelector) -> DownloadedVersion:
    """Find a version of which only parts will be read.

    Raises:
        NotFoundError: nothing matches, or it was deleted.
    """
    version = _get(connection, selector, 0).artifact_version
    return DownloadedVersion(_Files(connection, version, UNSEEN), "")


def _get(connection: Connection, selector: VersionSelector, max_content_bytes: int) -> GetArtifactVersionResponse:
    ask = partial(ask_for, connection, selector, max_content_bytes)
    return _undeleted(retrying(f"load of {selector.name or selector.id}", ask, FEW_ATTEMPTS))


def ask_for(
    connection: Connection, selector: VersionSelector, max_content_bytes: int = KEPT_BYTES
) -> GetArtifactVersionResponse:
    """Make the first call of a load, which brings a small version whole.

    Raises:
        NotFoundError: nothing matches.
    """
    return connection.artifacts.get_artifact_version(selector, max_content_bytes=max_content_bytes)


def _undeleted(found: GetArtifactVersionResponse) -> GetArtifactVersionResponse:
    version = found.artifact_version
    if version.deleted:
        raise NotFoundError(
            f"{version.name!r} version {version.version} was deleted; its lineage is all that is left",
            reason="ARTIFACT_NOT_FOUND",
        )
    return found


class DownloadedVersion:
    """The files of a version, or those below one of its directories, as materializers read them."""

    def __init__(self, files: _Files, prefix: str) -> None:
        """Show the files below ``prefix``."""
        self._files = files
        self._prefix = prefix

    @property
    def version(self) -> ArtifactVersion:
        """The version they belong to."""
        return self._files.version

    @property
    def paths(self) -> Sequence[str]:
        """Every path of the value, in the order they were written, relative to this source."""
        cut = len(self._prefix)
        return [
            path[cut:]
            for path in self._files.by_path
            if path.startswith(self._prefix) and (self._prefix or not path.startswith(RESERVED_PREFIX))
        ]

    def size(self, path: str) -> int:
        """Return the length of one file in bytes.

        Raises:
            NotFoundError: no such file.
        """
        return self._files.find(self._prefix + path).size_bytes

    def read(self, path: str) -> bytes:
        """Return a whole file, verified.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest.
            NotFoundError: no such file.
        """
        file = self._files.find(self._prefix + path)
        content = self._files.small.read(file)
        if content is not None:
            return content
        with self._files.stream(file) as stream:
            return stream.readall()

    def open(self, path: str) -> BinaryIO:
        """Return a stream of a file, verified at its end.

        Raises:
            NotFoundError: no such file.
        """
        file = self._files.find(self._prefix + path)
        content = self._files.small.read(file)
        return io.BytesIO(content) if content is not None else io.BufferedReader(self._files.stream(file), 64 << 10)

    def open_file(self, path: str) -> BlobFile:
        """Return a file as a stream that seeks, of which only what is read is moved.

        Raises:
            NotFoundError: no such file.
        """
        return self._files.ranges(self._files.find(self._prefix + path))

    def head(self, path: str, most_bytes: int) -> bytes:
        """Return the first bytes of a file, of which no others are moved.

        Raises:
            CorruptDataError: they do not match what was recorded.
            NotFoundError: no such file.
        """
        file = self._files.find(self._prefix + path)
        if self._files.small.holds(file):
            return self.read(path)[:most_bytes]
        with self._files.ranges(file).buffered() as stream:
            return stream.read(min(most_bytes, file.size_bytes))

    def buffer(self, path: str) -> memoryview:
        """Return a whole file, verified, in memory of the caller's own that may be written to.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest.
            NotFoundError: no such file.
        """
        file = self._files.find(self._prefix + path)
        content = self._files.small.read(file)
        return memoryview(bytearray(content)) if content is not None else self._files.memory(file)

    def fetch(self, directory: Path) -> None:
        """Write every file below ``directory``, verified, never through links; all of them or none.

        Raises:
            CorruptDataError: a path leads out of it, or bytes do not match their digest.
            FileExistsError: a file is there already.
        """
        with FolderWriter(directory) as folder:
            for path in self.paths:
                with self.open(path) as content:
                    folder.write(path, content)

    def child(self, directory: str) -> DownloadedVersion:
        """Return the files below ``directory`` as a source of their own."""
        return DownloadedVersion(self._files, f"{self._prefix}{directory}/")

    def __enter__(self) -> DownloadedVersion:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.small.forget()


class _Files:
    """What all views of one version share, with the small files that are in memory just now."""

    def __init__(self, connection: Connection, version: ArtifactVersion, progress: Progress) -> None:
        self.version = version
        self.by_path = {file.path: file for file in version.files}
        self.small = SmallFiles(connection, [file for file in version.files if not _describes(file)], progress)
        self._connection = connection
        self._advance = progress.advance

    def find(self, path: str) -> ArtifactFile:
        """Return the record of a file."""
        try:
            return self.by_path[path]
        except KeyError:
            raise NotFoundError(
                f"{self.version.name!r} version {self.version.version} has no file {path!r}; it has "
                + ", ".join(list(self.by_path)[:20])
            ) from None

    def memory(self, file: ArtifactFile) -> memoryview:
        """Return a large file as memory of the caller's own."""
        connection = self._connection
        # Each mapping holds a descriptor as long as it lives, and there are not many of these.
        if connection.direct is not None and file.size_bytes >= MAPPED_BYTES:
            mapped = connection.direct.map(connection.blobs, file.digest, file.size_bytes)
            if mapped is not None:
                self._advance(file.size_bytes)
                return mapped
        # Not bytearray: numpy asks the system for huge pages, which are filled ten times as fast.
        import numpy as np  # where nothing large is read, it is not worth its import

        target = np.empty(file.size_bytes, np.uint8).data
        if connection.direct is not None and self._read_directly(connection.direct, file, target):
            return target
        if (store := self._store_for(file)) is not None:
            receive_from_store(store, connection.lanes(), file, target, self._advance)
        else:
            receive_into(connection.lanes(), file, target, self._advance)
        return target

    def stream(self, file: ArtifactFile) -> io.RawIOBase:
        """Return a large file as a stream."""
        connection = self._connection
        if connection.direct is not None:
            stream = connection.direct.stream(connection.blobs, file.digest, file.size_bytes, self._advance)
            if stream is not None:
                return stream
        if (store := self._store_for(file)) is not None:
            return stream_from_store(store, connection.blobs, file, self._advance)
        return self.ranges(file)

    def _store_for(self, file: ArtifactFile) -> SignedStore | None:
        """Return the object store a whole file should come from."""
        store = self._connection.signed
        return store if store is not None and store.takes(file.size_bytes) else None

    def _read_directly(self, direct: DirectFiles, file: ArtifactFile, target: memoryview) -> bool:
        stream = direct.stream(self._connection.blobs, file.digest, file.size_bytes, self._advance)
        if stream is None:
            return False
        with stream:
            done = 0
            while done < len(target):
                done += stream.readinto(target[done:])
        return True

    def ranges(self, file: ArtifactFile) -> BlobFile:
        """Return a file of any size as a stream of which only what is read is moved."""
        return BlobFile(self._connection.blobs, file, self._advance)
