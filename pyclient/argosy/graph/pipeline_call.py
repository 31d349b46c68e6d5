"""The call of a pipeline: recorded as a graph of its own, or inside the body of another one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from argosy import clock
from argosy.errors import GraphError
from argosy.graph.artifact_arguments import is_artifact, is_artifact_list
from argosy.graph.call_binding import bind_call
from argosy.graph.checks import check_parameters
from argosy.graph.definitions import PipelineDefinition
from argosy.graph.model import Graph, Parameter
from argosy.graph.recorder import OnLoad, Recorder, checked_parameter, current_recorder
from argosy.graph.run_names import make_run_name
from argosy.graph.source_location import SourceLocation, caller_location


def record_pipeline(
    pipeline: PipelineDefinition,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    cache_override: bool | None = None,
    on_load: OnLoad | None = None,
) -> Graph:
    """Execute the body of a pipeline once and return the graph of its steps.

    Arguments that are artifacts are handed to the body as they are; all others are parameters.

    Args:
        pipeline: whose body.
        args: the positional arguments of the call.
        kwargs: its keyword arguments.
        cache_override: what ``with_options`` says about caching.
        on_load: runs what ``output.load()`` needs; without it nothing runs.

    Raises:
        GraphError: the arguments or the body cannot mean a graph.
        ParameterError: a parameter does not fit.
    """
    location = caller_location()
    outer = current_recorder()
    if outer is not None:
        raise GraphError(
            f"{location}: pipeline {pipeline.name!r} is recorded in the body of pipeline {outer.pipeline.name!r}; "
            "call it, and its steps are recorded there"
        )
    bound, parameters = bind_pipeline(pipeline, args, kwargs, location)
    template = pipeline.run_name
    start = Graph(
        pipeline=pipeline,
        invocations=MappingProxyType({}),
        parameters=MappingProxyType(parameters),
        run_name=None if template is None else make_run_name(template, clock.now()),
        cache_override=cache_override,
    )
    check_parameters(start)
    recorder = Recorder(start, on_load)
    with recorder.recording():
        pipeline.function(*bound.args, **bound.kwargs)
    return recorder.graph()


def record_inner(
    recorder: Recorder,
    pipeline: PipelineDefinition,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    cache_override: bool | None = None,
) -> Any:
    """Execute the body of a pipeline that is called in the body of another one; return what it returns.

    Its steps become steps of the outer pipeline, under its name. What its options say about caching holds for them;
    its hooks, its runner and its run name do not, since the run is the outer pipeline's.

    Raises:
        GraphError: the arguments or the body cannot mean a graph, or pipelines are nested too deeply.
        ParameterError: a parameter does not fit.
    """
    bound, _ = bind_pipeline(pipeline, args, kwargs, caller_location())
    with recorder.inside(pipeline, cache_override):
        return pipeline.function(*bound.args, **bound.kwargs)


def bind_pipeline(
    pipeline: PipelineDefinition, args: tuple[Any, ...], kwargs: Mapping[str, Any], location: SourceLocation
) -> tuple[inspect.BoundArguments, dict[str, Parameter]]:
    """Bind the arguments of a call; return them with the parameters among them, coerced.

    Raises:
        GraphError: an argument is missing, unknown or passed twice.
        ParameterError: a parameter does not fit.
    """
    bound = bind_call("pipeline", pipeline, args, kwargs, location)
    parameters: dict[str, Parameter] = {}
    for name, value in bound.arguments.items():
        if is_artifact(value) or is_artifact_list(value):
            continue
        parameters[name] = checked_parameter("pipeline", pipeline, name, value, location)
        bound.arguments[name] = parameters[name].value
    return bound, parameters
