"""``argosy artifact get``: a version's files, verified, in a directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from argosy.cli.output import Format, OutputOption, print_json, print_line
from argosy.cli.rules import empty_problem, following
from argosy.cli.selection import AliasOption, NameArgument, PipelineOption, VersionOption, selector_of
from argosy.cli.store import store_of

if TYPE_CHECKING:
    from argosy.transport.download import DownloadedVersion
    from argosy.transport.fetch import FolderWriter


def get_artifact(
    context: typer.Context,
    name: NameArgument,
    version: VersionOption = None,
    alias: AliasOption = None,
    pipeline: PipelineOption = None,
    directory: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Option(
            "--directory",
            "-d",
            metavar="DIRECTORY",
            help="Where to; made when it is not there. Default: ./NAME-VERSION",
            callback=following(empty_problem),
        ),
    ] = None,
    output: OutputOption = Format.table,
) -> None:
    """Write the files of a version to a directory and print its path.

    Every byte is verified. Nothing is overwritten; when something fails, no file is left. A directory
    that was put comes back as it was; everything else as the files of its format.

    \b
    Examples:
      argosy artifact get model --alias prod -d ./model
      argosy artifact get report --version 3
      cat "$(argosy artifact get settings -d settings)/data.json"
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    selector = selector_of(name, version, alias, pipeline)
    connection = store_of(context).connect()
    from argosy.execution.transfer_progress import shown
    from argosy.transport.download import open_version
    from argosy.transport.fetch import FolderWriter

    with shown(f"getting {name}") as progress, open_version(connection, selector, progress) as source:
        found = source.version
        target = Path(directory or f"{found.name.replace('/', '-').replace('::', '-')}-{found.version}")
        with FolderWriter(target) as folder:
            _write_tree(source, folder)
        target.mkdir(parents=True, exist_ok=True)
    if output is Format.json:
        directory_text = str(target.resolve())
        paths = [path.relative_to(target).as_posix() for path in folder.written]
        print_json({"name": found.name, "version": found.version, "directory": directory_text, "files": paths})
    else:
        print_line(str(target.resolve()))


def _write_tree(source: DownloadedVersion, folder: FolderWriter) -> None:
    """Write all files, and the empty directories of a tree.

    Raises:
        CorruptDataError: bytes do not match their digest, or a path leads out of the folder.
        FileExistsError: a file is there already.
        MaterializerError: the tree was written by something that does not know its format.
    """
    from argosy.errors import MaterializerError
    from argosy.materializers.json_family import read_document
    from argosy.materializers.path import CONTENT, MANIFEST, DirectoryMaterializer

    is_tree = source.version.format == DirectoryMaterializer.format
    content = source.child(CONTENT) if is_tree else source
    for path in content.paths:
        with content.open(path) as stream:
            folder.write(path, stream)
    if not is_tree:
        return
    manifest = read_document(source, MANIFEST)
    empty = manifest.get("empty_directories") if isinstance(manifest, dict) else None
    if not isinstance(empty, list) or not all(isinstance(path, str) for path in empty):
        raise MaterializerError(f"{MANIFEST} of version {source.version.id} does not list its empty directories")
    for path in empty:
        folder.make_directory(path)
