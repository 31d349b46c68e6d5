"""``argosy pipeline run``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Optional

import typer

from argosy.cli.output import Format, OutputOption, print_document, print_line
from argosy.cli.rules import empty_problem, following
from argosy.cli.store import store_of
from argosy.cli.user_code import errors_told, run_to_its_end, tell_code_of_the_user

_ENTRY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def _entry_problem(text: str) -> str | None:
    """Tell what is wrong with a text that says where a pipeline is defined."""
    module, _, function = text.partition(":")
    if not _ENTRY.fullmatch(text):
        return f"{text[:80]!r} is no MODULE:FUNCTION; for a pipeline training in train.py write train:training"
    if module.endswith(".py"):
        return f"{text[:80]!r} names a file, not a module; write {module.removesuffix('.py')}:{function}"
    return None


def _run_name_problem(text: str) -> str | None:
    from argosy.graph.run_names import run_name_problem

    return run_name_problem(text)


def run_pipeline(
    context: typer.Context,
    entry: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="Where the pipeline is defined; modules are looked for in the current directory first.",
            callback=following(_entry_problem),
        ),
    ],
    param: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer evaluates annotations, also on Python 3.10
        typer.Option(
            "--param",
            "-p",
            metavar="KEY=VALUE",
            help="A parameter, as its annotation says: a text, a number, a date, else JSON; may be repeated.",
            callback=following(empty_problem),
        ),
    ] = None,
    inputs: Annotated[
        Optional[list[str]],  # noqa: UP045 - as above
        typer.Option(
            "--input",
            "-i",
            metavar="KEY=ARTIFACT",
            help="An artifact it takes: NAME, NAME@VERSION, NAME@ALIAS or an id; may be repeated.",
            callback=following(empty_problem),
        ),
    ] = None,
    run_name: Annotated[
        Optional[str],  # noqa: UP045 - as above
        typer.Option(
            help="The name of the run; {date} and {time} stand for now.", callback=following(_run_name_problem)
        ),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every step, whatever is known of it.")] = False,
    output: OutputOption = Format.table,
) -> None:
    """Run a pipeline and show how it goes.

    The exit code tells how it ended: 0 completed, 5 failed, 6 cancelled. With -o json, jsonl or csv the run is
    printed as argosy run show prints it, and what steps print goes to stderr.

    \b
    Examples:
      argosy pipeline run train:training
      argosy pipeline run train:training --param rate=0.05 --param 'layers=[64, 32]'
      argosy pipeline run flows.nightly:scoring -p day=2026-01-31 -i model=model@prod --no-cache
      argosy pipeline run train:training -o json | jq -r .name
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    store, quiet = store_of(context), output is not Format.table
    connection = store.connect(quiet=quiet)
    from argosy.cli.documents import run_document
    from argosy.cli.pipeline.arguments import read_arguments
    from argosy.execution.records.entry_point import imported_pipeline

    tell_code_of_the_user(store, quiet=quiet)
    module, _, qualname = entry.partition(":")
    with errors_told():
        pipeline = imported_pipeline(module, qualname)
    arguments = read_arguments(pipeline.definition, param or [], inputs or [], connection)
    options: dict[str, Any] = {"run_name": run_name, "enable_cache": False if no_cache else None}
    with errors_told():
        made = run_to_its_end(
            connection, pipeline.with_options(**options), lambda watched: _called(watched, arguments), output
        )
    if output is not Format.table:
        print_document(run_document(connection.pipelines.get_run(made.id)), output)
    elif connection.config.quiet:
        print_line(made.name)


def _called(pipeline: Any, arguments: dict[str, Any]) -> Any:
    from argosy.execution.running.resumed_call import as_call

    args, kwargs = as_call(pipeline.definition, arguments)
    return pipeline(*args, **kwargs)
