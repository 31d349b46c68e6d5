"""Telling what a version was made from, and what was made from it.

Lineage is followed level by level, away from the version that was asked for: from the versions of a level to the step
runs that made (or used) them, and from these to the versions they used (or made), which are the next level. Each way
visits nothing twice, since there are cycles: a cached step may have taken over the very version it was given, or one
that came before. No level is read further than the edges that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from argosy_server.domain.artifact import VersionSelector
from argosy_server.domain.lineage import Lineage, LineageDirection, LineageEdge
from argosy_server.usecases.lineage_repository import Side
from argosy_server.usecases.ports import Transaction

TOWARDS_STEPS = {LineageDirection.UPSTREAM: Side.MADE, LineageDirection.DOWNSTREAM: Side.USED}
"""From a version one comes up to the steps that made it, and down to those that used it."""
TOWARDS_VERSIONS = {LineageDirection.UPSTREAM: Side.USED, LineageDirection.DOWNSTREAM: Side.MADE}


def trace_lineage(
    tx: Transaction,
    project: str,
    selector: VersionSelector,
    direction: LineageDirection,
    depth: int,
    max_edges: int,
) -> Lineage:
    """Return the lineage of a version, the nearest part of it first.

    Args:
        tx: the transaction.
        project: where.
        selector: which version.
        direction: which way.
        depth: how many steps away.
        max_edges: at most so many edges.

    Raises:
        ArtifactNotFound: nothing matches the selector.
    """
    root = tx.lineage.find(project, selector)
    found = _Found(max_edges)
    ways = [_Way(way, [root.id]) for way in direction.ways]
    for _ in range(depth):
        for way in ways:
            _follow(tx, project, way, found)
    deeper = any(_edges(tx, project, way, 1) for way in ways)
    versions = {root.id: None, **{edge.version_id: None for edge in found.edges}}
    steps = {edge.step_run_id: None for edge in found.edges}
    return Lineage(
        versions=(root, *tx.lineage.versions(project, list(versions)[1:])),
        steps=tuple(tx.lineage.steps(project, list(steps))),
        edges=tuple(found.edges),
        truncated=found.cut or deeper,
    )


class _Found:
    """The edges that were found, in order, and how many more may be."""

    def __init__(self, max_edges: int) -> None:
        self.edges: dict[LineageEdge, None] = {}
        self.cut = False
        self._max_edges = max_edges

    def add(self, read: Callable[[int], list[LineageEdge]]) -> list[LineageEdge]:
        """Read at most as many edges as are left, and keep them; remember it when there were more."""
        left = self._max_edges - len(self.edges)
        edges = read(left + 1)
        self.cut = self.cut or len(edges) > left
        self.edges.update(dict.fromkeys(edges[:left]))
        return edges[:left]


class _Way:
    """One of the two ways: the versions of its last level, and what was met on it."""

    def __init__(self, direction: LineageDirection, frontier: list[str]) -> None:
        self.direction = direction
        self.frontier = frontier
        self._met = set(frontier)

    def unmet(self, ids: Iterable[str]) -> list[str]:
        """Return the ids that were not met on this way before, each once; from now on they were."""
        fresh = [one for one in dict.fromkeys(ids) if one not in self._met]
        self._met.update(fresh)
        return fresh


def _follow(tx: Transaction, project: str, way: _Way, found: _Found) -> None:
    """Take one way from all versions of its last level over their steps to the next versions."""
    if found.cut:
        way.frontier = []
    to_steps = found.add(lambda limit: _edges(tx, project, way, limit)) if way.frontier else []
    steps = way.unmet(edge.step_run_id for edge in to_steps)
    way.frontier = []
    if steps and not found.cut:
        side = TOWARDS_VERSIONS[way.direction]
        to_versions = found.add(lambda limit: tx.lineage.edges_of_steps(project, steps, side, limit))
        way.frontier = way.unmet(edge.version_id for edge in to_versions)


def _edges(tx: Transaction, project: str, way: _Way, limit: int) -> list[LineageEdge]:
    """Return the edges from the versions of the last level to their steps."""
    if not way.frontier:
        return []
    return tx.lineage.edges_of_versions(project, way.frontier, TOWARDS_STEPS[way.direction], limit)
