"""What a version can tell about where it came from and where it went; a part of :class:`ArtifactVersion`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from argosy.errors import ResourceExhaustedError
from argosy.execution.records.artifact_facts import ArtifactFacts
from argosy.v1 import artifact_pb2

if TYPE_CHECKING:
    from argosy.execution.records.lineage import Lineage
    from argosy.execution.records.run_record import PipelineRun, StepRunRecord
    from argosy.transport.connection import Connection


class VersionLineage(ArtifactFacts):
    """Facts about a version, and what the store knows about where it came from."""

    _connection: Connection

    @property
    def producer_run(self) -> PipelineRun | None:
        """The pipeline run that made it, as it is now; ``None`` for one made outside of a run."""
        return _run(self._connection, self.producer_run_id) if self.producer_run_id else None

    @property
    def producer(self) -> StepRunRecord | None:
        """The step run that made it, as it is now; ``None`` for one made outside of a step."""
        if self.producer_step_run_id is None:
            return None
        return _steps(self._connection, {self.producer_step_run_id: self._message.producer.run_id})[0]

    def consumers(self) -> tuple[StepRunRecord, ...]:
        """Return the step runs that were given it or loaded it, cached ones too, in the order they did.

        Each of their runs is asked for once.

        Raises:
            ResourceExhaustedError: it was used more often than one answer of the store holds, 10,000 times at most.
        """
        lineage = self.lineage("down", depth=1)
        root = lineage.root
        uses = [edge for edge in lineage.edges if edge.version is root and not edge.made]
        # The nearest come first: where something that was made is told, every use was.
        if lineage.truncated and len(uses) == len(lineage.edges):
            raise ResourceExhaustedError(
                f"{root} was used more often than one answer holds; "
                f'version.lineage("down", depth=1) names the first {len(uses):,} uses'
            )
        return tuple(_steps(self._connection, {edge.step.id: edge.step.run_id for edge in uses}))

    def lineage(self, direction: str = "both", *, depth: int = 10) -> Lineage:
        """Return what it was made from, and what was made from it, through cached steps and deleted versions.

        Notebooks show it as a picture, ``print`` as a tree.

        Args:
            direction: ``"up"`` for what it was made from, ``"down"`` for what was made from it, or ``"both"``.
            depth: how many steps away, from 1 to 100.

        Raises:
            ParameterError: there is no such direction or depth.
        """
        from argosy.execution.records.lineage import ask_lineage

        return ask_lineage(self._connection, artifact_pb2.VersionSelector(id=self._message.id), direction, depth)


def _run(connection: Connection, run_id: str) -> PipelineRun:
    from argosy.execution.records.run_record import PipelineRun

    return PipelineRun(connection.pipelines.get_run(run_id), connection)


def _steps(connection: Connection, run_of: Mapping[str, str]) -> list[StepRunRecord]:
    """Return step runs by their ids, each of whose run is told.

    Raises:
        ResourceExhaustedError: a run has more steps than one answer of the store holds.
    """
    runs = {run_id: _run(connection, run_id) for run_id in dict.fromkeys(run_of.values())}
    found = {step.id: step for run in runs.values() for step in run.steps.values()}
    for step_run_id, run_id in run_of.items():
        if step_run_id not in found:
            raise ResourceExhaustedError(
                f"run {runs[run_id].name!r} has more steps than one answer holds, so step run {step_run_id} cannot be "
                "shown; version.lineage() names it all the same"
            )
    return [found[step_run_id] for step_run_id in run_of]
