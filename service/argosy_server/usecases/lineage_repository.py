"""What the use cases ask of the database about lineage."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from argosy_server.domain.artifact import VersionSelector
from argosy_server.domain.lineage import LineageEdge, LineageStep, LineageVersion


class Side(Enum):
    """Which edges are meant, as a step run sees them."""

    USED = "used"
    """What it was given or loaded."""
    MADE = "made"
    """What it returned, saved, or took from cache."""


class LineageRepository(Protocol):
    """The graph of versions and step runs. Every method is told the project; deleted versions are part of it."""

    def find(self, project: str, selector: VersionSelector) -> LineageVersion:
        """Return the one version a selector names, as ``ArtifactRepository.get`` does.

        Raises:
            ArtifactNotFound: nothing matches.
        """
        ...

    def edges_of_versions(self, project: str, version_ids: Sequence[str], side: Side, limit: int) -> list[LineageEdge]:
        """Return edges from versions to the step runs that made or used them, each once.

        They come in the order of the versions and then of their record; those of cached steps last.

        Args:
            project: where.
            version_ids: of which versions.
            side: whether the steps that made or those that used them are meant.
            limit: at most this many, whichever; what a step was given or loaded twice may count twice.
        """
        ...

    def edges_of_steps(self, project: str, step_run_ids: Sequence[str], side: Side, limit: int) -> list[LineageEdge]:
        """Return edges from step runs to the versions they made or used; else as :meth:`edges_of_versions`.

        Inputs that only an earlier attempt was given are left out: what came of the last was not made from them.
        """
        ...

    def versions(self, project: str, ids: Sequence[str]) -> list[LineageVersion]:
        """Return versions of the project in the order asked for."""
        ...

    def steps(self, project: str, ids: Sequence[str]) -> list[LineageStep]:
        """Return step runs of the project in the order asked for, with their state now."""
        ...
