"""Brings a version back: one round trip, every byte verified before it can become a value.

A small version is taken into memory whole. A large one is streamed file by file in the order it
was written; a file asked for out of that order is read by a call of its own.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from argosy.errors import ArgosyError, NotFoundError
from argosy.transport.connection import Connection
from argosy.transport.fetch import write_file
from argosy.transport.verified_reader import VerifiedReader
from argosy.transport.version_stream import VersionStream
from argosy.v1.artifact_pb2 import ArtifactFile, ArtifactVersion, VersionSelector

KEPT_BYTES = 4 << 20
"""Versions up to this size, and as much of files in the way of others, are held in memory."""

RESERVED_PREFIX = ".argosy/"
"""Files below it are about the value (previews), not of it."""


def open_version(connection: Connection, selector: VersionSelector) -> DownloadedVersion:
    """Open a version for reading.

    Raises:
        NotFoundError: nothing matches.
        CorruptDataError: the bytes do not match their digests.
    """
    stream = VersionStream(connection.artifacts.download_artifact(selector))
    download = _Download(connection, stream)
    try:
        if stream.version.size_bytes <= KEPT_BYTES:
            download.keep_all()
    except BaseException:
        stream.close()
        raise
    return DownloadedVersion(download, "")


class DownloadedVersion:
    """The files of a version, or those below one of its directories, as materializers read them.

    Use it as a context manager, or close it: a large version holds a call open.
    """

    def __init__(self, download: _Download, prefix: str) -> None:
        """Show the files below ``prefix``."""
        self._download = download
        self._prefix = prefix

    @property
    def version(self) -> ArtifactVersion:
        """The version they belong to."""
        return self._download.stream.version

    @property
    def paths(self) -> Sequence[str]:
        """Every path of the value, in the order they were written, relative to this source."""
        cut = len(self._prefix)
        return [
            path[cut:]
            for path in self._download.files
            if path.startswith(self._prefix) and (self._prefix or not path.startswith(RESERVED_PREFIX))
        ]

    def size(self, path: str) -> int:
        """Return the length of one file in bytes.

        Raises:
            NotFoundError: no such file.
        """
        return self._download.file(self._prefix + path).size_bytes

    def read(self, path: str) -> bytes:
        """Return a whole file, verified.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest.
            NotFoundError: no such file.
        """
        return self._download.read(self._prefix + path)

    def open(self, path: str) -> BinaryIO:
        """Return a forward-only stream of a file, verified at its end.

        Raises:
            NotFoundError: no such file.
        """
        return self._download.open(self._prefix + path)

    def fetch(self, directory: Path) -> None:
        """Write every file below ``directory``, verified, never through links; all of them or none.

        Raises:
            CorruptDataError: a path leads out of it, or bytes do not match their digest.
            FileExistsError: a file is there already.
        """
        written: list[Path] = []
        try:
            for path in self.paths:
                with self.open(path) as content:
                    written.append(write_file(directory, path, content))
        except BaseException:
            for file in written:
                file.unlink(missing_ok=True)
            raise

    def child(self, directory: str) -> DownloadedVersion:
        """Return the files below ``directory`` as a source of their own."""
        return DownloadedVersion(self._download, f"{self._prefix}{directory}/")

    def close(self) -> None:
        """Cancel what was not read; closing twice is fine."""
        self._download.close()

    def __enter__(self) -> DownloadedVersion:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Download:
    """What all views of one version share: its stream, and the small files taken out of it."""

    def __init__(self, connection: Connection, stream: VersionStream) -> None:
        self.stream = stream
        self.files = {file.path: file for file in stream.version.files}
        self._connection = connection
        self._kept: dict[str, bytes] = {}
        self._in_order = True

    def keep_all(self) -> None:
        """Take every file into memory."""
        while self.stream.files_left:
            self._keep_next()
        self.stream.finish()

    def close(self) -> None:
        """End the call: well when everything was read, so that no server counts it as broken off."""
        if self._in_order and not self.stream.files_left:
            with contextlib.suppress(ArgosyError):  # every byte was verified already
                self.stream.finish()
        self.stream.close()

    def file(self, path: str) -> ArtifactFile:
        """Return the record of a file."""
        try:
            return self.files[path]
        except KeyError:
            raise NotFoundError(
                f"version {self.stream.version.id} has no file {path!r}; it has {', '.join(list(self.files)[:20])}"
            ) from None

    def read(self, path: str) -> bytes:
        """Return a whole file."""
        if path in self._kept:
            return self._kept[path]
        with self._reader(path) as reader:
            return reader.readall()

    def open(self, path: str) -> BinaryIO:
        """Return a file as a stream."""
        if path in self._kept:
            return io.BytesIO(self._kept[path])
        return self._reader(path).buffered()

    def _reader(self, path: str) -> VerifiedReader:
        file = self.file(path)
        if self._reach(file):
            self._in_order = False  # until this file was read to its end
            return VerifiedReader(file, self.stream.next_file(), self._ended)
        return VerifiedReader(file, self._read_blob(file), lambda _: None)

    def _reach(self, file: ArtifactFile) -> bool:
        """Bring the stream to the beginning of a file, if only little lies before it."""
        left = self.stream.files_left
        if not self._in_order or file not in left:
            return False
        before = left[: left.index(file)]
        if sum(item.size_bytes for item in before) > KEPT_BYTES:
            return False
        for _ in before:
            self._keep_next()
        return True

    def _keep_next(self) -> None:
        file = self.stream.files_left[0]
        with VerifiedReader(file, self.stream.next_file(), lambda _: None) as reader:
            self._kept[file.path] = reader.readall()

    def _ended(self, complete: bool) -> None:
        self._in_order = complete

    def _read_blob(self, file: ArtifactFile) -> Generator[bytes, None, None]:
        with self._connection.blobs.read_blob(file.digest) as messages:
            for message in messages:
                yield message.chunk
