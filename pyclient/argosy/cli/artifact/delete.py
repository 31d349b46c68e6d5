"""``argosy artifact delete``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from argosy.cli.confirmation import YesOption, confirm
from argosy.cli.output import Format, OutputOption, print_document, print_line
from argosy.cli.rules import following
from argosy.cli.selection import AliasOption, NameArgument, find_version, selectors_of
from argosy.cli.store import store_of
from argosy.graph.names import version_problem


def delete_artifact(
    context: typer.Context,
    name: NameArgument,
    version: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Option("--version", "-v", help="This version.", callback=following(version_problem)),
    ] = None,
    alias: AliasOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also a version that runs made or used, or an alias points at.")
    ] = False,
    yes: YesOption = False,
    output: OutputOption = Format.table,
) -> None:
    """Delete one version, named exactly, after asking. Its label stays taken and its lineage still answers.

    An alias names the version it points at, which only --force deletes, and the alias with it.

    \b
    Examples:
      argosy artifact delete model@3
      argosy artifact delete 0b7c9a52-6c0b-4a7e-9d3f-1f2e3d4c5b6a --force --yes
    Many at once: argosy artifact prune
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    exact = [it for it in selectors_of(name, version, alias) if it.id or it.version or it.alias]
    if not exact:
        raise typer.BadParameter(
            "a name alone would delete whatever is the latest; write NAME@VERSION, NAME@ALIAS or an id",
            param_hint="name",
        )
    connection = store_of(context).connect()
    found = find_version(connection, exact)
    if not yes:
        confirm(
            f"delete {found.name} {found.version}?", "nothing was deleted, for nobody can be asked here; pass --yes"
        )
    connection.artifacts.delete_artifact_version(found.id, force=force)
    if output is Format.table:
        print_line(f"{found.name} {found.version} is deleted")
    else:
        print_document({"name": found.name, "version": found.version, "id": found.id}, output)
