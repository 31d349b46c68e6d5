"""Reading a verified stream to its end, which is where it is verified."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from argosy.errors import MaterializerError

if TYPE_CHECKING:
    from argosy.materializers.files import FileSource

_COPY_BYTES = 1 << 20


def read_exactly(stream: BinaryIO, count: int, path: str) -> bytes:
    """Return the next ``count`` bytes.

    Raises:
        MaterializerError: the file ends before.
    """
    content = bytearray()
    while len(content) < count:
        piece = stream.read(count - len(content))
        if not piece:
            raise MaterializerError(f"{path} ends after {len(content)} of {count} bytes")
        content += piece
    return bytes(content)


def read_into(stream: BinaryIO, view: memoryview, path: str) -> None:
    """Fill ``view`` with the rest of the stream, which must be exactly that long.

    Raises:
        MaterializerError: the file is shorter or longer.
        CorruptDataError: the bytes do not match their digest.
    """
    done = 0
    while done < view.nbytes:
        count = stream.readinto(view[done:])  # type: ignore[attr-defined]  # BinaryIO lacks what the port promises
        if not count:
            raise MaterializerError(f"{path} ends {view.nbytes - done} bytes early")
        done += count
    if stream.read(1):
        raise MaterializerError(f"{path} is longer than its content says")


def copied(files: FileSource, path: str, directory: Path) -> Path:
    """Copy one file into ``directory``, verified, and return where it is."""
    copy = directory / "file"
    with files.open(path) as stream, copy.open("wb") as target:
        shutil.copyfileobj(stream, target, _COPY_BYTES)
    return copy


@contextmanager
def local_copy(files: FileSource, path: str) -> Iterator[Path]:
    """Copy one file to disk, verified, for libraries which must seek in it; removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="argosy-") as directory:
        yield copied(files, path, Path(directory))
