"""Records the body of a pipeline: steps called in it become invocations of a graph."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from argosy.errors import GraphError, ParameterError
from argosy.graph.artifact_arguments import is_artifact, is_artifact_list
from argosy.graph.call_binding import bind_call
from argosy.graph.checks import check_graph, check_invocations, check_order
from argosy.graph.definitions import PipelineDefinition, StepDefinition
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.mapped_outputs import MappedOutputs
from argosy.graph.model import (
    ArtifactInput,
    ArtifactList,
    ArtifactSource,
    Graph,
    InnerPipeline,
    Invocation,
    Parameter,
    VersionRef,
)
from argosy.graph.output_refs import StepOutputRef
from argosy.graph.parameters import make_parameter
from argosy.graph.source_location import SourceLocation, caller_location
from argosy.graph.step_output import StepOutput, StepOutputs
from argosy.graph.version_ids import version_id_of

Promise: TypeAlias = "StepOutput | StepOutputs | MappedOutputs"
"""What stands for values that do not exist yet."""

Predecessor: TypeAlias = "Promise | StepDefinition | PipelineDefinition | str"
"""What ``after=`` takes: outputs, an invocation's id, or a step or pipeline, meaning its calls so far."""

OnLoad: TypeAlias = Callable[[Graph, Sequence[StepOutputRef]], Sequence[Any]]
"""Runs what outputs of the graph so far need, and returns their values in order."""

