"""The whole story of a run, from a recorded graph to the record of what became of it.

1. What can be refused is refused before anything is stored: materializers that are none, outputs
   that pickle alone could keep, values that cannot be kept.
2. The run is created; from here on a thread renews its lease.
3. Values passed as ``ExternalArtifact`` are uploaded, each once.
4. The scheduler starts each step as soon as it can; the runner's workers execute what is not cached.
5. The run is finished: completed, failed or cancelled, with the steps that never started. A
   process that dies before leaves a run that reads as abandoned once its lease is over.
"""

from __future__ import annotations

from argosy.execution.run_record import PipelineRun
from argosy.execution.run_session import RunSession
from argosy.execution.runner import Runner
from argosy.graph.model import Graph
from argosy.transport.connection import Connection


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
        ConflictError: the lease expired and the run is abandoned, or another process resumed it.
        SaveOutputError: what a step returned could not be saved; the text says where it is.
        Exception: what a step raised, with a note that names the step and the run.
    """
    return RunSession(runner, connection=connection).finish(graph)
