"""Binds the arguments of a call to a signature, with errors that show the signature."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from argosy.errors import GraphError
from argosy.graph.definitions import PipelineDefinition, StepDefinition
from argosy.graph.near_matches import did_you_mean
from argosy.graph.option_rules import CALL_OPTIONS, STEP_OPTIONS, SYNONYMS
from argosy.graph.source_location import SourceLocation

_MAX_SIGNATURE = 300


def bind_call(
    kind: str,
    definition: StepDefinition | PipelineDefinition,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    location: SourceLocation,
) -> inspect.BoundArguments:
    """Return name -> argument in the order of the signature, defaults included.

    Raises:
        GraphError: an input is missing, unknown or passed twice.
    """
    try:
        bound = definition.signature.bind(*args, **kwargs)
    except TypeError as error:
        raise GraphError(
            f"{location}: {kind} {definition.name!r}: {_problem(definition, kwargs, str(error))}; "
            f"it is {signature_text(definition)}, defined at {definition.location}"
        ) from None
    bound.apply_defaults()
    return bound


def signature_text(definition: StepDefinition | PipelineDefinition) -> str:
    """Return the signature as a reader knows it, cut when defaults are long."""
    text = f"{definition.name}{definition.signature}"
    return text if len(text) <= _MAX_SIGNATURE else f"{text[:_MAX_SIGNATURE]}..."


def _problem(definition: StepDefinition | PipelineDefinition, kwargs: Mapping[str, Any], refusal: str) -> str:
    """Return what Python says is wrong, and the first unknown argument: of a misspelt one it says what is missing."""
    unknown = next((name for name in kwargs if name not in definition.signature.parameters), None)
    if unknown is None:
        return refusal
    told = f"got an unexpected keyword argument {unknown!r}{_suggestion(definition, unknown)}"
    return f"{refusal}; {told}" if refusal.startswith("missing") else told


def _suggestion(definition: StepDefinition | PipelineDefinition, name: str) -> str:
    option = SYNONYMS.get(name, name)
    if option in CALL_OPTIONS | STEP_OPTIONS and isinstance(definition, StepDefinition):
        return f" (an option of this one call is said before it: {definition.name}.with_options({option}=...)(...))"
    return did_you_mean(name, list(definition.signature.parameters))
