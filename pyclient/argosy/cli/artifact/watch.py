"""``argosy artifact watch``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from argosy.cli.exit_codes import ExitCode
from argosy.cli.output import CsvRows, Format, OutputOption, format_time, print_json_line, print_line
from argosy.cli.rules import following
from argosy.cli.store import store_of
from argosy.cli.stored_names import alias_names, artifact_names
from argosy.graph.names import alias_problem, name_problem, text_problem

if TYPE_CHECKING:
    from argosy.sdk.queries.artifact_events import ArtifactEvent

_ROW = "{:<19}  {:<15}  {:<24}  {:<10}  {:<12}  {}"
_KEYS = ("event", "time", "name", "version", "version_id", "alias", "previous", "tags", "cursor")
_COLUMNS = ("TIME", "EVENT", "NAME", "VERSION", "ALIAS", "TAGS")


def watch_artifacts(
    context: typer.Context,
    name: Annotated[
        Optional[str],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Argument(
            help="Only events of this artifact.", callback=following(name_problem), autocompletion=artifact_names
        ),
    ] = None,
    alias: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(
            help="Only moves and removals of this alias.", callback=following(alias_problem), autocompletion=alias_names
        ),
    ] = None,
    tag: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(
            help="Only events of versions that have this tag, or gain or lose it.", callback=following(text_problem)
        ),
    ] = None,
    kind: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option(
            help="Only events of this kind: version_created, alias_moved, alias_removed, version_updated or "
            "version_deleted; may be repeated."
        ),
    ] = None,
    all_names: Annotated[bool, typer.Option("--all", "-a", help="Also step outputs without a name.")] = False,
    cursor: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(
            help="Go on after this event: what -o json prints as its cursor. Without it the watch begins now.",
            callback=following(text_problem),
        ),
    ] = None,
    timeout: Annotated[
        Optional[float],  # noqa: UP045 - as above
        typer.Option(min=0.001, max=1e9, help="End when for so many seconds nothing happened."),
    ] = None,
    output: OutputOption = Format.table,
) -> None:
    """Print what becomes of artifacts as it happens.

    It goes on until Ctrl-C, through every break of the connection. With -o json, as with -o jsonl, each line is a
    JSON document of its own.

    \b
    Examples:
      argosy artifact watch                              everything
      argosy artifact watch model --alias prod           which version of "model" is in production from now on
      argosy artifact watch --kind version_created --tag gold
      argosy artifact watch -o json | jq -r 'select(.event == "alias_moved") | .version_id'
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    connection = store_of(context).connect()
    from argosy.errors import ParameterError
    from argosy.sdk.queries.artifact_events import watch_in

    try:
        events = watch_in(connection, name, alias, tag, kind, all_names, cursor, timeout)
    except ParameterError as error:
        raise typer.BadParameter(re.sub(r"^watch_artifacts\(.*?(cursor|kind)s?=.*?\):", r"--\1:", str(error))) from None
    show = _printer(output)
    with events:
        try:
            for event in events:
                show(event)
                sys.stdout.flush()  # whoever reads this wants to know it now
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from None


def _printer(output: Format) -> Callable[[ArtifactEvent], None]:
    """Print the heading, and return what prints an event."""
    if output is Format.table:
        print_line(_ROW.format(*_COLUMNS))
        show: Callable[[ArtifactEvent], None] = lambda event: print_line(_row(event))  # noqa: E731 - one of three
    elif output is Format.csv:
        rows = CsvRows(_KEYS)
        show = lambda event: rows.print(_document(event))  # noqa: E731 - as above
    else:
        show = lambda event: print_json_line(_document(event))  # noqa: E731 - as above
    sys.stdout.flush()
    return show


def _row(event: ArtifactEvent) -> str:
    time = format_time(event.time.isoformat())
    return _ROW.format(time, event.kind, event.name, event.version, event.alias or "", ", ".join(event.tags)).rstrip()


def _document(event: ArtifactEvent) -> dict[str, Any]:
    return {
        "event": event.kind,
        "time": event.time.isoformat(timespec="milliseconds"),
        "name": event.name,
        "version": event.version,
        "version_id": event.version_id,
        "alias": event.alias,
        "previous": event.previous,
        "tags": list(event.tags),
        "cursor": event.cursor,
    }
