"""Where the steps of a run are executed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from argosy.graph.model import Graph, Invocation


class Runner(Protocol):
    """Calls a function for each step of a graph, respecting who waits for whom."""

    def run(self, graph: Graph, run_step: Callable[[Invocation], None]) -> None:
        """Call ``run_step`` for each invocation, never before those upstream of it have returned.

        The first exception ends the run: no further step is started, and the exception is raised
        unchanged when those that run already have ended.
        """
        ...
