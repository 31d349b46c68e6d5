"""``argosy run show --watch``: a run that goes on, seen from another process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from argosy.cli.output import print_line, print_note
from argosy.cli.run.tree import next_lines, screen, tree_lines

if TYPE_CHECKING:
    from argosy.transport.connection import Connection
    from argosy.v1.pipeline_pb2 import Run


def watch(connection: Connection, name: str) -> Run | None:
    """Show how a run goes on until it has ended; return it as it is then, ``None`` after Ctrl-C.

    On a terminal its tree is drawn again and again; elsewhere there is a line for each step that ends.

    Raises:
        NotFoundError: no such run.
        UnavailableError: the store cannot be reached when the watch begins.
        DeadlineError: it does not answer then.
    """
    from argosy.execution.views.progress import can_be_drawn_on

    show = _draw if can_be_drawn_on(sys.stdout) else _print
    try:
        return show(_pictures(connection, name))
    except KeyboardInterrupt:
        from argosy.execution.running.next_steps import command

        print_note(f"run {name} goes on; {command(connection.config, 'run', 'show', name, '--watch')} shows it again")
        return None


def watched_to_its_end(connection: Connection, name: str) -> Run:
    """Return a run when it has ended, showing nothing.

    Raises:
        NotFoundError: no such run.
        UnavailableError: the store cannot be reached when the watch begins.
        DeadlineError: it does not answer then.
    """
    for run in _pictures(connection, name):  # noqa: B007 - the last one is the answer
        pass
    return run


def print_end(connection: Connection, run: Run) -> None:
    """Print how a run ended, and what to do next."""
    from argosy.execution.records.run_record import PipelineRun
    from argosy.execution.running.summary import closing_lines

    record = PipelineRun(run, connection)
    for line in [*closing_lines(record, record.duration or 0.0, connection), *next_lines(run, connection.config)]:
        print_line(line)


def _pictures(connection: Connection, name: str) -> Iterator[Run]:
    from argosy.transport.watching import RunWatching

    watching = RunWatching(connection, name)
    try:
        while (picture := watching.read()) is not None:
            yield picture
    finally:
        watching.close()


def _draw(pictures: Iterator[Run]) -> Run:
    from argosy.execution.views.live_region import LiveRegion
    from argosy.execution.views.run_rows import Look

    run = next(pictures)
    look = screen()

    def rows(columns: int, height: int) -> list[str]:
        return tree_lines(run, Look(columns, height, look.unicode, look.colours))

    region = LiveRegion(sys.stdout, rows)
    region.open()
    try:
        for picture in pictures:
            run = picture
    finally:
        region.close(tree_lines(run, screen()))
    return run


def _print(pictures: Iterator[Run]) -> Run:
    from argosy.execution.views.progress import step_line
    from argosy.execution.views.recorded_rows import recorded_states

    told: set[tuple[str, int]] = set()
    for run in pictures:
        width = max((len(step.invocation) for step in run.steps), default=0)
        attempts = {step.invocation: step.attempt for step in run.steps}
        for invocation, state in recorded_states(run).items():
            key = (invocation, attempts[invocation])
            if key not in told and (state.ended is not None or state.status == "skipped"):
                told.add(key)
                seconds = (state.ended or 0.0) - (state.began or 0.0) if state.began is not None else 0.0
                print_line(step_line(invocation, width, state.status, seconds, state.note))
        sys.stdout.flush()
    return run
