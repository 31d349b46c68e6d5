"""What is left to do of a graph: which steps may start, which must wait, which never will."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable

from argosy.graph.model import Graph


class Plan:
    """The steps that are wanted, and whatever they wait for, as far as it has not ended yet."""

    def __init__(self, graph: Graph, wanted: Iterable[str], ended: Collection[str], failed: Collection[str]) -> None:
        """Find what is to be done.

        Args:
            graph: the graph.
            wanted: invocations that shall run.
            ended: those whose outputs are known.
            failed: those that did not end well.
        """
        chosen = _with_upstream(graph, wanted, ended) - set(failed)
        order = [invocation for invocation in graph.order() if invocation in chosen]
        self._position = {invocation: index for index, invocation in enumerate(order)}
        self._names = order
        self._blocked_by = {item: set(graph.invocations[item].upstream) - set(ended) for item in order}
        self._followers: dict[str, list[str]] = {}
        for item in order:
            for upstream in self._blocked_by[item]:
                self._followers.setdefault(upstream, []).append(item)
        self._ready = [self._position[item] for item in order if not self._blocked_by[item]]
        for item in failed:
            self.fail(item)

    def next(self) -> str | None:
        """Return the first step that may start, ``None`` when none may; it stays."""
        return self._names[self._ready[0]] if self._ready else None

    def take(self) -> str:
        """Remove and return the first step that may start."""
        item = self._names[heapq.heappop(self._ready)]
        del self._blocked_by[item]
        return item

    def end(self, invocation: str) -> None:
        """Let those that waited for a step start."""
        for follower in self._followers.pop(invocation, ()):
            blockers = self._blocked_by.get(follower)
            if blockers is not None:
                blockers.discard(invocation)
                if not blockers:
                    heapq.heappush(self._ready, self._position[follower])

    def fail(self, invocation: str) -> None:
        """Drop whatever waits for a step that did not end well."""
        left = [invocation]
        while left:
            followers = self._followers.pop(left.pop(), ())
            left.extend(item for item in followers if self._blocked_by.pop(item, None) is not None)

    def clear(self) -> None:
        """Let nothing more start."""
        self._ready.clear()
        self._blocked_by.clear()


def _with_upstream(graph: Graph, wanted: Iterable[str], ended: Collection[str]) -> set[str]:
    chosen: set[str] = set()
    left = list(wanted)
    while left:
        current = left.pop()
        if current not in chosen and current not in ended:
            chosen.add(current)
            left.extend(graph.invocations[current].upstream)
    return chosen
