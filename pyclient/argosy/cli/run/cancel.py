"""``argosy run cancel``."""

from __future__ import annotations

import typer

from argosy.cli.output import Format, OutputOption, print_document, print_line
from argosy.cli.run.show import status_of
from argosy.cli.selection import RunArgument
from argosy.cli.store import store_of


def cancel_run(context: typer.Context, run: RunArgument, output: OutputOption = Format.table) -> None:
    """Ask a run to stop, and the steps under way with it. Asking again changes nothing.

    \b
    Examples:
      argosy run cancel training-3
      argosy run cancel training-3 -o json | jq .status
    """  # noqa: D301 - typer keeps the lines below its \b as they are
    connection = store_of(context).connect()
    from argosy.cli.documents import run_document
    from argosy.errors import PreconditionError
    from argosy.v1.pipeline_pb2 import RunState

    found = connection.pipelines.get_run(run)
    try:
        if found.state != RunState.RUN_STATE_CANCELLED:
            found = connection.pipelines.cancel_run(found.id)
    except PreconditionError as error:  # also where it ended since it was read
        found = connection.pipelines.get_run(found.id)
        if found.state != RunState.RUN_STATE_CANCELLED:
            status = run_document(found)["status"]
            message = f"run {found.name!r} has ended: it is {status}, and nothing is left to cancel"
            raise PreconditionError(message, reason=error.reason) from None
    document = run_document(found)
    if output is not Format.table:
        print_document(document, output)
    elif document["cancel_requested"] and document["status"] == "running":
        print_line(f"{found.name} is asked to stop")
    else:
        print_line(f"{found.name} is {status_of(document)}")
