"""``argosy artifact delete``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from argosy.cli.confirmation import YesOption, confirm
from argosy.cli.output import Format, OutputOption, print_document, print_line
from argosy.cli.rules import following
from argosy.cli.selection import AliasOption, NameArgument, selector_of
from argosy.cli.store import store_of
from argosy.graph.names import id_problem, version_problem


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

    --alias names the version it points at, which only --force deletes, and the alias with it.

    \b
    Examples:
      argosy artifact delete model --version 3
      argosy artifact delete 0b7c9a52-6c0b-4a7e-9d3f-1f2e3d4c5b6a --force --yes
    Many at once: argosy artifact prune
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    selector = selector_of(name, version, alias, None)
    if id_problem(name) is not None and version is None and alias is None:
        raise typer.BadParameter(
            "a name alone would delete whatever is the latest; pass --version, --alias, or the id of a version",
            param_hint="name",
        )
    artifacts = store_of(context).connect().artifacts
    found = artifacts.get_artifact_version(selector).artifact_version
    if not yes:
        confirm(
            f"delete {found.name} {found.version}?", "nothing was deleted, for nobody can be asked here; pass --yes"
        )
    artifacts.delete_artifact_version(found.id, force=force)
    if output is Format.table:
        print_line(f"{found.name} {found.version} is deleted")
    else:
        print_document({"name": found.name, "version": found.version, "id": found.id}, output)
