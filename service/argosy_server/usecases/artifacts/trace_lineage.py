"""Telling what a version was made from, and what was made from it.

Lineage is followed level by level, away from the version that was asked for: from the versions of a level to the
attempts of steps that made (or used) them, and from these to the versions they used (or made), which are the next
level. Each way visits nothing twice, since there are cycles: a cached step may have taken over the very version it was
given, or one that came before. No level is read further than the edges that are left.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TypeVar

from argosy_server.domain.artifact import VersionSelector
from argosy_server.domain.lineage import Attempt, Lineage, LineageDirection, LineageEdge
from argosy_server.usecases.ports import Transaction
from argosy_server.usecases.ports.lineage_repository import Side

_T = TypeVar("_T")

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
    ways = [_Way(way, root.id) for way in direction.ways]
    for _ in range(depth):
        for way in ways:
            _follow(tx, project, way, found)
    deeper = any(_edges(tx, project, way, 1) for way in ways)
    # Only where there is a cycle do both ways come over the same edge.
    edges = found.edges if len(ways) == 1 else list(dict.fromkeys(found.edges))
    versions = dict.fromkeys(version_id for way in ways for version_id in way.versions)
    attempts = dict.fromkeys(attempt for way in ways for attempt in way.attempts)
    return Lineage(
        versions=(root, *tx.lineage.versions(project, list(versions)[1:])),
        steps=tuple(tx.lineage.steps(project, list(attempts))),
        edges=tuple(edges),
        truncated=found.cut or deeper,
    )


class _Found:
    """The edges that were found, in order, and how many more may be."""

    def __init__(self, max_edges: int) -> None:
        self.edges: list[LineageEdge] = []
        self.cut = False
        self._max_edges = max_edges

    def add(self, read: Callable[[int], list[LineageEdge]]) -> list[LineageEdge]:
        """Read at most as many edges as are left, and keep them; remember it when there were more."""
        left = self._max_edges - len(self.edges)
        edges = read(left + 1)
        self.cut = self.cut or len(edges) > left
        self.edges += edges[:left]
        return edges[:left]


class _Way:
    """One of the two ways: what was met on it, in order, and the versions of its last level."""

    def __init__(self, direction: LineageDirection, root_id: str) -> None:
        self.direction = direction
        self.frontier = [root_id]
        self.versions = {root_id: None}
        self.attempts: dict[Attempt, None] = {}


def _follow(tx: Transaction, project: str, way: _Way, found: _Found) -> None:
    """Take one way from all versions of its last level over the attempts they lead to, to the next versions."""
    if found.cut:
        way.frontier = []
    to_attempts = found.add(lambda limit: _edges(tx, project, way, limit)) if way.frontier else []
    attempts = _add_new(way.attempts, [edge.attempt for edge in to_attempts])
    way.frontier = []
    if attempts and not found.cut:
        side = TOWARDS_VERSIONS[way.direction]
        to_versions = found.add(lambda limit: tx.lineage.edges_of_attempts(project, attempts, side, limit))
        way.frontier = _add_new(way.versions, [edge.version_id for edge in to_versions])


def _add_new(known: dict[_T, None], found: list[_T]) -> list[_T]:
    """Return what was not known, each once; from now on it is."""
    count = len(known)
    known.update(dict.fromkeys(found))
    return list(islice(known, count, None))


def _edges(tx: Transaction, project: str, way: _Way, limit: int) -> list[LineageEdge]:
    """Return the edges from the versions of the last level to their attempts."""
    if not way.frontier:
        return []
    return tx.lineage.edges_of_versions(project, way.frontier, TOWARDS_STEPS[way.direction], limit)
