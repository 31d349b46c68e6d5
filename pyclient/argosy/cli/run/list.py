"""``argosy run list``."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Optional

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
from argosy.cli.rules import following
from argosy.cli.store import store_of
from argosy.cli.stored_names import pipeline_names
from argosy.graph.names import name_problem

if TYPE_CHECKING:
    from argosy.cli.documents import Document

_COLUMNS = (
    Column("name"),
    Column("pipeline"),
    Column("status"),
    Column("started", text=format_time),
    Column("seconds", text=format_duration, right=True),
)


class Status(str, enum.Enum):
    """The states a run can be in."""

    running = "running"
    completed = "completed"
    failed = "failed"
    cancelled = "cancelled"
    abandoned = "abandoned"


def list_runs(
    context: typer.Context,
    pipeline: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Option(
            help="Only runs of this pipeline.", callback=following(name_problem), autocompletion=pipeline_names
        ),
    ] = None,
    status: Annotated[
        Optional[Status],  # noqa: UP045 - as above
        typer.Option(help="Only runs in this state."),
    ] = None,
    limit: LimitOption = 20,
    output: OutputOption = Format.table,
    columns: ColumnsOption = None,
) -> None:
    """List pipeline runs, newest first.

    \b
    Examples:
      argosy run list
      argosy run list --pipeline training --status failed
      argosy run list -n 1 -o json
      argosy run list -o csv --columns name,status,seconds,parameters.rate
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    from argosy.cli.documents import RUN_KEYS, run_document
    from argosy.v1.pipeline_pb2 import RunState

    chosen = chosen_keys(columns, RUN_KEYS)
    connection = store_of(context).connect()
    state = RunState.Value(f"RUN_STATE_{status.name.upper()}") if status else RunState.RUN_STATE_UNSPECIFIED

    def fetch(size: int, token: str) -> tuple[list[Document], str]:
        page = connection.pipelines.list_runs(
            pipeline_name=pipeline or "", state=state, page_size=size, page_token=token
        )
        return [run_document(run) for run in page.runs], page.next_page_token

    nothing = [f"no run found in project {connection.project} of {connection.address}"]
    print_list(fetch, limit, _COLUMNS, output, chosen, nothing=nothing)
