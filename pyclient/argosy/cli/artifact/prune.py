"""``argosy artifact prune``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from argosy.cli.confirmation import YesOption, confirm
from argosy.cli.moments import moment_problem, parse_moment
from argosy.cli.output import (
    Column,
    Format,
    OutputOption,
    format_bytes,
    format_time,
    print_document,
    print_documents,
    print_line,
    print_note,
)
from argosy.cli.rules import following
from argosy.cli.selection import PipelineFilter, TagFilter
from argosy.cli.store import store_of
from argosy.cli.stored_names import artifact_names
from argosy.graph.names import name_problem

if TYPE_CHECKING:
    from argosy.cli.documents import Document
    from argosy.v1.pruning_pb2 import PruneArtifactVersionsResponse

SHOWN = 20
_COLUMNS = (
    Column("name"),
    Column("version"),
    Column("size_bytes", "SIZE", format_bytes, right=True),
    Column("created", text=format_time),
)


def prune_artifacts(
    context: typer.Context,
    name: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Option(
            help="Only versions of this artifact.", callback=following(name_problem), autocompletion=artifact_names
        ),
    ] = None,
    pipeline: PipelineFilter = None,
    tag: TagFilter = None,
    created_before: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(
            metavar="MOMENT",
            help="Only older ones: 2026-01-31, or 30d for 30 days ago.",
            callback=following(moment_problem),
        ),
    ] = None,
    keep_latest: Annotated[
        int, typer.Option(min=0, metavar="N", help="The newest N versions of each artifact stay.")
    ] = 0,
    include_used: Annotated[
        bool, typer.Option("--include-used", help="Take those too that runs made or used.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    yes: YesOption = False,
    output: OutputOption = Format.table,
) -> None:
    """Delete versions by rule, after telling which.

    All parts of the rule hold together. A version an alias points at is never taken.

    \b
    Examples:
      argosy artifact prune --name checkpoint --keep-latest 3 --dry-run
      argosy artifact prune --tag scratch --created-before 30d --yes
      argosy artifact prune --pipeline nightly --keep-latest 10 --include-used --yes
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    if not (name or pipeline or tag or created_before or keep_latest):
        raise typer.BadParameter(
            "every version would be meant; pass --name, --pipeline, --tag, --created-before or --keep-latest"
        )
    if dry_run and yes:
        raise typer.BadParameter("--dry-run only tells, --yes does; pass one of them")
    artifacts = store_of(context).connect().artifacts
    before = None if created_before is None else parse_moment(created_before)

    def ask(token: str) -> PruneArtifactVersionsResponse:
        return artifacts.prune_artifact_versions(
            name=name or "",
            pipeline_name=pipeline or "",
            tag=tag or "",
            created_until=before,
            keep_latest=keep_latest,
            include_used=include_used,
            plan=token,
        )

    plan = ask("")
    if output is Format.table:
        _print(plan)
    goes = bool(plan.version_count) and not dry_run
    if goes and not yes:
        confirm(
            f"delete these {plan.version_count} versions?",
            "nothing was deleted, for nobody can be asked here; pass --yes, or --dry-run",
        )
    if goes:
        ask(plan.plan)
        print_note(f"{plan.version_count} versions are deleted")
    if output in {Format.jsonl, Format.csv}:
        print_documents(_document(plan)["versions"], _COLUMNS, output)
    elif output is Format.json:
        print_document({**_document(plan), "deleted": goes}, output)


def _document(plan: PruneArtifactVersionsResponse) -> Document:
    from argosy.cli.documents import version_document

    return {
        "version_count": plan.version_count,
        "size_bytes": plan.size_bytes,
        "used_count": plan.used_count,
        "aliased_count": plan.aliased_count,
        "versions": [version_document(version) for version in plan.artifact_versions],
    }


def _print(plan: PruneArtifactVersionsResponse) -> None:
    shown = _document(plan)["versions"][:SHOWN]
    print_documents(shown, _COLUMNS)
    if plan.version_count > len(shown):
        print_line(f"… and {plan.version_count - len(shown)} more")
    print_line(f"{plan.version_count} versions of {format_bytes(plan.size_bytes)} match")
    if plan.used_count:
        print_line(f"{plan.used_count} more stay because runs made or used them (--include-used)")
    if plan.aliased_count:
        print_line(f"{plan.aliased_count} more stay because an alias points at them")
