"""``pathlib.Path``: the file (format ``file``) or directory (format ``directory``) it points to.

Contents are streamed from disk and back. Kept: names, contents, empty directories. Not kept:
permissions, owners, times. Links and special files inside a directory are refused, so that a
tree is never more or less than what it shows.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from argosy.errors import MaterializerError
from argosy.materializers.base import JSON, BuiltinMaterializer
from argosy.materializers.json_family.document import read_document, write_document
from argosy.materializers.loaded_files import fresh_directory
from argosy.materializers.nesting import CannotKeepError

if TYPE_CHECKING:
    from argosy.materializers.files import FileSink, FileSource

P = TypeVar("P", bound=Path)

MANIFEST = "directory.json"
CONTENT = "content"
_NAME_BYTES = 255
_NOT_ON_WINDOWS = re.compile(
    r'[<>:"|?*]|[. ]$|^(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3]|con(in|out)\$) *(\.|$)', re.IGNORECASE
)
"""What Windows takes for a drive, a stream, a device or another name, and what it cannot keep."""


class FileMaterializer(BuiltinMaterializer[Path]):
    """Keeps one file under its own name. A loaded path lies in a directory of this process."""

    id = "argosy.file"
    types = (Path,)
    format = "file"

    def save(self, value: Path, files: FileSink) -> None:
        """Refer to the file; it is read when it is sent.

        Raises:
            CannotKeepError: the path points to a directory.
            MaterializerError: it points to nothing, to a special file, or has a name no store can keep.
        """
        _check_exact(value)
        mode = _mode(value, follow=True)
        if stat.S_ISDIR(mode):
            raise CannotKeepError(f"{value} is a directory")
        if not stat.S_ISREG(mode):
            raise MaterializerError(f"{value} is neither a file nor a directory, so it has no content to keep")
        name = checked_name(value.name or value.resolve().name, value)
        if name[1:2] == ":" or name == ".argosy":  # at the top of a version, where these would mean something else
            raise MaterializerError(f"a file alone cannot be called {name!r}; rename it, or save the folder it lies in")
        files.write_file(name, value.resolve())

    def load(self, files: FileSource, as_type: type[Path] | None) -> Path:
        """Write the file to a fresh directory and return its path.

        Raises:
            MaterializerError: there is not exactly one file, or its name is no plain name.
        """
        if len(files.paths) != 1:
            raise MaterializerError(f"format 'file' is exactly one file, this version has {len(files.paths)}")
        name = files.paths[0]
        if "/" in name:
            raise MaterializerError(f"format 'file' is one file without directories, got {name!r}")
        checked_name(name, name)
        directory = fresh_directory()
        files.fetch(directory)
        return directory / name

    def extract_metadata(self, value: Path) -> dict[str, JSON]:
        """Return the size in bytes."""
        return {"size_bytes": value.stat().st_size}


class DirectoryMaterializer(BuiltinMaterializer[Path]):
    """Keeps a directory tree. A loaded path lies in a directory of this process."""

    id = "argosy.directory"
    types = (Path,)
    format = "directory"

    def save(self, value: Path, files: FileSink) -> None:
        """Refer to every file of the tree; they are read when they are sent.

        Raises:
            MaterializerError: the tree holds links, special files or names no store can keep.
        """
        _check_exact(value)
        if not stat.S_ISDIR(_mode(value, follow=True)):
            raise CannotKeepError(f"{value} is no directory")
        root = value.resolve()
        found, empty = walk_tree(root)
        name = checked_name(root.name, value) if root.name else "root"
        for relative in found:
            files.write_file(f"{CONTENT}/{relative}", Path(f"{root}/{relative}"))
        manifest: dict[str, JSON] = {"name": name, "empty_directories": [*empty]}
        write_document(manifest, files, MANIFEST)

    def load(self, files: FileSource, as_type: type[Path] | None) -> Path:
        """Write the tree below a fresh directory and return its path.

        Raises:
            MaterializerError: the manifest is malformed, or a name would leave the directory.
        """
        manifest = read_document(files, MANIFEST)
        name, empty = manifest.get("name"), manifest.get("empty_directories")
        if not isinstance(name, str) or "/" in name or not isinstance(empty, list):
            raise MaterializerError(f"{MANIFEST} must hold a name and a list of empty directories, got {manifest!r}")
        content = files.child(CONTENT)
        for relative in (name, *empty, *content.paths):
            checked_relative(relative)
        directory = fresh_directory() / name
        directory.mkdir()
        content.fetch(directory)
        for relative in empty:
            (directory / relative).mkdir(parents=True, exist_ok=True)
        return directory

    def extract_metadata(self, value: Path) -> dict[str, JSON]:
        """Return the number of files and their size in bytes."""
        found, _ = walk_tree(value.resolve())
        return {"files": len(found), "size_bytes": sum(os.stat(f"{value}/{relative}").st_size for relative in found)}


def _check_exact(value: Path) -> None:
    # PosixPath or WindowsPath: what Path() makes; anything else is somebody's subclass.
    if type(value) is not type(Path()):
        raise CannotKeepError(f"{type(value).__qualname__} is a subclass of Path, which would come back as a Path")


def _mode(path: Path, *, follow: bool) -> int:
    try:
        return os.stat(path, follow_symlinks=follow).st_mode
    except OSError as error:
        raise MaterializerError(
            f"{path} cannot be read ({error.strerror}); a Path is kept by the content it points to, "
            f"so it must exist (save str(path) to keep the text of it)"
        ) from error


def walk_tree(root: Path) -> tuple[list[str], list[str]]:
    """Return files and empty directories below ``root``, sorted, relative and ``/`` separated."""
    found: list[str] = []
    empty: list[str] = []
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        entries = _entries(root / prefix)
        if not entries and prefix:
            empty.append(prefix[:-1])
        for entry in entries:
            checked_name(entry.name, entry.path)
            if entry.is_symlink():
                raise MaterializerError(
                    f"{entry.path} is a symbolic link to {os.readlink(entry.path)!r}; links are never followed: "
                    f"save a copy of the tree that has the files themselves (cp -rL)"
                )
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{prefix}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                found.append(f"{prefix}{entry.name}")
            else:
                raise MaterializerError(
                    f"{entry.path} is a special file (socket, pipe or device), which has no content"
                )
    return sorted(found), sorted(empty)


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(directory))
    except OSError as error:
        raise MaterializerError(f"{directory} cannot be read: {error.strerror}") from error


def checked_name(name: str, where: object) -> str:
    """Return a file name every store and system can keep.

    Raises:
        MaterializerError: says which rule it breaks.
    """
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise MaterializerError(f"the name of {where!s:.200} is not valid Unicode; rename it") from None
    if name in ("", ".", "..") or length > _NAME_BYTES:
        raise MaterializerError(f"{name!r} is no file name of 1 to {_NAME_BYTES} bytes (at {where!s:.200}); rename it")
    if any(character in "/\\\x7f" or character < " " for character in name):
        raise MaterializerError(f"{name!r} has a slash, backslash or control character; rename it")
    if os.name == "nt" and _NOT_ON_WINDOWS.search(name):
        raise MaterializerError(f"{name!r} is no name of a file on Windows; rename it, or read it on another system")
    return name


def checked_relative(path: object) -> str:
    """Return a relative path every store and system can keep.

    Raises:
        MaterializerError: says which rule it breaks.
    """
    if not isinstance(path, str) or PurePosixPath(path).is_absolute():
        raise MaterializerError(f"{path!r} is no relative path")
    for part in path.split("/"):
        checked_name(part, path)
    return path
