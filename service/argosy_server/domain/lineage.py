"""What versions were made from: versions and attempts of step runs, and the edges that join them.

Attempts stand apart, for what one of them made has nothing to do with what another one used. They all are tuples, since
an answer has thousands of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple, TypeAlias

from argosy_server.domain.artifact import ArtifactKind
from argosy_server.domain.pipeline import StepState


class LineageDirection(Enum):
    """Which way lineage is followed."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"

    @property
    def ways(self) -> tuple[LineageDirection, ...]:
        """The single ways it stands for."""
        if self is LineageDirection.BOTH:
            return LineageDirection.UPSTREAM, LineageDirection.DOWNSTREAM
        return (self,)


class LineageRelation(Enum):
    """How a version and a step run belong together: the step used it, or it made it."""

    STEP_OUTPUT = "step_output"
    EXTERNAL = "external"
    LOADED = "loaded"
    RETURNED = "returned"
    SAVED = "saved"
    REUSED = "reused"

    # Members are single, and each of thousands of edges is looked up by one: that of Enum takes ten times as long.
    __hash__ = object.__hash__


Attempt: TypeAlias = tuple[str, int]
"""One attempt of a step run: the id of the step run, and the number of the attempt."""


class LineageEdge(NamedTuple):
    """A version and an attempt that belong together; ``name`` is the input or output, for LOADED the artifact."""

    version_id: str
    attempt: Attempt
    relation: LineageRelation
    name: str


class LineageVersion(NamedTuple):
    """A version in a lineage, without what changes about it."""

    id: str
    name: str
    version: str
    data_type: str
    format: str
    kind: ArtifactKind
    size: int
    created_at: datetime
    deleted: bool
    named: bool


class LineageStep(NamedTuple):
    """One attempt of a step run in a lineage."""

    id: str
    run_id: str
    run_name: str
    pipeline_name: str
    invocation: str
    step_name: str
    state: StepState
    attempt: int


@dataclass(frozen=True)
class Lineage:
    """Versions (the one that was asked for first) and attempts in the order they were found, and what joins them.

    ``truncated`` tells that there is more than was asked for.
    """

    versions: tuple[LineageVersion, ...]
    steps: tuple[LineageStep, ...]
    edges: tuple[LineageEdge, ...]
    truncated: bool

    def first(self, count: int) -> Lineage:
        """Return what the first edges lead to: the nearest part of it."""
        edges = self.edges[:count]
        versions = {self.versions[0].id, *(edge.version_id for edge in edges)}
        attempts = {edge.attempt for edge in edges}
        return Lineage(
            versions=tuple(version for version in self.versions if version.id in versions),
            steps=tuple(step for step in self.steps if (step.id, step.attempt) in attempts),
            edges=edges,
            truncated=self.truncated or count < len(self.edges),
        )
