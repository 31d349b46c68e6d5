"""``argosy run list``."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from argosy.cli.output import Format, OutputOption, format_time, print_json, print_note, print_table
from argosy.cli.paging import LimitOption, take
from argosy.cli.rules import following
from argosy.cli.store import store_of
from argosy.graph.names import name_problem

if TYPE_CHECKING:
    from argosy.cli.documents import Document


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
        typer.Option(help="Only runs of this pipeline.", callback=following(name_problem)),
    ] = None,
    status: Annotated[
        Optional[Status],  # noqa: UP045 - as above
        typer.Option(help="Only runs in this state."),
    ] = None,
    limit: LimitOption = 20,
    output: OutputOption = Format.table,
) -> None:
    """List pipeline runs, newest first.

    \b
    Examples:
      argosy run list
      argosy run list --pipeline training --status failed
      argosy run list -n 1 -o json
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    connection = store_of(context).connect()
    from argosy.cli.documents import run_document
    from argosy.v1.pipeline_pb2 import RunState

    state = RunState.Value(f"RUN_STATE_{status.name.upper()}") if status else RunState.RUN_STATE_UNSPECIFIED

    def fetch(size: int, token: str) -> tuple[list[Document], str]:
        page = connection.pipelines.list_runs(
            pipeline_name=pipeline or "", state=state, page_size=size, page_token=token
        )
        return [run_document(run) for run in page.runs], page.next_page_token

    documents, more = take(fetch, limit)
    if output is Format.json:
        print_json(documents)
    elif documents:
        rows = [[d["name"], d["pipeline"], d["status"], format_time(d["started"]), seconds_of(d)] for d in documents]
        print_table(["NAME", "PIPELINE", "STATUS", "STARTED", "SECONDS"], rows, right=("SECONDS",))
    else:
        print_note(f"no run found in project {connection.project} of {connection.address}")
    if more:
        print_note(f"there are more than {limit}; raise --limit to see them")


def seconds_of(document: Document) -> str:
    """Return how long a run or step took; empty while it runs."""
    return "" if document["seconds"] is None else f"{document['seconds']:.2f}"
