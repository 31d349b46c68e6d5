"""What became of a run, as asyncio clients show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argosy.aio.artifact_version import ArtifactVersion
from argosy.errors import PreconditionError
from argosy.execution.records.run_facts import RunFacts, StepRunFacts
from argosy.v1 import pipeline_pb2

if TYPE_CHECKING:
    from argosy.aio.loop.way import Way


class StepRunRecord(StepRunFacts[ArtifactVersion]):
    """One step of a run, as it was recorded."""

    def __init__(self, message: pipeline_pb2.StepRun, way: Way) -> None:
        """Show ``message``, which came by ``way``."""
        super().__init__(message, lambda version: ArtifactVersion(version, way))


class PipelineRun(RunFacts[StepRunRecord]):
    """One run of a pipeline, as it was recorded when it was read."""

    def __init__(self, message: pipeline_pb2.Run, way: Way, *, has_steps: bool = True) -> None:
        """Show ``message``, which came by ``way``."""
        super().__init__(message, lambda step: StepRunRecord(step, way), has_steps=has_steps)
        self._way = way

    def _read(self) -> pipeline_pb2.Run:
        if not self._has_steps:
            raise PreconditionError(
                f"run {self.name!r} came out of a list, without its steps; read them by `(await run.reload()).steps`"
            )
        return self._message

    async def reload(self) -> PipelineRun:
        """Return the run as it is now, with its steps.

        Raises:
            NotFoundError: it is gone.
        """
        found = await self._way.ask(lambda connection: connection.pipelines.get_run(self.id))
        return PipelineRun(found, self._way)


def run_shown_by(way: Way, run: RunFacts[Any]) -> PipelineRun:
    """Return a run as asyncio clients show it."""
    return PipelineRun(run._message, way, has_steps=run._has_steps)
