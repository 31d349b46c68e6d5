"""``argosy run show``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from argosy.cli.output import Format, OutputOption, format_time, print_facts, print_json, print_line
from argosy.cli.rules import following, name_or_id_problem
from argosy.cli.run_list import seconds_of
from argosy.cli.run_tree import print_tree
from argosy.cli.store import store_of
from argosy.execution.terminal_text import one_line

if TYPE_CHECKING:
    from argosy.cli.documents import Document

RunArgument = Annotated[str, typer.Argument(help="The run's name or id.", callback=following(name_or_id_problem))]


def show_run(
    context: typer.Context,
    run: RunArgument,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on until the run has ended.")] = False,
    output: OutputOption = Format.table,
) -> None:
    """Show a run: the tree of its steps, why they were not cached, and what they made.

    \b
    Examples:
      argosy run show training-3
      argosy run show training-3 --watch
      argosy run show training-3 -o json | jq '.steps[] | {invocation, status, outputs}'
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    connection = store_of(context).connect()
    from argosy.cli.documents import run_document
    from argosy.cli.run_watch import print_end, watched_to_its_end
    from argosy.cli.run_watch import watch as watch_run

    if output is Format.json:
        found = watched_to_its_end(connection, run) if watch else connection.pipelines.get_run(run)
        print_json(run_document(found))
        return
    found = connection.pipelines.get_run(run)
    _print_facts(run_document(found))
    print_line("")
    if watch:
        ended = watch_run(connection, run)
        if ended is not None:
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
            ("seconds", seconds_of(document)),
            ("parameters", parameters),
            ("error", _error(document)),
        ]
    )


def _error(document: Document) -> str:
    error = document["error"]
    if not error:
        return ""
    from argosy.execution.failure import error_text

    # Whatever could be raised stands here.
    return "\n".join(map(one_line, error_text(error["type"], error["message"], error["step"]).split("\n")))
