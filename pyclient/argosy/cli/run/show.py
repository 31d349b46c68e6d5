"""``argosy run show``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from argosy.cli.exit_codes import ExitCode
from argosy.cli.output import (
    ColumnsOption,
    Format,
    OutputOption,
    chosen_keys,
    format_duration,
    format_time,
    print_document,
    print_facts,
    print_line,
)
from argosy.cli.run.tree import print_tree
from argosy.cli.selection import RunArgument
from argosy.cli.store import store_of

if TYPE_CHECKING:
    from argosy.cli.documents import Document


def show_run(
    context: typer.Context,
    run: RunArgument,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on until the run has ended.")] = False,
    output: OutputOption = Format.table,
    columns: ColumnsOption = None,
) -> None:
    """Show a run. The tree of its steps tells why they were not cached, and what they made.

    \b
    Examples:
      argosy run show training-3
      argosy run show training-3 --watch
      argosy run show training-3 -o json | jq '.steps[] | {invocation, status, outputs}'
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    from argosy.cli.documents import RUN_KEYS, run_document

    chosen = chosen_keys(columns, [*RUN_KEYS, "steps"])
    connection = store_of(context).connect()
    from argosy.cli.run.watch import print_end, watched_to_its_end
    from argosy.cli.run.watch import watch as watch_run

    if output is not Format.table or chosen is not None:
        found = watched_to_its_end(connection, run) if watch else connection.pipelines.get_run(run)
        print_document(run_document(found), output, chosen)
        return
    found = connection.pipelines.get_run(run)
    _print_facts(run_document(found))
    print_line("")
    if watch:
        ended = watch_run(connection, run)
        if ended is None:
            raise typer.Exit(ExitCode.INTERRUPTED)
        print_end(connection, ended)
    else:
        print_tree(found, connection.config)


def status_of(document: Document) -> str:
    """Return the state of a run, and whether it was asked to stop."""
    stops = document["cancel_requested"] and document["status"] == "running"
    status: str = document["status"]
    return f"{status}, asked to stop" if stops else status


def _print_facts(document: Document) -> None:
    from argosy.graph.canonical_json import from_canonical

    # A float without end is an object in JSON, which has none, and a number for people.
    plain = {key: json.dumps(from_canonical(json.dumps(value))) for key, value in document["parameters"].items()}
    parameters = ", ".join(f"{key}={text}" for key, text in plain.items())
    print_facts(
        [
            ("name", document["name"]),
            ("id", document["id"]),
            ("pipeline", document["pipeline"]),
            ("status", status_of(document)),
            ("started", format_time(document["started"])),
            ("seconds", format_duration(document["seconds"])),
            ("parameters", parameters),
            ("error", _error(document)),
        ]
    )


def _error(document: Document) -> str:
    error = document["error"]
    if not error:
        return ""
    from argosy.execution.failure import error_text

    return error_text(error["type"], error["message"], error["step"])
