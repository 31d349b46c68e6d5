"""What a recorded graph must fulfil before it runs: small registered rules, each with its cure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping

from argosy.errors import GraphError, ParameterError
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import Graph, Invocation, Parameter
from argosy.graph.names import MAX_NAME_CHARACTERS
from argosy.graph.near_matches import did_you_mean, listed
from argosy.graph.reachable_steps import may_call_steps

MAX_PARAMETER_BYTES = 256 << 10
"""What the service takes for all parameters of a run, or of a step, as JSON."""

_MAX_LISTED = 10

Rule = Callable[[Graph], None]
InvocationRule = Callable[[Graph, Invocation], None]
_rules: list[Rule] = []
_invocation_rules: list[InvocationRule] = []


def check_graph(graph: Graph) -> Graph:
    """Apply every rule and return the graph.

    Raises:
        GraphError: the first rule that is broken; the message has file:line and the cure.
        ParameterError: the parameters of one step, or of the pipeline, are data.
    """
    for rule in _rules:
        rule(graph)
    check_invocations(graph, graph.invocations)
    return graph


def check_invocations(graph: Graph, names: Iterable[str]) -> None:
    """Apply the rules for single invocations to some of a graph that is still being recorded.

    Raises:
        GraphError: the first rule that is broken.
        ParameterError: the parameters of a step are data.
    """
    for name in names:
        for rule in _invocation_rules:
            rule(graph, graph.invocations[name])


def check_order(graph: Graph, invocation: str) -> None:
    """Refuse a graph, which may still be recorded, in which an invocation waits for itself.

    Raises:
        GraphError: names the steps that wait for each other.
    """
    upstream = {name: graph.invocations[name] for name in graph.upstream_of(invocation)}
    _refuse_cycle(dataclasses.replace(graph, invocations=upstream))


def check_parameters(graph: Graph) -> None:
    """Check the parameters of the pipeline itself, before its body is executed.

    Raises:
        ParameterError: they are data.
    """
    _refuse_data(graph.parameters, f"{graph.pipeline.location}: the parameters of pipeline {graph.pipeline.name!r}")


def _rule(function: Rule) -> Rule:
    _rules.append(function)
    return function


def _invocation_rule(function: InvocationRule) -> InvocationRule:
    _invocation_rules.append(function)
    return function


@_rule
def _has_steps(graph: Graph) -> None:
    # A condition that is false, or a loop over nothing, is an answer too: such a run has no steps and completes.
    if not graph.invocations and not may_call_steps(graph.pipeline.function):
        raise GraphError(
            f"{graph.pipeline.location}: pipeline {graph.pipeline.name!r} calls no step; call at least one function "
            "decorated with @step in its body"
        )


@_rule
def _has_no_cycle(graph: Graph) -> None:
    known = {name for one in graph.invocations.values() for name in one.after} <= graph.invocations.keys()
    if known:  # a name that is not known is told by its own rule
        _refuse_cycle(graph)


@_invocation_rule
def _after_names_known_invocations(graph: Graph, invocation: Invocation) -> None:
    for name in invocation.after:
        if name not in graph.invocations:
            known = list(graph.invocations)
            more = ", ..." if len(known) > _MAX_LISTED else ""
            raise GraphError(
                f"{invocation.location}: step {invocation.id!r} shall run after {name!r}, which pipeline "
                f"{graph.pipeline.name!r} does not call{did_you_mean(name, known)}; it calls "
                f"{listed(known[:_MAX_LISTED])}{more}"
            )


@_invocation_rule
def _saves_each_fixed_version_once(graph: Graph, invocation: Invocation) -> None:
    for output in invocation.step.outputs:
        if output.version is None:
            continue
        saved = (graph.output_name(invocation, output), output.version)
        for other in graph.invocations.values():
            if other.id != invocation.id and saved in _fixed_versions(graph, other):
                raise GraphError(
                    f"{other.location}: steps {invocation.id!r} and {other.id!r} both save version "
                    f"{output.version!r} of {saved[0]!r}; a version is saved once: leave it out, or use other names"
                )


@_invocation_rule
def _artifact_names_are_not_too_long(graph: Graph, invocation: Invocation) -> None:
    names = [graph.output_name(invocation, output) for output in invocation.step.outputs]
    values = {name for name, source in invocation.sources() if isinstance(source, ExternalArtifact)}
    names.extend(graph.input_name(invocation, name) for name in values)
    for name in names:
        if len(name) > MAX_NAME_CHARACTERS:
            raise GraphError(
                f"{invocation.location}: the artifact name {name[:40]!r}... has {len(name)} characters, at most "
                f"{MAX_NAME_CHARACTERS} are allowed; shorten the names of the pipeline and the step"
            )


@_invocation_rule
def _parameters_are_no_data(graph: Graph, invocation: Invocation) -> None:
    _refuse_data(invocation.parameters, f"{invocation.location}: the parameters of step {invocation.id!r}")


def _refuse_cycle(graph: Graph) -> None:
    ordered = set(graph.order())
    if stuck := [invocation for invocation in graph.invocations if invocation not in ordered]:
        first = graph.invocations[stuck[0]]
        raise GraphError(f"{first.location}: steps {listed(stuck)} wait for each other; remove one of their after=...")


def _fixed_versions(graph: Graph, invocation: Invocation) -> set[tuple[str, str]]:
    return {
        (graph.output_name(invocation, output), output.version)
        for output in invocation.step.outputs
        if output.version is not None
    }


def _refuse_data(parameters: Mapping[str, Parameter], what: str) -> None:
    sizes = {name: len(name.encode()) + len(parameter.json.encode()) for name, parameter in parameters.items()}
    if sum(sizes.values()) > MAX_PARAMETER_BYTES:
        largest = max(sizes, key=lambda name: sizes[name])
        raise ParameterError(
            f"{what} have {sum(sizes.values())} bytes as JSON, at most {MAX_PARAMETER_BYTES} are allowed; pass "
            f"{largest!r} ({sizes[largest]} bytes) as ExternalArtifact(...)"
        )
