"""What passes between a materializer and the bytes of an artifact version.

Saving: a materializer fills a :class:`FileSink`. Nothing is copied: buffers and local
files are only remembered, and read once when they are sent.
Loading: a materializer reads from a :class:`FileSource`. Whole reads are verified against
the recorded digest before they are returned; a stream is verified when its end is reached.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Protocol

from argosy.errors import CorruptDataError

CHUNK_BYTES = 1 << 20
"""Size of the pieces content is read in, unless others are asked for."""
_JOINED_BYTES = 64 << 10
_MOST_PATH_CHARACTERS = 1024


@dataclass(frozen=True)
class FileContent:
    """One file of an artifact version about to be saved, re-readable any number of times.

    Attributes:
        path: relative path inside the artifact version, ``/`` separated.
        buffers: the content as byte views, in order; ``None`` when it lies in ``local_path``.
        local_path: a file on disk that holds the content; ``None`` when it is in ``buffers``.
    """

    path: str
    buffers: tuple[memoryview, ...] | None = None
    local_path: Path | None = None

    @cached_property
    def size_bytes(self) -> int:
        """Length of the content in bytes; of a file, when it is first asked for."""
        if self.buffers is not None:
            return sum(view.nbytes for view in self.buffers)
        assert self.local_path is not None
        return self.local_path.stat().st_size

    def chunks(self, start: int = 0, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes | memoryview]:
        """Yield the content from ``start`` on, in pieces of at most ``chunk_bytes``; buffers are not copied.

        Of a file that grows meanwhile as much comes as there was when its size was asked for.

        Raises:
            CorruptDataError: the file became shorter meanwhile.
        """
        if self.buffers is not None:
            yield from _cut(_from(self.buffers, start), chunk_bytes)
            return
        assert self.local_path is not None
        with self.local_path.open("rb", buffering=0) as file:
            file.seek(start)
            while left := max(self.size_bytes - start, 0):
                piece = file.read(min(chunk_bytes, left))
                if not piece:
                    raise CorruptDataError(
                        f"{self.local_path} changed while it was saved: it ends {left} bytes early; save it again when "
                        "it is complete"
                    )
                start += len(piece)
                yield piece


class FileSink:
    """Collects the files of one value. Nested values get a sink of their own by :meth:`child`."""

    def __init__(self) -> None:
        """Start empty."""
        self._files: dict[str, FileContent] = {}
        self._prefix = ""
        self._resources = contextlib.ExitStack()

    def write(self, path: str, *buffers: bytes | bytearray | memoryview) -> None:
        """Add a file whose content is the buffers one after the other; they are not copied."""
        views = tuple(memoryview(buffer).cast("B") for buffer in buffers if memoryview(buffer).nbytes)
        self._add(FileContent(self._prefix + path, buffers=views))

    def write_file(self, path: str, local_path: str | os.PathLike[str]) -> None:
        """Add a file whose content is streamed from ``local_path`` when it is sent.

        Raises:
            FileNotFoundError: there is no such file now.
        """
        source = Path(local_path)
        if not source.is_file():
            raise FileNotFoundError(f"{source} is no file, so it cannot become {path!r}; write it first")
        self._add(FileContent(self._prefix + path, local_path=source))

    def temporary_directory(self) -> Path:
        """Return a new directory that lives until the files have been sent."""
        return Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="argosy-")))

    def child(self, directory: str) -> FileSink:
        """Return a sink that writes below ``directory`` of this one."""
        nested = FileSink.__new__(FileSink)
        nested._files, nested._resources = self._files, self._resources
        nested._prefix = f"{self._prefix}{directory}/"
        return nested

    @property
    def files(self) -> Sequence[FileContent]:
        """What was written so far, in order."""
        return tuple(self._files.values())

    def problem_since(self, count: int) -> str | None:
        """Tell what no store can take of the files that were written after the first ``count``, and the cure."""
        written = {file.path.removeprefix(self._prefix): file for file in self.files[count:]}
        for path, file in written.items():
            if problem := _path_problem(path):
                return f"wrote {path!r}, {problem}"
            if file.local_path is not None and not file.local_path.is_file():
                return (
                    f"gave {path!r} the file {file.local_path}, which is gone; it is read when it is sent, so put it "
                    "into files.temporary_directory() or keep it until then"
                )
        for path, following in pairwise(sorted(written, key=_like_a_tree)):
            if following.startswith(f"{path}/"):
                return f"wrote {path!r} and {following!r}, so {path!r} is a file and a folder; choose one"
        return None

    def close(self) -> None:
        """Remove temporary directories."""
        self._resources.close()

    def _add(self, content: FileContent) -> None:
        if content.path in self._files:
            raise ValueError(f"file {content.path!r} was written twice; give each file of a value its own path")
        self._files[content.path] = content


class FileSource(Protocol):
    """The files of one stored artifact version."""

    @property
    def paths(self) -> Sequence[str]:
        """Every path, in the order they were written, relative to this source."""
        ...

    def size(self, path: str) -> int:
        """Length of one file in bytes."""
        ...

    def read(self, path: str) -> bytes:
        """Return a whole file, verified.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest.
        """
        ...

    def open(self, path: str) -> BinaryIO:
        """Return a forward-only stream with ``read`` and ``readinto``, verified at its end.

        A caller MUST read to the end before it trusts a value made from the stream; reaching the
        end raises :class:`argosy.errors.CorruptDataError` when the bytes do not match.
        """
        ...

    def buffer(self, path: str) -> memoryview:
        """Return a whole file, verified, in memory of the caller's own that may be written to.

        On the same file system as the store it is a private mapping of the stored file: it costs no memory but for
        the parts that are written to.

        Raises:
            CorruptDataError: the bytes do not match the recorded digest.
        """
        ...

    def fetch(self, directory: Path) -> None:
        """Write every file below ``directory``, verified, never following links out of it."""
        ...

    def child(self, directory: str) -> FileSource:
        """Return the files below ``directory`` as a source of their own."""
        ...


def _path_problem(path: object) -> str | None:
    if not isinstance(path, str) or not path:
        return "which is no path; give files.write a text such as 'data.bin'"
    if not path.isprintable():
        return "which has control or unprintable characters, or is no valid Unicode; leave them out"
    if {"", ".", ".."} & set(path.split("/")):
        return "which is no relative path of plain parts; leave out '.', '..', '//' and a '/' at its begin or end"
    if "\\" in path or path[1:2] == ":":
        return "which has a backslash or a drive letter; separate parts by '/'"
    if len(path) > _MOST_PATH_CHARACTERS:
        return f"which has {len(path)} characters; at most {_MOST_PATH_CHARACTERS} are allowed"
    return None


def _like_a_tree(path: str) -> str:
    """Return what sorts a file right before what lies in a folder of its name."""
    return path.replace("/", "\0")


def _from(buffers: Iterable[memoryview], start: int) -> Iterator[memoryview]:
    """Yield what follows the first ``start`` bytes."""
    for view in buffers:
        if start < view.nbytes:
            yield view[start:]
        start = max(start - view.nbytes, 0)


def _cut(views: Iterable[memoryview], chunk_bytes: int) -> Iterator[bytes | memoryview]:
    """Cut views to pieces of at most ``chunk_bytes``; only small neighbours are copied, into one piece."""
    pending = bytearray()
    for view in views:
        if len(pending) + view.nbytes <= min(chunk_bytes, _JOINED_BYTES):
            pending += view
            continue
        if pending:
            yield bytes(pending)
            pending.clear()
        for offset in range(0, view.nbytes, chunk_bytes):
            yield view[offset : offset + chunk_bytes]
    if pending:
        yield bytes(pending)
