"""What a decorated function is: one frozen definition, checked when it is decorated."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType, MappingProxyType
from typing import Any

from argosy.errors import DefinitionError
from argosy.graph.annotations import Unresolved, resolve_annotations
from argosy.graph.definition_checks import Candidate, check_definition
from argosy.graph.outputs import Outputs, declared_outputs
from argosy.graph.source_location import SourceLocation, location_of
from argosy.graph.step_options import CacheOptions, Hooks, Retry

NO_HOOKS = Hooks()
DEFAULT_CACHE = CacheOptions()
_NO_MATERIALIZERS: Mapping[str, Any] = MappingProxyType({})


class UnresolvedAnnotationWarning(UserWarning):
    """An input's annotation cannot be evaluated; the input counts as untyped."""


@dataclass(frozen=True)
class StepDefinition:
    """A function decorated with ``@step``.

    Attributes:
        name: the step's name, the function's own unless another was given.
        function: the user's function.
        signature: its parameters.
        annotations: parameter name -> resolved annotation; absent when it has none.
        outputs: what it declares to return.
        location: where it is defined.
        enable_cache: what the decorator says about caching; ``None`` leaves it to the pipeline.
        output_materializers: output name -> the materializer it is saved with, for those given.
        allow_pickle: whether it may save and load pickles; ``None`` leaves it to the settings.
        retry: when a failed attempt is followed by another one; ``None`` for never.
        timeout: seconds an attempt may take; ``None`` for any time.
        hooks: what is called when it starts and ends.
        cache: what its cache key is made of besides code, parameters and inputs.
    """

    name: str
    function: Callable[..., Any]
    signature: inspect.Signature = field(compare=False)
    annotations: Mapping[str, Any] = field(compare=False)
    outputs: Outputs
    location: SourceLocation
    enable_cache: bool | None = None
    output_materializers: Mapping[str, Any] = field(default_factory=lambda: _NO_MATERIALIZERS, compare=False)
    allow_pickle: bool | None = None
    retry: Retry | None = None
    timeout: float | None = None
    hooks: Hooks = NO_HOOKS
    cache: CacheOptions = DEFAULT_CACHE

    def annotation_of(self, parameter: str) -> Any:
        """Return the annotation of an input, ``Any`` when it has none."""
        return self.annotations.get(parameter, Any)


@dataclass(frozen=True)
class PipelineDefinition:
    """A function decorated with ``@pipeline``; attributes as those of :class:`StepDefinition`.

    Attributes:
        runner: ``"local"`` (threads of this process), ``"processes"``, or a runner.
        max_parallel: how many steps may run at once; ``None`` lets the runner choose.
        execution_mode: ``"fail_fast"``: after a failure no step starts any more; ``"continue"``: those
            that do not depend on the failed one still run.
    """

    name: str
    function: Callable[..., Any]
    signature: inspect.Signature = field(compare=False)
    annotations: Mapping[str, Any] = field(compare=False)
    location: SourceLocation
    enable_cache: bool | None = None
    hooks: Hooks = NO_HOOKS
    runner: Any = "local"
    max_parallel: int | None = None
    execution_mode: str = "fail_fast"

    def annotation_of(self, parameter: str) -> Any:
        """Return the annotation of a parameter, ``Any`` when it has none."""
        return self.annotations.get(parameter, Any)


def define_step(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    enable_cache: bool | None = None,
    output_materializers: Any = None,
    allow_pickle: bool | None = None,
    frame: FrameType | None = None,
) -> StepDefinition:
    """Check a function and its options and describe it as a step.

    Args:
        function: what ``@step`` decorates.
        name: the step's name; the function's own by default.
        enable_cache: whether its results may be reused; by default the pipeline decides.
        output_materializers: one materializer for every output, or a dict by output name.
        allow_pickle: whether it may save and load pickles; by default as configured.
        frame: where it is decorated, to find classes local to a function.

    Raises:
        DefinitionError: the function cannot be a step; the message has file:line and the cure.
    """
    candidate = check_definition(Candidate.of("step", function, name, enable_cache, allow_pickle))
    annotations = resolve_annotations(function, frame)
    try:
        outputs = declared_outputs(annotations.pop("return", ...))
        materializers = _by_output(output_materializers, outputs)
    except DefinitionError as error:
        raise candidate.error(str(error)) from None
    return StepDefinition(
        name=candidate.name,
        function=function,
        signature=candidate.signature,
        annotations=_typed(candidate, annotations),
        outputs=outputs,
        location=location_of(function.__code__),
        enable_cache=enable_cache,
        output_materializers=materializers,
        allow_pickle=allow_pickle,
    )


def define_pipeline(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    enable_cache: bool | None = None,
    frame: FrameType | None = None,
) -> PipelineDefinition:
    """Check a function and its options and describe it as a pipeline; see :func:`define_step`.

    Raises:
        DefinitionError: the function cannot be a pipeline; the message has file:line and the cure.
    """
    candidate = check_definition(Candidate.of("pipeline", function, name, enable_cache))
    annotations = resolve_annotations(function, frame)
    annotations.pop("return", None)
    return PipelineDefinition(
        name=candidate.name,
        function=function,
        signature=candidate.signature,
        annotations=_typed(candidate, annotations),
        location=location_of(function.__code__),
        enable_cache=enable_cache,
    )


def _typed(candidate: Candidate, annotations: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep the annotations that could be resolved; warn about the others."""
    typed: dict[str, Any] = {}
    for parameter, annotation in annotations.items():
        if not isinstance(annotation, Unresolved):
            typed[parameter] = Any if annotation is ... else annotation
            continue
        warnings.warn_explicit(
            f"{candidate.kind} {candidate.name!r}: the annotation {annotation.text!r} of {parameter!r} cannot be "
            f"evaluated ({annotation.reason}); it counts as untyped. Define or import what it names before the "
            f"{candidate.kind}, at module level",
            UnresolvedAnnotationWarning,
            candidate.location.file,
            candidate.location.line,
        )
    return MappingProxyType(typed)


def _by_output(materializers: Any, outputs: Outputs) -> Mapping[str, Any]:
    if materializers is None:
        return _NO_MATERIALIZERS
    if not isinstance(materializers, Mapping):
        return MappingProxyType(dict.fromkeys(outputs.keys, materializers))
    if unknown := [key for key in materializers if key not in outputs.keys]:
        raise DefinitionError(
            f"output_materializers names {', '.join(map(repr, unknown))}, but the outputs are "
            f"{', '.join(map(repr, outputs.keys)) or 'none'}; use the names of the outputs"
        )
    return MappingProxyType(dict(materializers))
