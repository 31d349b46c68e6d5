"""What a recorded graph must fulfil before it runs: small registered rules, each with its cure."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from argosy.errors import GraphError
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import Graph
from argosy.graph.names import MAX_NAME_CHARACTERS

Rule = Callable[[Graph], None]
_rules: list[Rule] = []


def check_graph(graph: Graph) -> Graph:
    """Apply every rule and return the graph.

    Raises:
        GraphError: the first rule that is broken; the message has file:line and the cure.
    """
    for rule in _rules:
        rule(graph)
    return graph


def _rule(function: Rule) -> Rule:
    _rules.append(function)
    return function


@_rule
def _has_steps(graph: Graph) -> None:
    if not graph.invocations:
        raise GraphError(
            f"{graph.pipeline.location}: pipeline {graph.pipeline.name!r} calls no step; call at least one function "
            "decorated with @step in its body"
        )


@_rule
def _after_names_known_invocations(graph: Graph) -> None:
    for invocation in graph.invocations.values():
        for name in invocation.after:
            if name in graph.invocations:
                continue
            near = difflib.get_close_matches(name, graph.invocations, n=3) or list(graph.invocations)[:10]
            raise GraphError(
                f"{invocation.location}: step {invocation.id!r} shall run after {name!r}, which pipeline "
                f"{graph.pipeline.name!r} does not call; it calls {', '.join(map(repr, near))}"
            )


@_rule
def _has_no_cycle(graph: Graph) -> None:
    stuck = [invocation for invocation in graph.invocations if invocation not in graph.order()]
    if stuck:
        first = graph.invocations[stuck[0]]
        raise GraphError(
            f"{first.location}: steps {', '.join(map(repr, stuck))} wait for each other; remove one of their after=..."
        )


@_rule
def _saves_each_fixed_version_once(graph: Graph) -> None:
    saved_by: dict[tuple[str, str], str] = {}
    for invocation in graph.invocations.values():
        for output in invocation.step.outputs:
            if output.version is None:
                continue
            name = graph.output_name(invocation, output)
            earlier = saved_by.setdefault((name, output.version), invocation.id)
            if earlier != invocation.id:
                raise GraphError(
                    f"{invocation.location}: steps {earlier!r} and {invocation.id!r} both save version "
                    f"{output.version!r} of {name!r}; a version is saved once: leave it out, or use other names"
                )


@_rule
def _artifact_names_are_not_too_long(graph: Graph) -> None:
    for invocation in graph.invocations.values():
        names = [graph.output_name(invocation, output) for output in invocation.step.outputs]
        values = {name for name, source in invocation.sources() if isinstance(source, ExternalArtifact)}
        names.extend(graph.input_name(invocation, name) for name in values)
        for name in names:
            if len(name) > MAX_NAME_CHARACTERS:
                raise GraphError(
                    f"{invocation.location}: the artifact name {name[:40]!r}... has {len(name)} characters, at most "
                    f"{MAX_NAME_CHARACTERS} are allowed; shorten the names of the pipeline and the step"
                )
