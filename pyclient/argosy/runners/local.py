"""One step after the other, in this process and thread."""

from __future__ import annotations

from collections.abc import Callable

from argosy.graph.model import Graph, Invocation


class LocalRunner:
    """Runs the steps in the order of the graph."""

    def run(self, graph: Graph, run_step: Callable[[Invocation], None]) -> None:
        """Call ``run_step`` for each invocation; its exception ends the run."""
        for invocation in graph.order():
            run_step(graph.invocations[invocation])
