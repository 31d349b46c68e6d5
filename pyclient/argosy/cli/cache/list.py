"""``argosy cache list``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from argosy.cli.output import (
    Column,
    ColumnsOption,
    Format,
    OutputOption,
    chosen_keys,
    format_bytes,
    format_time,
)
from argosy.cli.paging import LimitOption, print_list
from argosy.cli.rules import following
from argosy.cli.store import store_of
from argosy.cli.stored_names import pipeline_names
from argosy.graph.names import name_problem

if TYPE_CHECKING:
    from argosy.cli.documents import Document
    from argosy.transport.connection import Connection

_LOOKED_AT = 1_000
ENTRY_COLUMNS = (
    Column("invocation", "STEP"),
    Column("pipeline"),
    Column("run"),
    Column("ended", text=format_time),
    Column("hit_count", "HITS", right=True),
    Column("size_bytes", "SIZE", format_bytes, right=True),
    Column("id"),
)
StepOption = Annotated[
    Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
    typer.Option("--step", help="Only runs of this step.", callback=following(name_problem)),
]
PipelineOption = Annotated[
    Optional[str],  # noqa: UP045 - as above
    typer.Option(
        "--pipeline",
        help="Only steps of runs of this pipeline.",
        callback=following(name_problem),
        autocompletion=pipeline_names,
    ),
]


def list_cache(
    context: typer.Context,
    step: StepOption = None,
    pipeline: PipelineOption = None,
    limit: LimitOption = 20,
    output: OutputOption = Format.table,
    columns: ColumnsOption = None,
) -> None:
    """List the step runs whose outputs may be reused, newest first.

    \b
    Examples:
      argosy cache list
      argosy cache list --step fit --pipeline training
      argosy cache list -n 1000 -o json | jq 'map(.size_bytes) | add'
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    from argosy.cli.documents import CACHE_KEYS, cache_document

    chosen = chosen_keys(columns, CACHE_KEYS)
    connection = store_of(context).connect()

    def fetch(size: int, token: str) -> tuple[list[Document], str]:
        page = connection.pipelines.list_cache_entries(
            step_name=step or "", pipeline_name=pipeline or "", page_size=size, page_token=token
        )
        return [cache_document(entry) for entry in page.entries], page.next_page_token

    print_list(fetch, limit, ENTRY_COLUMNS, output, chosen, nothing=_nothing(connection, step, pipeline))


def _nothing(connection: Connection, step: str | None, pipeline: str | None) -> Iterator[str]:
    yield f"no step run that may be reused in project {connection.project} of {connection.address}"
    yield from near_names(connection, step, pipeline)


def near_names(connection: Connection, step: str | None, pipeline: str | None) -> Iterator[str]:
    """Yield which names of the newest step runs that may be reused are like those of which there are none."""
    from argosy.graph.near_matches import did_you_mean

    if not (step or pipeline):
        return
    entries = connection.pipelines.list_cache_entries(page_size=_LOOKED_AT).entries
    names = {"step": {entry.step_name for entry in entries}, "pipeline": {entry.pipeline_name for entry in entries}}
    for what, name in (("step", step), ("pipeline", pipeline)):
        if name and name not in names[what]:
            yield f"there are none of {what} {name!r}{did_you_mean(name, names[what])}"
