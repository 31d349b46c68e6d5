"""The part of ``Client`` that reads what steps print."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from argosy.errors import NotFoundError
from argosy.graph.near_matches import did_you_mean
from argosy.graph.switches import check_switches
from argosy.sdk.queries.filters import check_texts
from argosy.sdk.queries.selectors import run_key
from argosy.sdk.queries.store_access import StoreAccess
from argosy.transport.rpc.retry import FEW_ATTEMPTS, retrying
from argosy.v1.pipeline_pb2 import Run, RunState

if TYPE_CHECKING:
    from argosy.execution.logs.step_log import LogLine, LogReader
    from argosy.execution.records.run_record import PipelineRun
    from argosy.transport.connection import Connection

_INTERVAL = 0.3


class LogQueries(StoreAccess):
    """Reads and follows logs."""

    def step_logs(
        self, run: str | UUID | PipelineRun, step: str | None = None, *, follow: bool = False
    ) -> Iterator[LogLine]:
        """Yield the lines that a step of a run printed, or all its steps in the order of time.

        Args:
            run: the run, its id or name.
            step: the invocation; all by default.
            follow: go on while the run does, and wait for the step to start.

        Raises:
            NotFoundError: no such run, or no such step in it.
        """
        key = run_key("step_logs", run)
        check_texts("step_logs", **({} if step is None else {"step": step}))
        check_switches(follow=follow)
        return lines_of_run(self.connection, key, step, follow=follow)


def lines_of_run(connection: Connection, run: str, step: str | None, *, follow: bool) -> Iterator[LogLine]:
    """Yield the lines of one step or of all; see :meth:`LogQueries.step_logs`."""
    from argosy.execution.logs.sender import settle_logs

    settle_logs()
    found = connection.pipelines.get_run(run)
    if step is not None and not follow:
        _check_step(found, step)
    return _follow(connection, found, step) if follow else _merged(connection, found, step)


def check_attempt(connection: Connection, run: str, step: str | None, attempt: int) -> None:
    """Refuse to look for what an attempt printed that no step has had so far.

    Raises:
        NotFoundError: names how many there were.
    """
    found = connection.pipelines.get_run(run)
    if step is not None:
        _check_step(found, step)
    most = max((known.attempt for known in found.steps if step in {None, known.invocation}), default=0)
    if attempt > most:
        what = f"step {step!r} of run {found.name!r}" if step else f"run {found.name!r}"
        raise NotFoundError(
            f"{what} has no attempt {attempt}; " + (f"its last is {most}" if most else "it never began")
        )


def _merged(connection: Connection, run: Run, step: str | None) -> Iterator[LogLine]:
    from argosy.execution.logs.step_log import lines_in_time

    return lines_in_time(reader.rest() for reader in _new_readers(connection, run, step, {}).values())


def _follow(connection: Connection, run: Run, step: str | None) -> Iterator[LogLine]:
    from argosy.execution.logs.step_log import lines_in_time

    readers: dict[str, LogReader] = {}
    while True:
        is_over = run.state != RunState.RUN_STATE_RUNNING
        if is_over and step is not None:
            _check_step(run, step)
        readers |= _new_readers(connection, run, step, readers)
        pages = [reader.page() for reader in readers.values()]
        yield from lines_in_time(pages)
        is_step_over = step is not None and step in readers and readers[step].is_complete
        if is_step_over or (is_over and all(reader.is_complete for reader in readers.values())):
            return
        if not any(pages):
            time.sleep(_INTERVAL)
        if not is_over:
            run = retrying(f"run {run.name}", partial(connection.pipelines.get_run, run.id), FEW_ATTEMPTS)


def _new_readers(
    connection: Connection, run: Run, step: str | None, known: dict[str, LogReader]
) -> dict[str, LogReader]:
    from argosy.execution.logs.step_log import LogReader

    return {
        found.invocation: LogReader(connection, found.id, found.invocation)
        for found in run.steps
        if step in {None, found.invocation} and found.invocation not in known
    }


def _check_step(run: Run, step: str) -> None:
    names = [found.invocation for found in run.steps]
    if step not in names:
        near = did_you_mean(step, names)
        known = ", ".join(names) or "none yet"
        raise NotFoundError(f"run {run.name!r} has no step {step!r}{near}; its steps are {known}")
