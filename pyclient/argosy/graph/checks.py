"""What a recorded graph must fulfil before it runs: small registered rules, each with its cure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

from argosy.errors import GraphError, ParameterError
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import Graph, Parameter
from argosy.graph.names import MAX_NAME_CHARACTERS

MAX_PARAMETER_BYTES = 256 << 10
"""What the service takes for all parameters of a run, or of a step, as JSON."""

Rule = Callable[[Graph], None]
_rules: list[Rule] = []


def check_graph(graph: Graph) -> Graph:
    """Apply every rule and return the graph.

    Raises:
        GraphError: the first rule that is broken; the message has file:line and the cure.
        ParameterError: the parameters of one step, or of the pipeline, are data.
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


@_rule
def _parameters_are_no_data(graph: Graph) -> None:
    _refuse_data(graph.parameters, f"{graph.pipeline.location}: the parameters of pipeline {graph.pipeline.name!r}")
    for invocation in graph.invocations.values():
        _refuse_data(invocation.parameters, f"{invocation.location}: the parameters of step {invocation.id!r}")


def _refuse_data(parameters: Mapping[str, Parameter], what: str) -> None:
    sizes = {name: len(name.encode()) + len(parameter.json.encode()) for name, parameter in parameters.items()}
    if sum(sizes.values()) > MAX_PARAMETER_BYTES:
        largest = max(sizes, key=lambda name: sizes[name])
        raise ParameterError(
            f"{what} have {sum(sizes.values())} bytes as JSON, at most {MAX_PARAMETER_BYTES} are allowed; pass "
            f"{largest!r} ({sizes[largest]} bytes) as ExternalArtifact(...)"
        )
