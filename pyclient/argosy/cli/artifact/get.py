"""``argosy artifact get``: a version's files, verified, in a directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from argosy.cli.output import Format, OutputOption, print_document, print_line
from argosy.cli.rules import empty_problem, following
from argosy.cli.selection import AliasOption, NameArgument, PipelineOption, VersionOption, chosen_selector, selectors_of
from argosy.cli.store import store_of


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
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files of the same names.")] = False,
    output: OutputOption = Format.table,
) -> None:
    """Write the files of a version to a directory and print its path.

    Every byte is verified. Nothing is overwritten unless that is said; when something fails, no file is
    left. A directory that was put comes back as it was, what was registered by reference is copied from
    where it lies, everything else comes as the files of its format.

    \b
    Examples:
      argosy artifact get model@prod -d ./model
      argosy artifact get report@3
      cat "$(argosy artifact get settings -d settings)/data.json"
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    selectors = selectors_of(name, version, alias, pipeline)
    connection = store_of(context).connect()
    from argosy.execution.values.download_version import download_version

    done = download_version(
        connection,
        chosen_selector(connection, selectors),
        Path(directory) if directory else None,
        overwrite=overwrite,
        label=f"getting {name}",
    )
    place = str(done.directory.resolve())
    if output is Format.table:
        print_line(place)
        return
    got = done.version
    print_document({"name": got.name, "version": got.version, "directory": place, "files": done.files}, output)
