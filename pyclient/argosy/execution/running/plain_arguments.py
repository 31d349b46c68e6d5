"""Loads the artifact arguments of a step that is called as a plain function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from argosy.errors import GraphError, ParameterError
from argosy.graph.artifact_arguments import is_artifact, is_artifact_list, item_annotations
from argosy.graph.call_binding import bind_call
from argosy.graph.definitions import StepDefinition
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.mapped_outputs import MappedOutputs
from argosy.graph.model import VersionRef
from argosy.graph.source_location import SourceLocation, caller_location
from argosy.graph.step_output import StepOutput, StepOutputs
from argosy.graph.version_ids import version_id_of, wants_version


def load_arguments(
    step: StepDefinition, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Return the arguments with every artifact replaced by its value, defaults too; all others stay as they are.

    Raises:
        GraphError: an argument is an output of a pipeline that is not being recorded any more.
        ParameterError: an argument is a value where a stored version is asked for.
    """
    defaults = (parameter.default for parameter in step.signature.parameters.values())
    if not any(_holds_artifact(argument) for argument in (*args, *kwargs.values(), *defaults)):
        return args, kwargs
    location = caller_location()
    bound = bind_call("step", step, args, kwargs, location)
    for name, argument in bound.arguments.items():
        if is_artifact_list(argument):
            annotations = item_annotations(step.annotation_of(name), len(argument))
            values = [_load(item, a, step, location) for item, a in zip(argument, annotations, strict=True)]
            bound.arguments[name] = values if isinstance(argument, (list, MappedOutputs)) else tuple(values)
        elif _holds_artifact(argument):
            bound.arguments[name] = _load(argument, step.annotation_of(name), step, location)
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


def _load(artifact: object, annotation: Any, step: StepDefinition, location: SourceLocation) -> object:
    if isinstance(artifact, (StepOutput, StepOutputs, MappedOutputs)):
        refuse_output(artifact, location)
    if isinstance(artifact, ExternalArtifact):
        if artifact.has_value and wants_version(annotation):
            raise ParameterError(
                f"{location}: step {step.name!r} takes a stored version, and ExternalArtifact(value) becomes one only "
                "in a pipeline; pass argosy.save_artifact(value, name)"
            )
        return artifact.value if artifact.has_value else _stored(artifact, annotation, step)
    version_id = version_id_of(artifact)
    assert version_id is not None
    return _stored(VersionRef(version_id), annotation, step)


def _stored(source: VersionRef | ExternalArtifact, annotation: Any, step: StepDefinition) -> object:
    # Loaded only now: it knows the store, which a call with plain values never needs.
    from argosy.execution.running.stored_argument import load_argument

    return load_argument(source, annotation, allow_pickle=step.allow_pickle)
