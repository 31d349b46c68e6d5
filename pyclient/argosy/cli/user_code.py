"""Running pipelines of the user from the command line: in the store of the command, and how that ends."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from argosy.cli.exit_codes import ExitCode, exit_code_of
from argosy.cli.garbage import collect_as_usual
from argosy.cli.output import Format, print_note
from argosy.cli.store import Store

if TYPE_CHECKING:
    from argosy.execution.records.run_record import PipelineRun
    from argosy.transport.connection import Connection

_NOT_THE_USERS = (
    str(Path(__file__).resolve().parent.parent),
    importlib.__file__,
    "<frozen importlib",
    contextlib.__file__,
    functools.__file__,
)


def tell_code_of_the_user(store: Store, *, quiet: bool) -> None:
    """Let what pipelines and steps save and load go to the same store, and their memory be theirs."""
    collect_as_usual()
    said = {"ARGOSY_SERVER": store.server, "ARGOSY_PROJECT": store.project, "ARGOSY_HOME": store.home}
    os.environ.update({name: text for name, text in said.items() if text is not None})
    if quiet:
        os.environ["ARGOSY_QUIET"] = "1"


def run_to_its_end(
    connection: Connection, pipeline: Any, call: Callable[[Any], PipelineRun], output: Format
) -> PipelineRun:
    """Run a pipeline and return the record of its run; end the command where the run did not complete.

    Args:
        connection: the store.
        pipeline: the pipeline.
        call: is given the pipeline, and runs or resumes it.
        output: what ``--output`` says; what steps print is kept out of a document.

    Raises:
        typer.Exit: the run failed or was cancelled; people were told, with the traceback of their own code.
        BaseException: nothing began to run, or SIGTERM was sent.
    """
    began: list[str] = []

    def note(run: PipelineRun) -> None:
        began.append(run.id)

    watched = pipeline.with_options(on_start=[*pipeline.definition.hooks.on_start, note])
    try:
        with _printed_beside(output):
            return call(watched)
    except (Exception, SystemExit) as error:
        if not began or _was_terminated(error):
            raise
        _tell(error)
        raise typer.Exit(_code_of_run(connection, began[-1], error)) from None


@contextlib.contextmanager
def errors_told() -> Iterator[None]:
    """End the command where code of the user raises, with a traceback of that code; refusals of Argosy pass.

    Raises:
        typer.Exit: code of the user raised.
    """
    from argosy.errors import ArgosyError

    try:
        yield
    except (ArgosyError, typer.Exit, typer.BadParameter):
        raise
    except (Exception, SystemExit) as error:
        if _was_terminated(error):
            raise
        _tell(error)
        raise typer.Exit(ExitCode.REFUSED) from None


def _was_terminated(error: BaseException) -> bool:
    """Tell SIGTERM, whose exit code is its own, from a ``sys.exit`` of the user, whose code would be taken for ours."""
    from argosy.execution.running.program_signals import ProgramTerminated

    return isinstance(error, ProgramTerminated)


def _code_of_run(connection: Connection, run_id: str, error: BaseException) -> ExitCode:
    from argosy.errors import ArgosyError
    from argosy.execution.states import run_status

    try:
        status = run_status(connection.pipelines.get_run(run_id).state)
    except ArgosyError:  # the store went away, which is what ended the run, too
        return exit_code_of(error)
    return ExitCode.RUN_CANCELLED if status == "cancelled" else ExitCode.RUN_FAILED


def _tell(error: BaseException) -> None:
    from argosy.errors import ArgosyError

    if isinstance(error, ArgosyError):
        print_note(f"argosy: {error}")
        return
    told = traceback.TracebackException.from_exception(error)
    _leave_out_own(told)
    print_note("".join(told.format()).rstrip())


def _leave_out_own(told: traceback.TracebackException) -> None:
    """Leave what Argosy and Python's import do out of a traceback: people look for their own."""
    told.stack[:] = [frame for frame in told.stack if not frame.filename.startswith(_NOT_THE_USERS)]
    for inner in (told.__cause__, told.__context__):
        if inner is not None:
            _leave_out_own(inner)


@contextlib.contextmanager
def _printed_beside(output: Format) -> Iterator[None]:
    """Keep what steps print out of a document."""
    if output is Format.table:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield
