"""The files of a version, of which only the parts that are read are moved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from argosy.errors import NotFoundError
from argosy.transport.blob_file import BlobFile
from argosy.transport.connection import Connection
from argosy.transport.download import RESERVED_PREFIX
from argosy.transport.fetch import FolderWriter
from argosy.v1.artifact_pb2 import ArtifactFile, ArtifactVersion, VersionSelector


def open_ranges(connection: Connection, selector: VersionSelector) -> RangedVersion:
    """Find a version, without reading of it.

    Raises:
        NotFoundError: nothing matches, or it was deleted.
    """
    version = connection.artifacts.get_artifact_version(selector)
    if version.deleted:
        raise NotFoundError(f"{version.name!r} version {version.version} was deleted", reason="ARTIFACT_NOT_FOUND")
    return RangedVersion(connection, version, "")


class RangedVersion:
    """The files of a version, or those below one of its directories; each read is a call of its own."""

    def __init__(self, connection: Connection, version: ArtifactVersion, prefix: str) -> None:
        """Show the files below ``prefix``."""
        self.version = version
        self._connection = connection
        self._prefix = prefix
        self._files = {file.path: file for file in version.files}

    @property
    def paths(self) -> Sequence[str]:
        """Every path of the value, without previews, relative to this source."""
        cut = len(self._prefix)
        return [
            path[cut:]
            for path in self._files
            if path.startswith(self._prefix) and (self._prefix or not path.startswith(RESERVED_PREFIX))
        ]

    def size(self, path: str) -> int:
        """Return the length of one file in bytes.

        Raises:
            NotFoundError: no such file.
        """
        return self._file(path).size_bytes

    def read(self, path: str) -> bytes:
        """Return a whole file, verified.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest.
            NotFoundError: no such file.
        """
        with self.open_file(path) as file:
            return file.readall()

    def open(self, path: str) -> BinaryIO:
        """Return a file as a stream that seeks.

        Raises:
            NotFoundError: no such file.
        """
        return self.open_file(path).buffered()

    def open_file(self, path: str) -> BlobFile:
        """Return a file as a stream that seeks, without a buffer.

        Raises:
            NotFoundError: no such file.
        """
        return BlobFile(self._connection.blobs, self._file(path))

    def buffer(self, path: str) -> memoryview:
        """Return a whole file, verified, in memory of the caller's own.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest.
            NotFoundError: no such file.
        """
        return memoryview(bytearray(self.read(path)))

    def fetch(self, directory: Path) -> None:
        """Write every file below ``directory``, verified, never through links.

        Raises:
            CorruptDataError: a path leads out of it, or bytes do not match their digest.
            FileExistsError: a file is there already.
        """
        with FolderWriter(directory) as folder:
            for path in self.paths:
                with self.open(path) as content:
                    folder.write(path, content)

    def child(self, directory: str) -> RangedVersion:
        """Return the files below ``directory`` as a source of their own."""
        return RangedVersion(self._connection, self.version, f"{self._prefix}{directory}/")

    def _file(self, path: str) -> ArtifactFile:
        try:
            return self._files[self._prefix + path]
        except KeyError:
            shown = ", ".join(list(self._files)[:20])
            raise NotFoundError(
                f"{self.version.name!r} version {self.version.version} has no file {path!r}; it has {shown}"
            ) from None
