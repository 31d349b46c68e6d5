"""``argosy artifact tag``."""

from __future__ import annotations

from typing import Annotated

import typer

from argosy.cli.output import Format, OutputOption, print_document, print_line
from argosy.cli.rules import following
from argosy.cli.selection import AliasOption, NameArgument, PipelineOption, VersionOption, find_version, selectors_of
from argosy.cli.store import store_of
from argosy.graph.names import text_problem


def tag_artifact(
    context: typer.Context,
    name: NameArgument,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="The tags.", callback=following(text_problem))],
    version: VersionOption = None,
    alias: AliasOption = None,
    pipeline: PipelineOption = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take these tags away instead.")] = False,
    output: OutputOption = Format.table,
) -> None:
    """Add tags to a version, or take them away. Those it has then are printed.

    \b
    Examples:
      argosy artifact tag model gold reviewed
      argosy artifact tag model@prod gold
      argosy artifact tag model@3 scratch --remove
    Found again by: argosy artifact list --tag gold
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    selectors = selectors_of(name, version, alias, pipeline)
    connection = store_of(context).connect()
    from argosy.cli.documents import version_document
    from argosy.execution.records.artifact_version import ArtifactVersion
    from argosy.v1.artifact_pb2 import VersionSelector

    found = ArtifactVersion(find_version(connection, selectors), connection)
    changed = found.remove_tags(*tags) if remove else found.add_tags(*tags)
    if output is Format.table:
        shown = ", ".join(changed.tags) or "no tags"
        print_line(f"{changed.name} {changed.version} has {shown}")
    else:
        now = connection.artifacts.get_artifact_version(VersionSelector(id=changed.id)).artifact_version
        print_document(version_document(now), output)
