"""``argosy pipeline list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from argosy.cli.output import (
    Column,
    ColumnsOption,
    Format,
    OutputOption,
    chosen_keys,
    format_duration,
    format_time,
)
from argosy.cli.paging import LimitOption, print_list
from argosy.cli.store import store_of

if TYPE_CHECKING:
    from argosy.cli.documents import Document

_COLUMNS = (
    Column("name"),
    Column("run_count", "RUNS", right=True),
    Column("latest_run.name", "LATEST RUN"),
    Column("latest_run.status"),
    Column("latest_run.started", text=format_time),
    Column("latest_run.seconds", text=format_duration, right=True),
)


def list_pipelines(
    context: typer.Context,
    limit: LimitOption = 100,
    output: OutputOption = Format.table,
    columns: ColumnsOption = None,
) -> None:
    """List pipelines by name, each with its most recent run.

    \b
    Examples:
      argosy pipeline list
      argosy pipeline list -o json | jq -r '.[] | select(.latest_run.status == "failed") | .name'
      argosy pipeline list --columns name,latest_run.status,entry_point
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    from argosy.cli.documents import PIPELINE_KEYS, pipeline_document

    chosen = chosen_keys(columns, PIPELINE_KEYS)
    connection = store_of(context).connect()

    def fetch(size: int, token: str) -> tuple[list[Document], str]:
        page = connection.pipelines.list_pipelines(page_size=size, page_token=token)
        return [pipeline_document(summary) for summary in page.pipelines], page.next_page_token

    nothing = [f"no pipeline has run in project {connection.project} of {connection.address}"]
    print_list(fetch, limit, _COLUMNS, output, chosen, nothing=nothing)
