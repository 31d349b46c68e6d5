"""Finds outputs that only pickle could keep before anything runs, where pickle is off."""

from __future__ import annotations

from argosy.errors import PickleRefusedError
from argosy.graph.model import Graph
from argosy.graph.value_types import type_name
from argosy.materializers.annotations import needs_pickle


def check_pickle_policy(graph: Graph, *, allow_pickle: bool) -> None:
    """Refuse a graph with an output whose annotation says that it would have to be a pickle.

    Raises:
        PickleRefusedError: names the step, the output and the cures.
    """
    if allow_pickle:
        return
    for invocation in graph.invocations.values():
        step = invocation.step
        for output in step.outputs:
            if output.key in step.output_materializers or needs_pickle(output.annotation) is not True:
                continue
            raise PickleRefusedError(
                f"{step.location}: output {output.key!r} of step {step.name!r} is a {type_name(output.annotation)}, "
                "which only pickle could keep, and pickle is off; nothing has run. Set ARGOSY_ALLOW_PICKLE=1, subclass "
                "argosy.Materializer for the class, or name one in @step(output_materializers=...)"
            )
