"""``argosy artifact list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from argosy.cli.output import Format, OutputOption, format_bytes, format_time, print_json, print_note, print_table
from argosy.cli.paging import LimitOption, take
from argosy.cli.rules import following, text_problem
from argosy.cli.store import store_of
from argosy.graph.names import name_problem

if TYPE_CHECKING:
    from argosy.cli.documents import Document
    from argosy.transport.connection import Connection


def list_artifacts(
    context: typer.Context,
    contains: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Argument(
            help="Only names that contain this, or with --versions exactly this name.", callback=following(text_problem)
        ),
    ] = None,
    all_names: Annotated[bool, typer.Option("--all", "-a", help="Also step outputs without a name.")] = False,
    versions: Annotated[bool, typer.Option("--versions", help="One row a version, newest first.")] = False,
    tag: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(help="With --versions: only those with this tag.", callback=following(text_problem)),
    ] = None,
    pipeline: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(help="With --versions: only those this pipeline made.", callback=following(name_problem)),
    ] = None,
    limit: LimitOption = 100,
    output: OutputOption = Format.table,
) -> None:
    """List artifacts, each with its latest version.

    \b
    Examples:
      argosy artifact list                        every name
      argosy artifact list dataset                names that contain "dataset"
      argosy artifact list model --versions       every version of "model"
      argosy artifact list --versions --tag gold  every version with a tag
      argosy artifact list -o json | jq -r '.[].name'
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    if (tag or pipeline) and not versions:
        raise typer.BadParameter("--tag and --pipeline select versions; add --versions")
    if all_names and versions:
        raise typer.BadParameter("--all is about names, --versions lists every version anyway; pass one of them")
    if versions and contains is not None and (problem := name_problem(contains)):
        raise typer.BadParameter(problem, param_hint="contains")
    connection = store_of(context).connect()
    if versions:
        documents, more = _versions(connection, contains or "", tag or "", pipeline or "", limit)
    else:
        documents, more = _names(connection, contains or "", all_names, limit)
    if output is Format.json:
        print_json(documents)
    elif documents:
        _print(documents)
    else:
        print_note(f"nothing found in project {connection.project} of {connection.address}")
    if more:
        print_note(f"there are more than {limit}; raise --limit to see them")


def _names(connection: Connection, contains: str, unnamed: bool, limit: int) -> tuple[list[Document], bool]:
    from argosy.cli.documents import version_document

    def fetch(size: int, token: str) -> tuple[list[Document], str]:
        page = connection.artifacts.list_artifacts(
            name_contains=contains, include_unnamed=unnamed, page_size=size, page_token=token
        )
        return [
            {**version_document(summary.latest), "version_count": summary.version_count} for summary in page.artifacts
        ], page.next_page_token

    return take(fetch, limit)


def _versions(connection: Connection, name: str, tag: str, pipeline: str, limit: int) -> tuple[list[Document], bool]:
    from argosy.cli.documents import version_document

    def fetch(size: int, token: str) -> tuple[list[Document], str]:
        page = connection.artifacts.list_artifact_versions(
            name=name, tag=tag, pipeline_name=pipeline, page_size=size, page_token=token
        )
        return [version_document(version) for version in page.artifact_versions], page.next_page_token

    return take(fetch, limit)


def _print(documents: list[Document]) -> None:
    counted = "version_count" in documents[0]
    columns = ["NAME", "VERSION", *(["VERSIONS"] if counted else []), "FORMAT", "SIZE", "CREATED", "ALIASES", "TAGS"]
    rows = [
        [
            document["name"],
            document["version"],
            *([str(document["version_count"])] if counted else []),
            document["format"],
            format_bytes(document["size_bytes"]),
            format_time(document["created"]),
            ", ".join(document["aliases"]),
            ", ".join(document["tags"]),
        ]
        for document in documents
    ]
    print_table(columns, rows, right=("VERSIONS", "SIZE"))
