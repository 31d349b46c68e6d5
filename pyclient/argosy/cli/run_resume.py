"""``argosy run resume``."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import typer

from argosy.cli.output import Format, OutputOption, print_json
from argosy.cli.run_show import RunArgument
from argosy.cli.store import Store, store_of


def resume_run(context: typer.Context, run: RunArgument, output: OutputOption = Format.table) -> None:
    """Go on with a run that failed, was cancelled or abandoned: run what did not complete.

    \b
    The pipeline is looked for where the run was started: its module is imported, or its script is loaded without what
    stands under 'if __name__ == "__main__":'. Parameters are those of the run. A pipeline that was given artifacts is
    resumed in Python: my_pipeline.resume("RUN", data=...).
    A program that was killed is known to be dead a minute later; then its run reads 'abandoned'.

    \b
    Examples:
      argosy run resume training-3
      argosy run resume training-3 -o json | jq .status
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    store = store_of(context)
    connection = store.connect(quiet=output is Format.json)
    from argosy.cli.documents import run_document
    from argosy.execution.find_run import find_run
    from argosy.execution.run_record import PipelineRun

    _tell_code_of_the_user(store)
    found = PipelineRun(find_run(connection, run), connection)
    with _printed_beside(output):
        resumed = found.resume()
    if output is Format.json:
        print_json(run_document(connection.pipelines.get_run(resumed.id)))


def _tell_code_of_the_user(store: Store) -> None:
    """Let what steps save and load go to the same store."""
    said = {"ARGOSY_SERVER": store.server, "ARGOSY_PROJECT": store.project, "ARGOSY_HOME": store.home}
    os.environ.update({name: text for name, text in said.items() if text is not None})


@contextlib.contextmanager
def _printed_beside(output: Format) -> Iterator[None]:
    """Keep what steps print out of a document."""
    if output is not Format.json:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield
