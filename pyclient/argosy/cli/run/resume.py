"""``argosy run resume``."""

from __future__ import annotations

import typer

from argosy.cli.output import Format, OutputOption, print_document
from argosy.cli.selection import RunArgument
from argosy.cli.store import store_of
from argosy.cli.user_code import errors_told, run_to_its_end, tell_code_of_the_user


def resume_run(context: typer.Context, run: RunArgument, output: OutputOption = Format.table) -> None:
    """Go on with a run that failed, was cancelled or abandoned.

    \b
    What completed stays, the rest runs; the exit code is 5 or 6 where it fails again or is cancelled.
    The pipeline is looked for where the run was started: its module is imported, or its script is loaded without what
    stands under 'if __name__ == "__main__":'. Parameters are those of the run. A pipeline that was given artifacts is
    resumed in Python: my_pipeline.resume("RUN", data=...).
    A program that was killed is known to be dead a minute later; then its run reads 'abandoned'.

    \b
    Examples:
      argosy run resume training-3
      argosy run resume training-3 -o json | jq .status
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    store, quiet = store_of(context), output is not Format.table
    connection = store.connect(quiet=quiet)
    from argosy.cli.documents import run_document
    from argosy.execution.records.entry_point import found_pipeline
    from argosy.execution.records.find_run import find_run

    tell_code_of_the_user(store, quiet=quiet)
    found = find_run(connection, run)
    with errors_told(), found_pipeline(found.entry_point) as pipeline:
        named = pipeline.with_options(name=found.pipeline_name)
        resumed = run_to_its_end(connection, named, lambda watched: watched.resume(found.id), output)
    if output is not Format.table:
        print_document(run_document(connection.pipelines.get_run(resumed.id)), output)
