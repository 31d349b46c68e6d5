"""``argosy cache evict``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from argosy.cli.cache.list import ENTRY_COLUMNS, PipelineOption, StepOption, near_names
from argosy.cli.confirmation import YesOption, confirm
from argosy.cli.moments import moment_problem, parse_moment
from argosy.cli.output import (
    Format,
    OutputOption,
    format_bytes,
    print_document,
    print_documents,
    print_line,
    print_note,
)
from argosy.cli.rules import following
from argosy.cli.store import store_of
from argosy.graph.names import id_problem

if TYPE_CHECKING:
    from argosy.cli.documents import Document
    from argosy.transport.connection import Connection

SHOWN = 20


def _id_problem(text: str) -> str | None:
    """Tell what is wrong with the id of a step run."""
    if id_problem(text) is None:
        return None
    return f"{text[:80]!r} is no id of a step run; see `argosy cache list`, or name its step with --step"


def evict_cache(
    context: typer.Context,
    ids: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Argument(metavar="[ID]...", help="Only these step runs.", callback=following(_id_problem)),
    ] = None,
    step: StepOption = None,
    pipeline: PipelineOption = None,
    ended_before: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(
            metavar="MOMENT",
            help="Only older ones: 2026-01-31, or 30d for 30 days ago.",
            callback=following(moment_problem),
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of the project.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    yes: YesOption = False,
    output: OutputOption = Format.table,
) -> None:
    """Let step runs be reused no more, after telling which. What they made stays.

    \b
    Examples:
      argosy cache evict --step fit --dry-run
      argosy cache evict --pipeline training --ended-before 30d --yes
      argosy cache evict --all
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    if not (ids or step or pipeline or ended_before or everything):
        raise typer.BadParameter(
            "nothing is said about which step runs; pass their ids, --step, --pipeline, --ended-before or --all"
        )
    if dry_run and yes:
        raise typer.BadParameter("--dry-run only tells, --yes does; pass one of them")
    connection = store_of(context).connect()
    before = None if ended_before is None else parse_moment(ended_before)
    wanted = [text.lower() for text in ids or ()]
    entries = _entries(connection, wanted, step or "", pipeline or "", before)
    if output is Format.table:
        _print(entries)
    _note_unknown(connection, wanted, step, pipeline, entries)
    evicted = 0
    if entries and not dry_run:
        if not yes:
            confirm(
                f"evict {_counted(len(entries))}?",
                "nothing was evicted, for nobody can be asked here; pass --yes, or --dry-run",
            )
        evicted = connection.pipelines.evict_cache(step_run_ids=[entry["id"] for entry in entries])
        print_note(f"{_counted(evicted)} will be reused no more")
    if output is Format.json:
        print_document({"entries": entries, "evicted": evicted}, output)
    elif output is not Format.table:
        print_documents(entries, ENTRY_COLUMNS, output)


def _entries(
    connection: Connection, ids: list[str], step: str, pipeline: str, before: datetime | None
) -> list[Document]:
    from argosy.cli.documents import cache_document
    from argosy.transport.clients.pages import all_pages

    pages = all_pages(
        lambda token: connection.pipelines.list_cache_entries(step_name=step, pipeline_name=pipeline, page_token=token)
    )
    documents = [cache_document(entry) for page in pages for entry in page.entries]
    return [
        document
        for document in documents
        if (not ids or document["id"] in ids) and (before is None or datetime.fromisoformat(document["ended"]) < before)
    ]


def _note_unknown(
    connection: Connection, ids: list[str], step: str | None, pipeline: str | None, entries: list[Document]
) -> None:
    """Tell which ids are not among what was found, or else which names may have been meant where nothing was."""
    for text in sorted(set(ids) - {entry["id"] for entry in entries}):
        print_note(f"{text} is not among the step runs that are meant and may be reused")
    if not entries and not ids:
        for text in near_names(connection, step, pipeline):
            print_note(text)


def _counted(count: int) -> str:
    return "1 step run" if count == 1 else f"{count} step runs"


def _print(entries: list[Document]) -> None:
    print_documents(entries[:SHOWN], ENTRY_COLUMNS)
    if len(entries) > SHOWN:
        print_line(f"… and {len(entries) - SHOWN} more")
    size = format_bytes(sum(entry["size_bytes"] for entry in entries))
    print_line(f"{_counted(len(entries))} of {size} found; what was made stays")
