"""The files of a saved value with one of them altered, served as the store serves them: verified against digests."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from argosy.errors import CorruptDataError, NotFoundError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from argosy.materializers.files import FileSource


class AlteredFiles:
    """What a materializer loads from when what is stored is not what it saved."""

    def __init__(self, contents: Mapping[str, bytes], recorded: Mapping[str, bytes]) -> None:
        """Serve ``contents``; a file that is not as ``recorded`` fails where the store would notice it."""
        self._contents = contents
        self._recorded = recorded

    @property
    def paths(self) -> Sequence[str]:
        """Every path, relative to this source."""
        return tuple(self._contents)

    def size(self, path: str) -> int:
        """Return the recorded length of one file."""
        self._find(path)
        return len(self._recorded[path])

    def read(self, path: str) -> bytes:
        """Return a whole file.

        Raises:
            CorruptDataError: it was damaged.
        """
        content = self._find(path)
        if content != self._recorded[path]:
            raise _damaged(path)
        return content

    def open(self, path: str) -> BinaryIO:
        """Return a stream, verified before its last bytes are handed out."""
        return io.BufferedReader(_VerifiedAtItsEnd(path, self._find(path), self._recorded[path]), 64 << 10)

    def buffer(self, path: str) -> memoryview:
        """Return a whole file in memory that may be written to.

        Raises:
            CorruptDataError: it was damaged.
        """
        return memoryview(bytearray(self.read(path)))

    def fetch(self, directory: Path) -> None:
        """Write every file below ``directory``.

        Raises:
            CorruptDataError: one was damaged.
        """
        for path in self._contents:
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_bytes(self.read(path))

    def child(self, directory: str) -> FileSource:
        """Return the files below ``directory`` as a source of their own."""
        return AlteredFiles(_below(directory, self._contents), _below(directory, self._recorded))

    def _find(self, path: str) -> bytes:
        if path not in self._contents:
            raise NotFoundError(f"the version has no file {path!r}; it has {', '.join(self._contents)}")
        return self._contents[path]


class _VerifiedAtItsEnd(io.RawIOBase):
    """Damaged bytes come as they are, but for the last of them, before which the whole is verified."""

    def __init__(self, path: str, content: bytes, recorded: bytes) -> None:
        super().__init__()
        self._path = path
        self._is_damaged = content != recorded
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = self._content.readinto(buffer)
        if self._is_damaged and self._content.tell() == len(self._content.getbuffer()):
            raise _damaged(self._path)
        return count


def _damaged(path: str) -> CorruptDataError:
    return CorruptDataError(f"{path} does not match its digest")


def _below(directory: str, contents: Mapping[str, bytes]) -> dict[str, bytes]:
    prefix = f"{directory}/"
    return {path[len(prefix) :]: content for path, content in contents.items() if path.startswith(prefix)}
