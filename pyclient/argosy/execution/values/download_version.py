"""Writes the files of a version to a directory, all of them or none."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from argosy.errors import MaterializerError, ParameterError
from argosy.execution.values.placed_folder import placed_folder, refuse_present
from argosy.execution.views.transfer_progress import Show, shown
from argosy.materializers.json_family.document import read_document
from argosy.materializers.path import CONTENT, MANIFEST, DirectoryMaterializer
from argosy.materializers.reference import FORMAT, read_reference
from argosy.transport.download.open_version import open_version

if TYPE_CHECKING:
    from argosy.transport.connection import Connection
    from argosy.transport.download.open_version import DownloadedVersion
    from argosy.v1.artifact_pb2 import ArtifactVersion, VersionSelector


@dataclass(frozen=True)
class Downloaded:
    """What was written.

    Attributes:
        version: the version.
        directory: where.
        files: its files, relative to the directory.
    """

    version: ArtifactVersion
    directory: Path
    files: Sequence[str]


def checked_directory(given: object) -> Path:
    """Return the directory somebody wants files in.

    Raises:
        ParameterError: it is no path, or an empty one.
    """
    path = os.fspath(given) if isinstance(given, (str, os.PathLike)) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise ParameterError(f"download takes the path of a directory ('.' is the current one), got {given!r}")
    return Path(path)


def download_version(
    connection: Connection,
    selector: VersionSelector,
    directory: Path | None = None,
    *,
    overwrite: bool = False,
    label: str = "",
    show: Show = shown,
) -> Downloaded:
    """Write the files of a version, verified, below a directory.

    A directory that was saved comes back as it was, what was registered by reference from where it lies, and
    everything else as the files of its format.

    Args:
        connection: the store.
        selector: which version.
        directory: where to; by default ``./NAME-VERSION``.
        overwrite: whether files of the same names are replaced.
        label: what a progress bar calls it; by default its name.
        show: lets the transfer be seen.

    Raises:
        NotFoundError: nothing matches, or what was registered by reference is gone.
        CorruptDataError: bytes do not match their digest.
        FileExistsError: a file of the same name is there; nothing of the version is left.
    """
    with (
        show(label or selector.name or selector.id, None) as progress,
        open_version(connection, selector, progress) as source,
    ):
        version = source.version
        target = directory or Path(f"{version.name.replace('/', '-').replace('::', '-')}-{version.version}")
        tree = _tree_of(source)
        paths = list(tree.files)
        if not overwrite:
            refuse_present(target, paths)
        with placed_folder(target, overwrite=overwrite) as folder:
            for path, opened in tree.files.items():
                with opened() as stream:
                    folder.write(path, stream)
            for path in tree.empty_directories:
                folder.make_directory(path)
    return Downloaded(version, target, paths)


@dataclass(frozen=True)
class _Tree:
    """What is written: how each file is opened, by its path, and which directories have none."""

    files: Mapping[str, Callable[[], AbstractContextManager[BinaryIO]]]
    empty_directories: Sequence[str] = ()


def _tree_of(source: DownloadedVersion) -> _Tree:
    """Return what a version is to people: a directory or what is registered as itself, else the files of its format.

    Raises:
        MaterializerError: it was written by something that does not know its format.
    """
    if source.version.format == FORMAT:
        reference = read_reference(source)
        return _Tree({entry.path: entry.opened for entry in reference.entries}, reference.empty_directories)
    if source.version.format == DirectoryMaterializer.format:
        return _Tree(_files_of(source.child(CONTENT)), _empty_directories(source))
    return _Tree(_files_of(source))


def _files_of(files: DownloadedVersion) -> Mapping[str, Callable[[], AbstractContextManager[BinaryIO]]]:
    return {path: functools.partial(files.open, path) for path in files.paths}


def _empty_directories(source: DownloadedVersion) -> Sequence[str]:
    manifest = read_document(source, MANIFEST)
    empty = manifest.get("empty_directories") if isinstance(manifest, dict) else None
    if not isinstance(empty, list) or not all(isinstance(path, str) for path in empty):
        raise MaterializerError(f"{MANIFEST} of version {source.version.id} does not list its empty directories")
    return empty
