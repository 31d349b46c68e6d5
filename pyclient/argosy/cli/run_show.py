"""``argosy run show``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from argosy.cli.output import Format, OutputOption, format_time, print_facts, print_json, print_line, print_table
from argosy.cli.rules import following, name_or_id_problem
from argosy.cli.run_list import seconds_of
from argosy.cli.store import store_of

if TYPE_CHECKING:
    from argosy.cli.documents import Document

RunArgument = Annotated[str, typer.Argument(help="The run's name or id.", callback=following(name_or_id_problem))]


def show_run(
    context: typer.Context,
    run: RunArgument,
    output: OutputOption = Format.table,
) -> None:
    """Show a run: its steps, what they were given and what they made.

    \b
    Examples:
      argosy run show training-3
      argosy run show training-3 -o json | jq '.steps[] | {invocation, status, outputs}'
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    connection = store_of(context).connect()
    from argosy.cli.documents import run_document

    document = run_document(connection.pipelines.get_run(run))
    if output is Format.json:
        print_json(document)
    else:
        _print(document)


def status_of(document: Document) -> str:
    """Return the state of a run, and whether it was asked to stop."""
    stops = document["cancel_requested"] and document["status"] == "running"
    status: str = document["status"]
    return f"{status}, asked to stop" if stops else status


def _print(document: Document) -> None:
    parameters = ", ".join(f"{key}={json.dumps(value)}" for key, value in document["parameters"].items())
    print_facts(
        [
            ("name", document["name"]),
            ("id", document["id"]),
            ("pipeline", document["pipeline"]),
            ("status", status_of(document)),
            ("started", format_time(document["started"])),
            ("seconds", seconds_of(document)),
            ("parameters", parameters),
            ("error", _error(document)),
        ]
    )
    print_line("")
    rows = [
        [step["invocation"], step["status"], seconds_of(step), _made(step), ", ".join(step["cache_miss"])]
        for step in document.get("steps", [])
    ]
    print_table(["STEP", "STATUS", "SECONDS", "OUTPUTS", "NOT CACHED BECAUSE"], rows, right=("SECONDS",))


def _made(step: Document) -> str:
    return ", ".join(f"{output['name']} {output['version']}" for output in step["outputs"].values())


def _error(document: Document) -> str:
    error = document["error"]
    if not error:
        return ""
    where = f"{error['step']}: " if error["step"] else ""
    return f"{where}{error['type']}: {error['message']}"
