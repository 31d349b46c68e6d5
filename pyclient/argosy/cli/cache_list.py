"""``argosy cache list``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from argosy.cli.output import Format, OutputOption, format_bytes, format_time, print_json, print_note, print_table
from argosy.cli.paging import LimitOption, take
from argosy.cli.rules import following
from argosy.cli.store import store_of
from argosy.graph.names import name_problem

if TYPE_CHECKING:
    from argosy.cli.documents import Document
    from argosy.transport.connection import Connection

_LOOKED_AT = 1_000
StepOption = Annotated[
    Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
    typer.Option("--step", help="Only runs of this step.", callback=following(name_problem)),
]
PipelineOption = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option("--pipeline", help="Only steps of runs of this pipeline.", callback=following(name_problem)),
]


def list_cache(
    context: typer.Context,
    step: StepOption = None,
    pipeline: PipelineOption = None,
    limit: LimitOption = 20,
    output: OutputOption = Format.table,
) -> None:
    """List the step runs whose outputs may be reused, newest first.

    \b
    Examples:
      argosy cache list
      argosy cache list --step fit --pipeline training
      argosy cache list -n 1000 -o json | jq 'map(.size_bytes) | add'
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    connection = store_of(context).connect()
    from argosy.cli.documents import cache_document

    def fetch(size: int, token: str) -> tuple[list[Document], str]:
        page = connection.pipelines.list_cache_entries(
            step_name=step or "", pipeline_name=pipeline or "", page_size=size, page_token=token
        )
        return [cache_document(entry) for entry in page.entries], page.next_page_token

    documents, more = take(fetch, limit)
    if output is Format.json:
        print_json(documents)
    elif documents:
        print_entries(documents)
    else:
        print_note(f"no step run that may be reused in project {connection.project} of {connection.address}")
        note_near_names(connection, step, pipeline)
    if more:
        print_note(f"there are more than {limit}; raise --limit to see them")


def note_near_names(connection: Connection, step: str | None, pipeline: str | None) -> None:
    """Tell which names of the newest step runs that may be reused are like those of which there are none."""
    from argosy.graph.near_matches import did_you_mean

    if not (step or pipeline):
        return
    entries = connection.pipelines.list_cache_entries(page_size=_LOOKED_AT).entries
    names = {"step": {entry.step_name for entry in entries}, "pipeline": {entry.pipeline_name for entry in entries}}
    for what, name in (("step", step), ("pipeline", pipeline)):
        if name and name not in names[what]:
            print_note(f"there are none of {what} {name!r}{did_you_mean(name, names[what])}")


def print_entries(documents: Iterable[Document]) -> None:
    """Print step runs as a table."""
    rows = [
        [
            document["invocation"],
            document["pipeline"],
            document["run"],
            format_time(document["ended"]),
            str(document["hit_count"]),
            format_bytes(document["size_bytes"]),
            document["id"],
        ]
        for document in documents
    ]
    print_table(["STEP", "PIPELINE", "RUN", "ENDED", "HITS", "SIZE", "ID"], rows, right=("HITS", "SIZE"))
