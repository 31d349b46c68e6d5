"""Format ``reference``: files that stay where they are; the artifact keeps where, how large, and their digests.

What is loaded is what was registered: every byte is copied from there and verified, or the load fails.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from blake3 import blake3

from argosy.errors import CorruptDataError, MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer
from argosy.materializers.json_family.document import read_document, write_document
from argosy.materializers.loaded_files import fresh_directory
from argosy.materializers.path import checked_name, checked_relative
from argosy.materializers.reference_uris import Place, look_at, open_uri

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

FORMAT = "reference"
DOCUMENT = "reference.json"
_DIGEST = re.compile(r"blake3:[0-9a-f]{64}")
_CHUNK = 4 << 20


@dataclass(frozen=True)
class Entry:
    """One file that lies outside of the store.

    Attributes:
        path: its name, or its path inside the directory.
        uri: where it lies.
        digest: ``blake3:<hex>`` of its bytes when it was registered.
        size: their number.
    """

    path: str
    uri: str
    digest: str
    size: int

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open the file for reading; its end is reached only when the bytes are those that were registered.

        Raises:
            CorruptDataError: when read: the bytes are others.
            MaterializerError: it may not be read.
            NotFoundError: it is gone.
        """
        with open_uri(self.uri) as file, _Verified(file, self) as stream:
            yield stream  # type: ignore[misc]  # a raw stream has all of BinaryIO that a copy needs


@dataclass(frozen=True)
class Reference:
    """What an artifact refers to.

    Attributes:
        name: of the file or directory.
        is_directory: whether it is a directory.
        entries: its files.
        empty_directories: directories of it without files.
    """

    name: str
    is_directory: bool
    entries: Sequence[Entry]
    empty_directories: Sequence[str]

    @property
    def size(self) -> int:
        """Sum of the sizes of its files."""
        return sum(entry.size for entry in self.entries)


def refer_to(place: Place) -> Reference:
    """Read what lies at a place once, for its digests.

    Raises:
        MaterializerError: it cannot be read.
        NotFoundError: a part of it is gone meanwhile.
    """
    entries = [_registered(path, uri) for path, uri in place.files.items()]
    return Reference(place.name, place.is_directory, entries, place.empty_directories)


def write_reference(reference: Reference, files: FileSink) -> None:
    """Write the document."""
    listed: list[JSON] = [
        {"path": entry.path, "uri": entry.uri, "digest": entry.digest, "size": entry.size}
        for entry in reference.entries
    ]
    document: dict[str, JSON] = {
        "kind": "directory" if reference.is_directory else "file",
        "name": reference.name,
        "files": listed,
        "empty_directories": [*reference.empty_directories],
    }
    write_document(document, files, DOCUMENT)


def read_reference(files: FileSource) -> Reference:
    """Read the document.

    Raises:
        MaterializerError: it is malformed, or a path would leave the directory.
    """
    document = read_document(files, DOCUMENT)
    try:
        kind, name, listed, empty = (document[key] for key in ("kind", "name", "files", "empty_directories"))
        entries = [_entry(item) for item in listed]
        directories = [checked_relative(path) for path in empty]
    except (KeyError, TypeError) as error:
        raise MaterializerError(f"{DOCUMENT} is malformed: {type(error).__name__} {error}") from error
    if kind not in {"file", "directory"} or not isinstance(name, str):
        raise MaterializerError(f"{DOCUMENT} is malformed: it has the kind {kind!r} and the name {name!r}")
    checked_name(name, DOCUMENT)
    if kind == "file" and [entry.path for entry in entries] != [name]:
        raise MaterializerError(f"{DOCUMENT} is malformed: a file is exactly one entry of its own name")
    return Reference(name, kind == "directory", entries, directories)


class ReferenceMaterializer(BuiltinMaterializer[Path]):
    """Keeps where a file or directory lies. A loaded path is a verified copy, in a directory of this process."""

    id = "argosy.reference"
    types = (Path,)
    format = FORMAT

    def save(self, value: Path, files: FileSink) -> None:
        """Read the files once, and write where they lie.

        Raises:
            MaterializerError: references to it are not allowed, or it holds links or special files.
            NotFoundError: nothing lies there.
        """
        write_reference(refer_to(look_at(value)), files)

    def load(self, files: FileSource, as_type: type[Path] | None) -> Path:
        """Copy what is referred to into a fresh directory, verified, and return its path.

        Raises:
            CorruptDataError: the bytes are not those that were registered.
            MaterializerError: the document is malformed, or references to such places are not allowed here.
            NotFoundError: the files are gone.
        """
        reference = read_reference(files)
        target = fresh_directory() / reference.name
        root = target if reference.is_directory else target.parent
        root.mkdir(exist_ok=True)
        for entry in reference.entries:
            place = root / entry.path
            place.parent.mkdir(parents=True, exist_ok=True)
            with entry.opened() as source, place.open("xb") as copy:
                shutil.copyfileobj(source, copy, _CHUNK)
        for relative in reference.empty_directories:
            (root / relative).mkdir(parents=True, exist_ok=True)
        return target


class _Verified(io.RawIOBase):
    """A file whose end is told only when all that came before has the registered digest."""

    def __init__(self, file: BinaryIO, entry: Entry) -> None:
        self._file = file
        self._entry = entry
        self._hasher = blake3()
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._file.read(min(len(buffer), _CHUNK))
        self._hasher.update(piece)
        self._size += len(piece)
        if not piece or self._size > self._entry.size:
            self._check()
        buffer[: len(piece)] = piece
        return len(piece)

    def _check(self) -> None:
        entry = self._entry
        if self._size != entry.size or f"blake3:{self._hasher.hexdigest()}" != entry.digest:
            raise CorruptDataError(
                f"{entry.uri} changed since it was registered: its {entry.size} bytes had {entry.digest}; register it "
                "again to use what lies there now"
            )


def _registered(path: str, uri: str) -> Entry:
    hasher = blake3(max_threads=blake3.AUTO)
    size = 0
    with open_uri(uri) as file:
        while piece := file.read(_CHUNK):
            hasher.update(piece)
            size += len(piece)
    return Entry(path, uri, f"blake3:{hasher.hexdigest()}", size)


def _entry(item: Any) -> Entry:
    path, uri, digest, size = (item[key] for key in ("path", "uri", "digest", "size"))
    is_whole = type(size) is int and size >= 0
    if not isinstance(uri, str) or not isinstance(digest, str) or not _DIGEST.fullmatch(digest) or not is_whole:
        raise TypeError(f"entry {item!r}")
    return Entry(checked_relative(path), uri, digest, size)
