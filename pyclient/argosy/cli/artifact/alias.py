"""``argosy artifact alias``."""

from __future__ import annotations

from typing import Annotated

import typer

from argosy.cli.output import Format, OutputOption, print_document, print_line
from argosy.cli.rules import following
from argosy.cli.selection import AliasOption, NameArgument, PipelineOption, VersionOption, chosen_selector, selectors_of
from argosy.cli.store import store_of
from argosy.cli.stored_names import alias_names
from argosy.graph.names import alias_problem, id_problem


def alias_artifact(
    context: typer.Context,
    name: NameArgument,
    new: Annotated[
        str,
        typer.Argument(
            metavar="ALIAS", help="The alias to move.", callback=following(alias_problem), autocompletion=alias_names
        ),
    ],
    version: VersionOption = None,
    alias: AliasOption = None,
    pipeline: PipelineOption = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the alias instead; the version stays.")] = False,
    output: OutputOption = Format.table,
) -> None:
    """Point an alias at a version, wherever it pointed before.

    \b
    Examples:
      argosy artifact alias model prod            the latest version
      argosy artifact alias model@3 prod          back to version 3
      argosy artifact alias model@staging prod    what passed staging goes to production
      argosy artifact alias model old --remove
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    selectors = selectors_of(name, version, alias, pipeline)
    if remove and (id_problem(name) is None or {version, alias, pipeline} != {None}):
        raise typer.BadParameter("an alias is removed by its name and that of the artifact alone: NAME ALIAS --remove")
    connection = store_of(context).connect()
    if remove:
        connection.artifacts.delete_alias(name, new)
        document = {"name": name, "alias": new, "version": None, "id": None}
        said = f"{new} of {name} is removed"
    else:
        version_now = connection.artifacts.set_alias(new, chosen_selector(connection, selectors))
        document = {"name": version_now.name, "alias": new, "version": version_now.version, "id": version_now.id}
        said = f"{new} of {version_now.name} points at version {version_now.version}"
    if output is Format.table:
        print_line(said)
    else:
        print_document(document, output)
