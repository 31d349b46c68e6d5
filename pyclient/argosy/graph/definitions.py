"""What a decorated function is: one frozen definition, checked when it is decorated."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType, MappingProxyType
from typing import Any, Literal, TypeVar

from argosy.errors import DefinitionError
from argosy.graph.annotations import Unresolved, resolve_annotations
from argosy.graph.definition_checks import Candidate, check_definition
from argosy.graph.near_matches import listed
from argosy.graph.option_rules import (
    CACHE_OPTIONS,
    HOOKS,
    PIPELINE_OPTIONS,
    STEP_OPTIONS,
    check_option_names,
    checked_options,
)
from argosy.graph.outputs import Outputs, declared_outputs
from argosy.graph.source_location import SourceLocation, caller_location, location_of
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
        run_name: the name of its runs, with ``{date}`` and ``{time}``; ``None`` for automatic ones.
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
    run_name: str | None = None

    def annotation_of(self, parameter: str) -> Any:
        """Return the annotation of a parameter, ``Any`` when it has none."""
        return self.annotations.get(parameter, Any)


Definition = TypeVar("Definition", bound="StepDefinition | PipelineDefinition")


def define_step(function: Callable[..., Any], *, frame: FrameType | None = None, **options: Any) -> StepDefinition:
    """Check a function and its options and describe it as a step.

    Args:
        function: what ``@step`` decorates.
        frame: where it is decorated, to find classes local to a function.
        options: what ``@step`` was given; ``None`` says nothing.

    Raises:
        DefinitionError: the function cannot be a step; the message has file:line and the cure.
    """
    candidate, said = _checked("step", function, options)
    annotations = resolve_annotations(function, frame)
    try:
        outputs = declared_outputs(annotations.pop("return", ...))
    except DefinitionError as error:
        raise candidate.error(str(error)) from None
    plain = StepDefinition(
        name=candidate.name,
        function=function,
        signature=candidate.signature,
        annotations=_typed(candidate, annotations),
        outputs=outputs,
        location=location_of(function.__code__),
    )
    return _with_said(plain, said, candidate)


def define_pipeline(
    function: Callable[..., Any], *, frame: FrameType | None = None, **options: Any
) -> PipelineDefinition:
    """Check a function and its options and describe it as a pipeline; see :func:`define_step`.

    Raises:
        DefinitionError: the function cannot be a pipeline; the message has file:line and the cure.
    """
    candidate, said = _checked("pipeline", function, options)
    annotations = resolve_annotations(function, frame)
    annotations.pop("return", None)
    plain = PipelineDefinition(
        name=candidate.name,
        function=function,
        signature=candidate.signature,
        annotations=_typed(candidate, annotations),
        location=location_of(function.__code__),
    )
    return _with_said(plain, said, candidate)


def redefine(definition: Definition, options: Mapping[str, Any]) -> Definition:
    """Return a definition with other options; those that are ``None`` or not given stay.

    Raises:
        DefinitionError: an option is unknown or malformed; the message has file:line and the cure.
    """
    kind: Literal["step", "pipeline"] = "step" if isinstance(definition, StepDefinition) else "pipeline"
    candidate, said = _checked(kind, definition.function, options, caller_location())
    return _with_said(definition, said, candidate)


def _checked(
    kind: Literal["step", "pipeline"],
    function: Callable[..., Any],
    options: Mapping[str, Any],
    location: SourceLocation | None = None,
) -> tuple[Candidate, dict[str, Any]]:
    what, known = (f"@{kind}", STEP_OPTIONS if kind == "step" else PIPELINE_OPTIONS)
    check_option_names(what, options, known, location or caller_location())
    candidate = check_definition(Candidate.of(kind, function, options.get("name"), location))
    return candidate, checked_options(candidate, options)


def _with_said(definition: Definition, said: dict[str, Any], candidate: Candidate) -> Definition:
    """Put options that were checked where they belong; hooks and cache options one by one."""
    changes = {name: value for name, value in said.items() if name not in (*HOOKS, *CACHE_OPTIONS)}
    if hooks := {name: said[name] for name in HOOKS if name in said}:
        changes["hooks"] = dataclasses.replace(definition.hooks, **hooks)
    if isinstance(definition, StepDefinition):
        if cache := {name: said[name] for name in CACHE_OPTIONS if name in said}:
            changes["cache"] = dataclasses.replace(definition.cache, **cache)
        if "output_materializers" in said:
            changes["output_materializers"] = _by_output(said["output_materializers"], definition.outputs, candidate)
    return dataclasses.replace(definition, **changes)


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


def _by_output(materializers: Any, outputs: Outputs, candidate: Candidate) -> Mapping[str, Any]:
    if not isinstance(materializers, Mapping):
        return MappingProxyType(dict.fromkeys(outputs.keys, materializers))
    if unknown := [key for key in materializers if key not in outputs.keys]:
        raise candidate.error(
            f"output_materializers names {listed(unknown)}, but the outputs are "
            f"{listed(outputs.keys) or 'none'}; use the names of the outputs"
        )
    return MappingProxyType(dict(materializers))
