"""Places outside of the store that an artifact may refer to: which are allowed, what lies there, and reading it.

Only the client goes there. Which schemes it may follow is a setting, checked where a reference is made and again where
it is followed. ``file`` is read by ourselves, every other scheme by fsspec. A link in the place of a file is never
followed. One in the place of a folder above it is, as on any path; what is read is held to its digest all the same.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from argosy.config import resolve
from argosy.errors import MaterializerError, NotFoundError
from argosy.materializers.path import checked_name, checked_relative, walk_tree

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class Place:
    """What lies at a location.

    Attributes:
        name: the last part of it.
        is_directory: whether it is a directory.
        files: path inside the directory, or the name of the one file -> URI.
        empty_directories: directories without files.
    """

    name: str
    is_directory: bool
    files: Mapping[str, str]
    empty_directories: Sequence[str] = ()


def is_uri(location: object) -> bool:
    """Tell whether a location is a URI, not a path."""
    return isinstance(location, str) and _SCHEME.match(location) is not None


def look_at(location: str | os.PathLike[str]) -> Place:
    """Return what lies at a path or URI.

    Raises:
        MaterializerError: its scheme is not allowed, it is a link or special file, or it says more than a place.
        NotFoundError: nothing lies there.
    """
    if not isinstance(location, str) or not is_uri(location):
        return _look_at_path(Path(location))
    if _checked(location) == "file":
        return _look_at_path(_local_path(location))
    return _look_at_remote(location)


def open_uri(uri: str) -> BinaryIO:
    """Open a file for reading from its beginning to its end.

    Raises:
        MaterializerError: its scheme is not allowed, or it is no plain file.
        NotFoundError: nothing lies there any more.
    """
    if _checked(uri) == "file":
        return _open_local(_local_path(uri))
    files, path = _file_system(uri)
    try:
        return cast("BinaryIO", files.open(path, "rb"))
    except FileNotFoundError:
        raise _gone(uri) from None


def _checked(uri: str) -> str:
    """Return the scheme of a URI that may be followed."""
    found = _SCHEME.match(uri)
    scheme = found[1].lower() if found else ""
    allowed = resolve().reference_schemes
    if scheme not in allowed:
        more, some = ",".join([*allowed, scheme]), ", ".join(allowed) or "none"
        raise MaterializerError(
            f"{_shown(uri)}: the scheme {scheme!r} is not among those references may have ({some}); "
            f"to allow it set ARGOSY_REFERENCE_SCHEMES={more}, where it is registered and where it is loaded"
        )
    parts = urlsplit(uri)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise MaterializerError(
            f"{_shown(uri)} has a user, a query or a fragment, which may be credentials and would be kept for all to "
            "read; leave them out, and give credentials to the environment"
        )
    if "::" in uri or "\\" in uri or not uri.isprintable():
        raise MaterializerError(f"{_shown(uri)} has '::', a backslash or unprintable characters; write a plain URI")
    if any(part in {".", ".."} for part in unquote(parts.path).split("/")):
        raise MaterializerError(f"{_shown(uri)} has a '.' or '..' part; write the place it leads to")
    return scheme


def _shown(uri: str) -> str:
    """Return a URI without what may be secret, for messages."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:200]


def _gone(place: object) -> NotFoundError:
    return NotFoundError(f"{place} does not exist; what is registered by reference is found only where it lies")


def _local_path(uri: str) -> Path:
    parts = urlsplit(uri)
    if parts.netloc not in {"", "localhost"}:
        raise MaterializerError(f"{_shown(uri)} names the host {parts.netloc!r}; write file:///path for this machine")
    path = Path(url2pathname(parts.path))
    if not path.is_absolute():
        raise MaterializerError(f"{_shown(uri)} is no absolute path; write file:///path")
    return path


def _look_at_path(path: Path) -> Place:
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise _gone(path) from None
    except OSError as error:
        raise MaterializerError(f"{path} cannot be read: {error.strerror}") from error
    if stat.S_ISLNK(mode):
        raise MaterializerError(
            f"{path} is a symbolic link to {os.readlink(path)!r}, which may lead elsewhere tomorrow; register what it "
            "leads to"
        )
    place = path.resolve()
    name = checked_name(place.name, path) if place.name else "root"
    if stat.S_ISREG(mode):
        return Place(name, False, {name: place.as_uri()})
    if not stat.S_ISDIR(mode):
        raise MaterializerError(f"{path} is neither a file nor a directory, so it has no content to refer to")
    found, empty = walk_tree(place)
    return Place(name, True, {relative: (place / relative).as_uri() for relative in found}, empty)


def _open_local(path: Path) -> BinaryIO:
    try:
        descriptor = os.open(path, _OPEN)
    except (FileNotFoundError, NotADirectoryError):
        raise _gone(path) from None
    except OSError as error:
        link = " (it is a symbolic link now, which is never followed)" if path.is_symlink() else ""
        raise MaterializerError(f"{path} cannot be read: {error.strerror}{link}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise MaterializerError(f"{path} is no plain file, so it has no content to read")
    return os.fdopen(descriptor, "rb")


def _look_at_remote(uri: str) -> Place:
    files, path = _file_system(uri)
    try:
        is_directory = files.info(path)["type"] == "directory"
        found = files.find(path) if is_directory else [path]
    except FileNotFoundError:
        raise _gone(uri) from None
    name = checked_name(path.rstrip("/").rpartition("/")[2], uri)
    if not is_directory:
        return Place(name, False, {name: uri})
    cut = len(path.rstrip("/")) + 1
    return Place(name, True, {checked_relative(one[cut:]): f"{uri.rstrip('/')}/{one[cut:]}" for one in sorted(found)})


def _file_system(uri: str) -> tuple[Any, str]:
    """Return what reads a scheme, and what it calls the place.

    Raises:
        MaterializerError: nothing installed here reads the scheme.
    """
    try:
        from fsspec.core import url_to_fs

        files, path = url_to_fs(uri)
    except (ImportError, ValueError) as error:
        scheme = uri.partition("://")[0]
        raise MaterializerError(
            f"{_shown(uri)}: nothing installed here reads {scheme!r} ({error}); install fsspec and what it needs for it"
        ) from error
    return files, path
