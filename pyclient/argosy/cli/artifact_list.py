"""``argosy artifact list``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from argosy.cli.facts import read_facts, texts_instead
from argosy.cli.moments import moment_problem, parse_moment
from argosy.cli.output import Format, OutputOption, format_bytes, format_time, print_json, print_note, print_table
from argosy.cli.paging import LimitOption, take
from argosy.cli.rules import empty_problem, following
from argosy.cli.store import store_of
from argosy.graph.names import name_problem, text_problem

if TYPE_CHECKING:
    from argosy.cli.documents import Document
    from argosy.transport.connection import Connection


@dataclass(frozen=True)
class VersionFilters:
    """Which versions are listed; what is empty or ``None`` means any."""

    name: str = ""
    tag: str = ""
    pipeline: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    after: datetime | None = None
    before: datetime | None = None


def list_artifacts(
    context: typer.Context,
    contains: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Argument(
            help="Only names that contain this; of versions, exactly this name.", callback=following(text_problem)
        ),
    ] = None,
    all_names: Annotated[bool, typer.Option("--all", "-a", help="Also step outputs without a name.")] = False,
    versions: Annotated[
        bool, typer.Option("--versions", help="One row a version, newest first; every option below means that too.")
    ] = False,
    name: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(help="Only versions of exactly this artifact.", callback=following(name_problem)),
    ] = None,
    tag: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(help="Only versions with this tag.", callback=following(text_problem)),
    ] = None,
    pipeline: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(help="Only versions that runs of this pipeline made.", callback=following(name_problem)),
    ] = None,
    metadata: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option(
            "--metadata",
            "-m",
            help="KEY=VALUE, the value JSON or else a text: only versions with this fact; may be repeated.",
            callback=following(empty_problem),
        ),
    ] = None,
    created_after: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(
            metavar="MOMENT",
            help="Only later ones: 2026-01-31, or 12h for 12 hours ago.",
            callback=following(moment_problem),
        ),
    ] = None,
    created_before: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(metavar="MOMENT", help="Only earlier ones.", callback=following(moment_problem)),
    ] = None,
    limit: LimitOption = 100,
    output: OutputOption = Format.table,
) -> None:
    """List artifacts, each with its latest version, or single versions by any filters.

    \b
    Examples:
      argosy artifact list                        every name
      argosy artifact list dataset                names that contain "dataset"
      argosy artifact list model --versions       every version of "model"
      argosy artifact list --tag gold --created-after 7d
      argosy artifact list --name model --metadata auc=0.97
      argosy artifact list -o json | jq -r '.[].name'
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    wanted = VersionFilters(
        name=name or "",
        tag=tag or "",
        pipeline=pipeline or "",
        facts=read_facts(metadata or []),
        after=parse_moment(created_after) if created_after else None,
        before=parse_moment(created_before) if created_before else None,
    )
    if wanted != VersionFilters() or versions:
        wanted = _exactly(wanted, contains)
        versions = True
    if all_names and versions:
        raise typer.BadParameter("--all is about names, a list of versions has every one anyway; pass one of them")
    connection = store_of(context).connect()
    if versions:
        documents, more = _versions(connection, wanted, limit)
    else:
        documents, more = _names(connection, contains or "", all_names, limit)
    if output is Format.json:
        print_json(documents)
    elif documents:
        _print(documents)
    else:
        print_note(f"nothing found in project {connection.project} of {connection.address}")
        for option in texts_instead(metadata or []):
            print_note(f"where the fact is a text: {option}")
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


def _exactly(wanted: VersionFilters, name: str | None) -> VersionFilters:
    """Take the argument for the name of an artifact, as a list of versions does.

    Raises:
        typer.BadParameter: it is no name, or there are two.
    """
    if name is None:
        return wanted
    if wanted.name:
        raise typer.BadParameter(
            f"{name!r} and --name both say which artifact; pass one of them", param_hint="contains"
        )
    if problem := name_problem(name):
        raise typer.BadParameter(problem, param_hint="contains")
    return replace(wanted, name=name)


def _versions(connection: Connection, wanted: VersionFilters, limit: int) -> tuple[list[Document], bool]:
    from argosy.cli.documents import version_document
    from argosy.graph.user_metadata import fact_text

    def fetch(size: int, token: str) -> tuple[list[Document], str]:
        page = connection.artifacts.list_artifact_versions(
            name=wanted.name,
            tag=wanted.tag,
            pipeline_name=wanted.pipeline,
            metadata={key: fact_text(fact) for key, fact in wanted.facts.items()},
            created_from=wanted.after,
            created_until=wanted.before,
            page_size=size,
            page_token=token,
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
