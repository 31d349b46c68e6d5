"""Loads the artifact arguments of a step that is called as a plain function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from argosy.errors import GraphError
from argosy.graph.call_binding import bind_call
from argosy.graph.definitions import StepDefinition
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.mapped_outputs import MappedOutputs
from argosy.graph.model import VersionRef
from argosy.graph.parameters import is_artifact, is_artifact_list, version_id_of
from argosy.graph.source_location import SourceLocation, caller_location
from argosy.graph.step_output import StepOutput, StepOutputs


def load_arguments(
    step: StepDefinition, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Return the arguments with every artifact replaced by its value; all others stay as they are.

    Raises:
        GraphError: an argument is an output of a pipeline that is not being recorded any more.
    """
    if not any(_holds_artifact(argument) for argument in (*args, *kwargs.values())):
        return args, kwargs
    location = caller_location()
    bound = bind_call("step", step, args, kwargs, location)
    for name, argument in bound.arguments.items():
        if is_artifact_list(argument):
            values = [_load(item, name, step, location) for item in argument]
            bound.arguments[name] = values if isinstance(argument, (list, MappedOutputs)) else tuple(values)
        elif _holds_artifact(argument):
            bound.arguments[name] = _load(argument, name, step, location)
    return bound.args, bound.kwargs


def refuse_output(output: StepOutput | StepOutputs | MappedOutputs, location: SourceLocation) -> NoReturn:
    """Refuse an output of a pipeline whose body is not being executed.

    Raises:
        GraphError: always; the message has the cure.
    """
    raise GraphError(
        f"{location}: {output!r} is used outside the body of its pipeline, where it has no value; take the value "
        'from the run instead: run.steps["..."].output'
    )


def _holds_artifact(argument: object) -> bool:
    return isinstance(argument, (StepOutputs, MappedOutputs)) or is_artifact(argument) or is_artifact_list(argument)


def _load(artifact: object, name: str, step: StepDefinition, location: SourceLocation) -> object:
    if isinstance(artifact, (StepOutput, StepOutputs, MappedOutputs)):
        refuse_output(artifact, location)
    if isinstance(artifact, ExternalArtifact):
        return artifact.value if artifact.has_value else _stored(artifact, name, step)
    version_id = version_id_of(artifact)
    assert version_id is not None
    return _stored(VersionRef(version_id), name, step)


def _stored(source: VersionRef | ExternalArtifact, name: str, step: StepDefinition) -> object:
    # Loaded only now: it knows the store, which a call with plain values never needs.
    from argosy.execution.load_argument import load_argument

    return load_argument(source, step.annotation_of(name), allow_pickle=step.allow_pickle)
