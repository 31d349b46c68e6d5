"""``argosy artifact list``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from argosy.cli.artifact.facts import read_facts, texts_instead
from argosy.cli.moments import moment_problem, parse_moment
from argosy.cli.output import (
    Column,
    ColumnsOption,
    Format,
    OutputOption,
    chosen_keys,
    comma_text,
    format_bytes,
    format_time,
)
from argosy.cli.paging import Fetch, LimitOption, print_list
from argosy.cli.rules import empty_problem, following
from argosy.cli.selection import PipelineFilter, TagFilter
from argosy.cli.store import store_of
from argosy.cli.stored_names import artifact_names
from argosy.graph.names import name_problem, text_problem

if TYPE_CHECKING:
    from argosy.cli.documents import Document
    from argosy.transport.connection import Connection

_COUNT = Column("version_count", "VERSIONS", right=True)
_COLUMNS = (
    Column("name"),
    Column("version"),
    _COUNT,
    Column("format"),
    Column("size_bytes", "SIZE", format_bytes, right=True),
    Column("created", text=format_time),
    Column("aliases", text=comma_text),
    Column("tags", text=comma_text),
)


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
            help="Only names that contain this; of versions, exactly this name.",
            callback=following(text_problem),
            autocompletion=artifact_names,
        ),
    ] = None,
    all_names: Annotated[bool, typer.Option("--all", "-a", help="Also step outputs without a name.")] = False,
    versions: Annotated[
        bool, typer.Option("--versions", help="One row a version, newest first; every option below means that too.")
    ] = False,
    name: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(
            help="Only versions of exactly this artifact.",
            callback=following(name_problem),
            autocompletion=artifact_names,
        ),
    ] = None,
    tag: TagFilter = None,
    pipeline: PipelineFilter = None,
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
    columns: ColumnsOption = None,
) -> None:
    """List artifacts with their latest version, or single versions.

    \b
    Examples:
      argosy artifact list                        every name
      argosy artifact list dataset                names that contain "dataset"
      argosy artifact list model --versions       every version of "model"
      argosy artifact list --tag gold --created-after 7d
      argosy artifact list --name model --metadata auc=0.97
      argosy artifact list -o json | jq -r '.[].name'
      argosy artifact list --name model -o csv --columns version,created,metadata.auc
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
    from argosy.cli.documents import VERSION_KEYS

    counted = [] if versions else ["version_count"]
    chosen = chosen_keys(columns, [*VERSION_KEYS, *counted])
    connection = store_of(context).connect()
    fetch = _versions(connection, wanted) if versions else _names(connection, contains or "", all_names)
    shown = [column for column in _COLUMNS if not versions or column is not _COUNT]
    nothing = [
        f"nothing found in project {connection.project} of {connection.address}",
        *(f"where the fact is a text: {option}" for option in texts_instead(metadata or [])),
    ]
    print_list(fetch, limit, shown, output, chosen, nothing=nothing)


def _names(connection: Connection, contains: str, unnamed: bool) -> Fetch:
    from argosy.cli.documents import version_document

    def fetch(size: int, token: str) -> tuple[list[Document], str]:
        page = connection.artifacts.list_artifacts(
            name_contains=contains, include_unnamed=unnamed, page_size=size, page_token=token
        )
        return [
            {**version_document(summary.latest), "version_count": summary.version_count} for summary in page.artifacts
        ], page.next_page_token

    return fetch


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


def _versions(connection: Connection, wanted: VersionFilters) -> Fetch:
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

    return fetch
