"""Records the body of a pipeline: steps called in it become invocations of a graph."""

from __future__ import annotations

import contextvars
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, TypeAlias

from argosy.errors import GraphError, ParameterError
from argosy.graph.call_binding import bind_call
from argosy.graph.checks import check_graph
from argosy.graph.definitions import PipelineDefinition, StepDefinition
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import (
    ArtifactInput,
    ArtifactList,
    ArtifactSource,
    Graph,
    Invocation,
    Parameter,
    StepOutputRef,
    VersionRef,
)
from argosy.graph.parameters import is_artifact, is_artifact_list, make_parameter, version_id_of
from argosy.graph.run_names import make_run_name
from argosy.graph.source_location import SourceLocation, caller_location
from argosy.graph.step_output import StepOutput, StepOutputs

Predecessor: TypeAlias = "StepOutput | StepOutputs | StepDefinition | str"
"""What ``after=`` takes: outputs, an invocation's id, or a step, meaning its calls so far."""


@dataclass(frozen=True)
class CallOptions:
    """What ``with_options`` says about one call of a step.

    Attributes:
        enable_cache: overrides the decorators; ``None`` leaves it to them.
        after: what must have ended before.
    """

    enable_cache: bool | None = None
    after: tuple[Predecessor, ...] = ()


NO_OPTIONS = CallOptions()

_current: contextvars.ContextVar[Recorder | None] = contextvars.ContextVar("argosy_recorder", default=None)


def current_recorder() -> Recorder | None:
    """Return the recorder of the pipeline whose body is being executed, ``None`` outside of one."""
    return _current.get()


class Recorder:
    """Collects the invocations of one call of a pipeline."""

    def __init__(self, pipeline: PipelineDefinition) -> None:
        """Start with no invocations."""
        self.pipeline = pipeline
        self._invocations: dict[str, Invocation] = {}

    def call(
        self, step: StepDefinition, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: CallOptions = NO_OPTIONS
    ) -> StepOutput | StepOutputs:
        """Record one call of a step and return promises of its outputs.

        Raises:
            GraphError: inputs are missing or unknown, or belong to another pipeline.
            ParameterError: a parameter does not fit.
        """
        location = caller_location()
        artifacts: dict[str, ArtifactInput] = {}
        parameters: dict[str, Parameter] = {}
        for name, value in bind_call("step", step, args, kwargs, location).arguments.items():
            if is_artifact(value):
                artifacts[name] = self._source(value, location)
            elif is_artifact_list(value):
                items = tuple(self._source(item, location) for item in value)
                artifacts[name] = ArtifactList(items, as_tuple=not isinstance(value, list))
            else:
                parameters[name] = _parameter("step", step, name, value, location)
        invocation = Invocation(
            id=self._free_id(step.name),
            step=step,
            artifacts=MappingProxyType(artifacts),
            parameters=MappingProxyType(parameters),
            after=self._after(step, options.after, location),
            cache_override=options.enable_cache,
            location=location,
        )
        self._invocations[invocation.id] = invocation
        return self._promises(invocation)

    def graph(
        self, parameters: Mapping[str, Parameter], *, run_name: str | None = None, cache_override: bool | None = None
    ) -> Graph:
        """Freeze what was recorded.

        Raises:
            GraphError: a rule of ``checks`` is broken.
        """
        return check_graph(
            Graph(
                pipeline=self.pipeline,
                invocations=MappingProxyType(dict(self._invocations)),
                parameters=MappingProxyType(dict(parameters)),
                run_name=run_name,
                cache_override=cache_override,
            )
        )

    def _free_id(self, name: str) -> str:
        candidate, number = name, 1
        while candidate in self._invocations:
            number += 1
            candidate = f"{name}_{number}"
        return candidate

    def _promises(self, invocation: Invocation) -> StepOutput | StepOutputs:
        declared = invocation.step.outputs
        outputs = tuple(StepOutput(StepOutputRef(invocation.id, key), self) for key in declared.keys)
        if len(outputs) == 1 and not declared.is_tuple:
            return outputs[0]
        return StepOutputs(invocation.id, outputs, self)

    def _source(self, artifact: object, location: SourceLocation) -> ArtifactSource:
        if isinstance(artifact, StepOutput):
            self._require_own(artifact, location)
            return artifact.ref
        if isinstance(artifact, ExternalArtifact):
            return artifact
        version_id = version_id_of(artifact)
        assert version_id is not None
        return VersionRef(version_id)

    def _require_own(self, promise: StepOutput | StepOutputs, location: SourceLocation) -> None:
        if promise.recording is not self:
            raise GraphError(
                f"{location}: {promise!r} comes from another pipeline call; to use it here, name its output and pass "
                "ExternalArtifact(name=..., pipeline_name=...)"
            )

    def _after(
        self, step: StepDefinition, predecessors: Iterable[Predecessor], location: SourceLocation
    ) -> tuple[str, ...]:
        ids: dict[str, None] = {}
        for predecessor in predecessors:
            ids.update(dict.fromkeys(self._ids_of(step, predecessor, location)))
        return tuple(ids)

    def _ids_of(self, step: StepDefinition, predecessor: Predecessor, location: SourceLocation) -> list[str]:
        if isinstance(predecessor, str):
            return [predecessor]
        if isinstance(predecessor, StepDefinition):
            called = [known.id for known in self._invocations.values() if known.step.function is predecessor.function]
            if called:
                return called
            raise GraphError(
                f"{location}: step {step.name!r} shall run after step {predecessor.name!r}, which was not called "
                "before it in this pipeline; call it first, or pass the id of a later call as text"
            )
        self._require_own(predecessor, location)
        return [predecessor.ref.invocation if isinstance(predecessor, StepOutput) else predecessor.invocation]


def record_pipeline(
    pipeline: PipelineDefinition,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    cache_override: bool | None = None,
) -> Graph:
    """Execute the body of a pipeline once and return the graph of its steps; nothing runs.

    Arguments that are artifacts are handed to the body as they are; all others are parameters.

    Raises:
        GraphError: the arguments or the body cannot mean a graph.
        ParameterError: a parameter does not fit.
    """
    location = caller_location()
    outer = current_recorder()
    if outer is not None:
        raise GraphError(
            f"{location}: pipeline {pipeline.name!r} is called in the body of pipeline {outer.pipeline.name!r}; "
            "pipelines inside pipelines are not supported yet: call its steps here, or one pipeline after the other"
        )
    bound = bind_call("pipeline", pipeline, args, kwargs, location)
    parameters: dict[str, Parameter] = {}
    for name, value in bound.arguments.items():
        if is_artifact(value) or is_artifact_list(value):
            continue
        parameters[name] = _parameter("pipeline", pipeline, name, value, location)
        bound.arguments[name] = parameters[name].value
    template = pipeline.run_name
    run_name = None if template is None else make_run_name(template, datetime.now(timezone.utc))
    recorder = Recorder(pipeline)
    token = _current.set(recorder)
    try:
        pipeline.function(*bound.args, **bound.kwargs)
    finally:
        _current.reset(token)
    return recorder.graph(parameters, run_name=run_name, cache_override=cache_override)


def _parameter(
    kind: str, owner: StepDefinition | PipelineDefinition, name: str, value: object, location: SourceLocation
) -> Parameter:
    if isinstance(value, StepOutputs):
        raise ParameterError(f"{location}: {kind} {owner.name!r}, input {name!r}: {value!r} is not an artifact")
    return make_parameter(
        value,
        owner.annotation_of(name),
        what=f"{location}: parameter {name!r} of {kind} {owner.name!r} ({owner.location})",
        default=owner.signature.parameters[name].default,
    )
