"""What the use cases ask of the database about lineage."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from argosy_server.domain.artifact import VersionSelector
from argosy_server.domain.lineage import Attempt, LineageEdge, LineageStep, LineageVersion


class Side(Enum):
    """Which edges are meant, as an attempt of a step run sees them."""

    USED = "used"
    """What it was given or loaded."""
    MADE = "made"
    """What it returned, saved, or took from cache."""


class LineageRepository(Protocol):
    """The graph of versions and attempts. Every method is told the project; deleted versions are part of it."""

    def find(self, project: str, selector: VersionSelector) -> LineageVersion:
        """Return the one version a selector names, as ``ArtifactRepository.get`` does.

        Raises:
            ArtifactNotFound: nothing matches.
        """
        ...

    def edges_of_versions(self, project: str, version_ids: Sequence[str], side: Side, limit: int) -> list[LineageEdge]:
        """Return edges from versions to the attempts that made or used them, each once.

        They come in the order of the versions and then of their record; those of cached steps last.

        Args:
            project: where.
            version_ids: of which versions.
            side: whether the attempts that made or those that used them are meant.
            limit: at most this many, whichever; fewer only where there are no more.
        """
        ...

    def edges_of_attempts(self, project: str, attempts: Sequence[Attempt], side: Side, limit: int) -> list[LineageEdge]:
        """Return edges from attempts to the versions they made or used; else as :meth:`edges_of_versions`."""
        ...

    def versions(self, project: str, ids: Sequence[str]) -> list[LineageVersion]:
        """Return versions of the project in the order asked for."""
        ...

    def steps(self, project: str, attempts: Sequence[Attempt]) -> list[LineageStep]:
        """Return attempts in the order asked for, with their state now: one that another one followed has failed."""
        ...
