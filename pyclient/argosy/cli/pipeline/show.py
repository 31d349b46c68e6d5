"""``argosy pipeline show``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from argosy.cli.output import (
    Column,
    ColumnsOption,
    Format,
    OutputOption,
    cell_text,
    chosen_keys,
    format_duration,
    format_time,
    print_document,
    print_documents,
    print_facts,
    print_line,
)
from argosy.cli.rules import following
from argosy.cli.store import store_of
from argosy.cli.stored_names import pipeline_names
from argosy.execution.views.terminal_text import cut, one_line
from argosy.graph.names import name_problem

if TYPE_CHECKING:
    from argosy.cli.documents import Document
    from argosy.transport.connection import Connection
    from argosy.v1.pipeline_pb2 import PipelineSummary

SHOWN_RUNS = 10
_MOST_PARAMETERS = 80


def _parameters(values: Document) -> str:
    return cut(one_line(", ".join(f"{key}={cell_text(value)}" for key, value in values.items())), _MOST_PARAMETERS)


_RUN_COLUMNS = (
    Column("name"),
    Column("status"),
    Column("started", text=format_time),
    Column("seconds", text=format_duration, right=True),
    Column("parameters", text=_parameters),
)


def show_pipeline(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(help="The pipeline's name.", callback=following(name_problem), autocompletion=pipeline_names),
    ],
    output: OutputOption = Format.table,
    columns: ColumnsOption = None,
) -> None:
    """Show where a pipeline is defined, its steps and latest runs.

    \b
    Examples:
      argosy pipeline show training
      argosy pipeline show training -o json | jq .steps
      argosy pipeline show training --columns entry_point,run_count
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    from argosy.cli.documents import PIPELINE_KEYS, pipeline_document, run_document

    chosen = chosen_keys(columns, [*PIPELINE_KEYS, "steps", "runs"])
    connection = store_of(context).connect()
    summary = _find(connection, name)
    latest = connection.pipelines.get_run(summary.latest_run.id)
    runs = connection.pipelines.list_runs(pipeline_name=name, page_size=SHOWN_RUNS).runs
    document = {
        **pipeline_document(summary),
        "steps": [step.invocation for step in latest.steps],
        "runs": [run_document(run) for run in runs],
    }
    if output is Format.table and chosen is None:
        _print(document)
    else:
        print_document(document, output, chosen)


def _find(connection: Connection, name: str) -> PipelineSummary:
    """Return a pipeline.

    Raises:
        NotFoundError: none of this name has run; the message names those like it.
    """
    from argosy.errors import NotFoundError
    from argosy.graph.near_matches import did_you_mean
    from argosy.transport.clients.pages import all_pages

    names = []
    for page in all_pages(lambda token: connection.pipelines.list_pipelines(page_token=token)):
        for summary in page.pipelines:
            if summary.name == name:
                return summary
            names.append(summary.name)
    raise NotFoundError(f"no pipeline {name!r} has run in project {connection.project!r}{did_you_mean(name, names)}")


def _print(document: Document) -> None:
    print_facts(
        [
            ("name", document["name"]),
            ("runs", str(document["run_count"])),
            ("defined in", document["entry_point"] or ""),
            ("file", document["file"] or ""),
            ("steps", ", ".join(document["steps"])),
        ]
    )
    print_line("\nlatest runs")
    print_documents(document["runs"], _RUN_COLUMNS)
    if document["entry_point"] and not document["entry_point"].startswith("__main__:"):
        print_line(f"\nargosy pipeline run {shlex.quote(document['entry_point'])}")
