"""The call of a pipeline whose run is resumed: its arguments are those of the run."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from argosy.errors import GraphError, ParameterError
from argosy.graph.artifact_arguments import is_artifact, is_artifact_list
from argosy.graph.canonical_json import from_canonical
from argosy.graph.definitions import PipelineDefinition
from argosy.graph.near_matches import listed
from argosy.graph.pipeline_call import bind_pipeline
from argosy.graph.source_location import caller_location
from argosy.v1.pipeline_pb2 import Run


def resumed_arguments(
    pipeline: PipelineDefinition, run: Run, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments with which a pipeline is called again: those given, the others as they were recorded.

    Raises:
        GraphError: the run is of another pipeline, an argument is unknown, or one is needed that is not recorded.
        ParameterError: a parameter is given that is not what the run was started with.
    """
    location, name = caller_location(), pipeline.name
    if run.pipeline_name != name:
        raise GraphError(
            f"{location}: run {run.name!r} is of pipeline {run.pipeline_name!r}, not of {name!r}; resume it by that "
            f"pipeline, or as {name}.with_options(name={run.pipeline_name!r}) when it was renamed"
        )
    try:
        given = dict(pipeline.signature.bind_partial(*args, **kwargs).arguments)
    except TypeError as error:
        raise GraphError(f"{location}: {name}.resume(...): {error}; it is {name}{pipeline.signature}") from None
    arguments = {
        key: from_canonical(text) for key, text in run.parameters.items() if key in pipeline.signature.parameters
    }
    arguments |= given
    missing = unrecorded_arguments(pipeline, arguments)
    if missing:
        example = ", ".join(f"{key}=..." for key in missing)
        raise GraphError(
            f"{location}: the record of run {run.name!r} has no value for {listed(missing)}: artifacts are not "
            f"recorded as arguments; pass what it was given again: {name}.resume(run, {example})"
        )
    bound, parameters = bind_pipeline(pipeline, *as_call(pipeline, arguments), location)
    for key, parameter in parameters.items():
        recorded = run.parameters.get(key)
        if recorded is not None and recorded != parameter.json:
            raise ParameterError(
                f"{location}: run {run.name!r} was started with {key}={recorded} and cannot go on with "
                f"{parameter.json}; leave it out, or start another run"
            )
    return dict(bound.arguments)


def unrecorded_arguments(pipeline: PipelineDefinition, known: Container[str]) -> list[str]:
    """Return the arguments without which a pipeline cannot be called again, besides those that are known."""
    parameters = pipeline.signature.parameters
    return [key for key, parameter in parameters.items() if key not in known and not _is_input(parameter.default)]


def as_call(pipeline: PipelineDefinition, arguments: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments by name as a call passes them, by position where a name cannot be written."""
    kinds = {key: parameter.kind for key, parameter in pipeline.signature.parameters.items()}
    positional = [key for key, kind in kinds.items() if kind.name == "POSITIONAL_ONLY"]
    args = tuple(arguments[key] for key in positional if key in arguments)
    return args, {key: value for key, value in arguments.items() if key not in positional}


def _is_input(default: object) -> bool:
    return is_artifact(default) or is_artifact_list(default)
