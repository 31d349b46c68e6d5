"""The whole story of a run, from a recorded graph to the record of what became of it.

1. What can be refused is refused before anything is stored: materializers that are none, outputs
   that pickle alone could keep, values that cannot be kept.
2. The run is created; from here on a thread renews its lease.
3. Values passed as ``ExternalArtifact`` are uploaded, each once.
4. The runner calls ``run_step`` for each step; an exception ends the run.
5. The run is finished: completed, failed or cancelled, with the steps that never started. A
   process that dies before leaves a run that reads as abandoned once its lease is over.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence

from argosy.config import resolve
from argosy.execution.active_run import ActiveRun
from argosy.execution.external_values import ReadyValue, ready_values
from argosy.execution.lease import Lease
from argosy.execution.pickle_policy import check_pickle_policy
from argosy.execution.progress import choose_progress
from argosy.execution.run_record import PipelineRun
from argosy.execution.run_step import run_step
from argosy.execution.runner import Runner
from argosy.execution.summary import closing_lines, opening_line
from argosy.graph.model import Graph
from argosy.transport.connection import Connection, connect


def run_pipeline(graph: Graph, runner: Runner, *, connection: Connection | None = None) -> PipelineRun:
    """Run a recorded pipeline and return its record.

    Args:
        graph: what to run.
        runner: where its steps are executed.
        connection: the store; the configured one by default.

    Raises:
        PickleRefusedError: an output could only be a pickle and pickle is off; nothing has run.
        DefinitionError: a step names what is no materializer for an output; nothing has run.
        MaterializerError: a value given to the pipeline cannot be kept; nothing has run.
        AlreadyExistsError: a run of this name exists.
        RunCancelledError: somebody asked the run to stop.
        ConflictError: the lease expired; the run is abandoned.
        SaveOutputError: what a step returned could not be saved; the text says where it is.
        Exception: what a step raised, with a note that names the step and the run.
    """
    connection = connection or connect(resolve())
    check_pickle_policy(graph, connection.config)
    with ready_values(graph, connection.config) as values:
        active = _create(graph, connection)
        try:
            with active.lease:
                _run(active, values, runner)
                message = active.complete()
        except BaseException as error:
            _stop(active, error)
            raise
    record = PipelineRun(message, connection)
    active.progress.run_ended(closing_lines(record, time.perf_counter() - active.began, connection))
    return record


def _create(graph: Graph, connection: Connection) -> ActiveRun:
    parameters = {name: parameter.json for name, parameter in graph.parameters.items()}
    created = connection.pipelines.create_run(graph.pipeline.name, name=graph.run_name or "", parameters=parameters)
    renew = functools.partial(connection.pipelines.renew_run, created.run.id)
    lease = Lease(renew, created.lease.ToTimedelta().total_seconds())
    progress = choose_progress(quiet=connection.config.quiet)
    progress.run_started(opening_line(created.run), graph.order())
    return ActiveRun(graph, connection, created.run, lease, progress)


def _run(active: ActiveRun, values: Sequence[ReadyValue], runner: Runner) -> None:
    for value in values:
        active.versions.values[id(value.artifact)] = value.upload(active.connection)
    runner.run(active.graph, functools.partial(run_step, active))


def _stop(active: ActiveRun, error: BaseException) -> None:
    ended = active.stop(error)
    seconds = time.perf_counter() - active.began
    if ended is None:
        active.progress.run_ended([f"Run {active.run.name} ended early; its end could not be recorded"])
    else:
        active.progress.run_ended(closing_lines(PipelineRun(ended, active.connection), seconds, active.connection))