MAX_DEPTH = 32
"""How deep pipelines may be called inside pipelines."""


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
    """Collects the invocations of one call of a pipeline.

    Attributes:
        pipeline: the definition.
    """

    def __init__(self, start: Graph, on_load: OnLoad | None = None) -> None:
        """Start with a graph that has no invocations.

        Args:
            start: everything about the call but its steps.
            on_load: runs what ``output.load()`` needs; ``None`` where nothing runs.
        """
        self.pipeline = start.pipeline
        self._start = start
        self._on_load = on_load
        self._invocations: dict[str, Invocation] = {}
        self._inner: list[InnerPipeline] = []
        self._all_inner: dict[str, InnerPipeline] = {}
        self._checked: set[str] = set()
        self._numbers: dict[str, int] = {}

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Let steps called in the block be recorded here."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    @contextlib.contextmanager
    def inside(self, pipeline: PipelineDefinition, cache_override: bool | None) -> Iterator[None]:
        """Record the body of another pipeline: its invocations bear its name, and its options hold for them.

        Raises:
            GraphError: pipelines are nested too deeply.
        """
        names = [self.pipeline.name, *(inner.pipeline.name for inner in self._inner), pipeline.name]
        if len(self._inner) >= MAX_DEPTH:
            raise GraphError(
                f"{caller_location()}: pipelines are called inside each other more than {MAX_DEPTH} deep "
                f"({' > '.join(names[:4])} > ...); a pipeline that calls itself must end on a value got by .load(): "
                "write a loop over steps instead"
            )
        outer = self._inner[-1] if self._inner else None
        overrides = (cache_override, outer.cache_override if outer else self._start.cache_override)
        defaults = (pipeline.enable_cache, outer.enable_cache if outer else self.pipeline.enable_cache)
        inner = InnerPipeline(
            prefix=self._free_prefix(pipeline.name),
            pipeline=pipeline,
            cache_override=next((said for said in overrides if said is not None), None),
            enable_cache=next((said for said in defaults if said is not None), None),
        )
        self._all_inner[inner.prefix] = inner
        self._inner.append(inner)
        try:
            yield
        finally:
            self._inner.pop()

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
                artifacts[name] = ArtifactList(items, as_tuple=isinstance(value, (tuple, StepOutputs)))
            else:
                parameters[name] = checked_parameter("step", step, name, value, location)
        invocation = Invocation(
            id=self._free_id(step.name),
            step=step,
            artifacts=MappingProxyType(artifacts),
            parameters=MappingProxyType(parameters),
            after=self._after(step, options.after, location),
            cache_override=options.enable_cache,
            location=location,
            inner=self._inner[-1] if self._inner else None,
        )
        self._invocations[invocation.id] = invocation
        return self._promises(invocation)

    def load(self, outputs: Sequence[StepOutput]) -> list[Any]:
        """Run what outputs need, unless it ran already, and return their values.

        Raises:
            GraphError: the pipeline's body is not being executed any more, nothing runs, or a rule is broken.
            Exception: what a step raised.
        """
        location = caller_location()
        if current_recorder() is not self:
            raise GraphError(
                f"{location}: {', '.join(map(repr, outputs[:1]))} is used outside the body of its pipeline; take the "
                'value from the run instead: run.steps["..."].output.load()'
            )
        if not outputs:
            return []
        if self._on_load is None:
            raise GraphError(
                f"{location}: {outputs[0].described} has no value, since pipeline {self.pipeline.name!r} is only "
                "recorded and nothing runs; call the pipeline instead of its .record()"
            )
        graph = self._graph()
        refs = [output.ref for output in outputs if isinstance(output.ref, StepOutputRef)]
        for invocation in dict.fromkeys(ref.invocation for ref in refs):
            self._check_so_far(graph, invocation)
        token = _current.set(None)  # what runs now is not part of the body
        try:
            return list(self._on_load(graph, refs))
        finally:
            _current.reset(token)

    def _check_so_far(self, graph: Graph, invocation: str) -> None:
        """Apply the rules to what has to run now."""
        needed = graph.upstream_of(invocation, known=self._checked)
        check_invocations(graph, needed)
        if any(self._invocations[name].after for name in needed):
            check_order(graph, invocation)
        self._checked.update(needed)

    def graph(self) -> Graph:
        """Freeze what was recorded.

        Raises:
            GraphError: a rule of ``checks`` is broken.
        """
        return check_graph(self._graph())

    def _graph(self) -> Graph:
        return dataclasses.replace(self._start, invocations=MappingProxyType(dict(self._invocations)))

    @property
    def _prefix(self) -> str:
        return self._inner[-1].prefix if self._inner else ""

    def _free_id(self, name: str) -> str:
        """Return the next of ``name``, ``name_2``, ``name_3``, … that is free: words a shell takes as they are."""
        wanted = self._prefix + name
        while True:
            number = self._numbers[wanted] = self._numbers.get(wanted, 0) + 1
            candidate = wanted if number == 1 else f"{wanted}_{number}"
            if candidate not in self._invocations:
                return candidate

    def _free_prefix(self, name: str) -> str:
        candidate, number = f"{self._prefix}{name}.", 1
        while candidate in self._all_inner:
            number += 1
            candidate = f"{self._prefix}{name}_{number}."
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

    def _require_own(self, promise: Promise, location: SourceLocation) -> None:
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
            return [self._prefix + predecessor]  # a call, also a later one, of the same body
        if isinstance(predecessor, (StepDefinition, PipelineDefinition)):
            if called := self._calls_of(predecessor):
                return called
            kind = "step" if isinstance(predecessor, StepDefinition) else "pipeline"
            raise GraphError(
                f"{location}: step {step.name!r} shall run after {kind} {predecessor.name!r}, which was not called "
                "before it in this pipeline; call it first, or pass the id of a later call as text"
            )
        if predecessor.recording is not self:
            raise GraphError(
                f"{location}: step {step.name!r} shall run after {predecessor!r} of another pipeline call, which this "
                "one cannot wait for; call this pipeline once that call has returned, and leave it out of after="
            )
        if isinstance(predecessor, MappedOutputs):
            return list(predecessor.invocations)
        return [predecessor.ref.invocation if isinstance(predecessor, StepOutput) else predecessor.invocation]

    def _calls_of(self, called: StepDefinition | PipelineDefinition) -> list[str]:
        """Return the calls so far of a step or a pipeline in the body that is being executed."""
        here = [known for known in self._invocations.values() if known.id.startswith(self._prefix)]
        if isinstance(called, StepDefinition):
            return [known.id for known in here if known.step.function is called.function]
        prefixes = [inner.prefix for inner in self._all_inner.values() if inner.pipeline.function is called.function]
        return [known.id for known in here if any(known.id.startswith(prefix) for prefix in prefixes)]


def checked_parameter(
    kind: str, owner: StepDefinition | PipelineDefinition, name: str, value: object, location: SourceLocation
) -> Parameter:
    """Make the parameter that an argument which is no artifact stands for.

    Raises:
        ParameterError: it does not fit.
    """
    if isinstance(value, (StepOutputs, MappedOutputs)):
        raise ParameterError(f"{location}: {kind} {owner.name!r}, input {name!r}: {value!r} is not an artifact")
    return make_parameter(
        value,
        owner.annotation_of(name),
        what=f"{location}: parameter {name!r} of {kind} {owner.name!r} ({owner.location})",
        default=owner.signature.parameters[name].default,
    )
