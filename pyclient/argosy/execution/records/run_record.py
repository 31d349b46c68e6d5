"""What became of a run: :class:`PipelineRun` and the :class:`StepRunRecord` of each of its steps."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

from argosy.config import resolve
from argosy.errors import ParameterError
from argosy.execution.logs.step_log import StepLog, read_log
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.records.find_run import find_run
from argosy.execution.records.run_facts import RunFacts, StepRunFacts
from argosy.graph.brief import brief
from argosy.graph.source_location import caller_location
from argosy.transport.connection import Connection, connect
from argosy.v1 import pipeline_pb2

StepInput: TypeAlias = "ArtifactVersion | tuple[ArtifactVersion, ...]"
"""What one input of a :class:`StepRunRecord` received: a version, or several when it was given a list."""


class StepRunRecord(StepRunFacts[ArtifactVersion]):
    """One step of a run, as it was recorded."""

    def __init__(self, message: pipeline_pb2.StepRun, connection: Connection) -> None:
        """Show ``message``; ``connection`` serves the artifact versions in it."""
        super().__init__(message, lambda version: ArtifactVersion(version, connection))
        self._connection = connection

    def logs(self) -> StepLog:
        """Return what it has printed and logged so far: ``print(step.logs())``, or line by line.

        A step taken from cache printed nothing; the one that made its outputs did.

        Raises:
            NotFoundError: it is gone.
        """
        return read_log(self._connection, self.id, self.invocation)


class PipelineRun(RunFacts[StepRunRecord]):
    """One run of a pipeline, as it was recorded when it was read."""

    def __init__(self, message: pipeline_pb2.Run, connection: Connection, *, has_steps: bool = True) -> None:
        """Show ``message``; ``connection`` serves the artifact versions in it, and the steps where it has none yet."""
        super().__init__(message, lambda step: StepRunRecord(step, connection), has_steps=has_steps)
        self._connection = connection

    def reload(self) -> PipelineRun:
        """Return the run as it is now, with its steps.

        Raises:
            NotFoundError: it is gone.
        """
        return PipelineRun(self._connection.pipelines.get_run(self.id), self._connection)

    def resume(self) -> PipelineRun:
        """Go on with a run that failed, was cancelled or abandoned: run what did not complete.

        Its pipeline is looked for where the run says that it is defined; a script is loaded without what stands under
        ``if __name__ == "__main__"``. One that was given artifacts is resumed by ``my_pipeline.resume(run, ...)``.

        Raises:
            PipelineNotFoundError: its pipeline is not found in this program; the message has the cure.
            PreconditionError: the run is running, or has completed.
            GraphError: the pipeline needs artifacts, or has changed so that the record does not fit.
            Exception: what a step raised, with a note that names the step and the run.
        """
        from argosy.execution.records.entry_point import found_pipeline

        with found_pipeline(self._message.entry_point) as pipeline:
            resumed: PipelineRun = pipeline.with_options(name=self.pipeline_name).resume(self)
            return resumed

    def _repr_html_(self) -> str:
        from argosy.execution.views.run_html import run_html

        return run_html(self._read())

    def _read(self) -> pipeline_pb2.Run:
        return self._message if self._has_steps else self._connection.pipelines.get_run(self.id)


def record_of(run: PipelineRun | str | UUID) -> tuple[pipeline_pb2.Run, Connection]:
    """Return what a run is now, and the store that knows it; the configured store for a name or an id.

    Raises:
        ParameterError: it is neither a run nor a name or id.
        NotFoundError: no such run.
    """
    if isinstance(run, PipelineRun):
        return find_run(run._connection, run.id), run._connection
    if not isinstance(run, (str, UUID)):
        raise ParameterError(f"{caller_location()}: a run, its name or its id is needed, not {brief(run)}")
    connection = connect(resolve())
    return find_run(connection, str(run)), connection
