"""Goes on with a run that did not complete: what completed is taken from its record, the rest runs.

The body of the pipeline is recorded anew. A step that completed stays what it was, also when its code has changed
since; where the pipeline has become another one, so that the record does not fit it any more, it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from argosy.execution.records.run_record import PipelineRun
from argosy.execution.running.run_session import RunSession
from argosy.execution.running.runner import Runner
from argosy.graph.model import Graph
from argosy.graph.output_refs import StepOutputRef
from argosy.transport.connection import Connection

Load = Callable[[Graph, Sequence[StepOutputRef]], list[object]]
"""Runs what some outputs need and returns their values; a body that is recorded asks it."""


def resume_run(
    run: str, record: Callable[[Load], Graph], runner: Runner, *, connection: Connection | None = None
) -> PipelineRun:
    """Run what did not complete in a run, under its name and id.

    Args:
        run: the id or name of a run that failed, was cancelled or abandoned.
        record: records its pipeline, with the same arguments.
        runner: where steps are executed.
        connection: the store; the configured one by default.

    Raises:
        NotFoundError: no such run.
        GraphError: the pipeline is not the one that the run is of; nothing has changed.
        PreconditionError: the run is running, or has completed.
        AlreadyExistsError: it was abandoned, and another run has its name now.
        Exception: as a call of the pipeline.
    """
    session = RunSession(runner, connection=connection, resumed=run)
    try:
        graph = record(session.values_of)
    except BaseException as error:
        session.fail(error)
        raise
    return session.finish(graph)
