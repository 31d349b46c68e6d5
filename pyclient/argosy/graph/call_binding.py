"""Binds the arguments of a call to a signature, with errors that show the signature."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from argosy.errors import GraphError
from argosy.graph.definitions import PipelineDefinition, StepDefinition
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
            f"{location}: {kind} {definition.name!r}: {error}{_suggestion(definition, kwargs)}; "
            f"it is {signature_text(definition)}, defined at {definition.location}"
        ) from None
    bound.apply_defaults()
    return bound


def signature_text(definition: StepDefinition | PipelineDefinition) -> str:
    """Return the signature as a reader knows it, cut when defaults are long."""
    text = f"{definition.name}{definition.signature}"
    return text if len(text) <= _MAX_SIGNATURE else f"{text[:_MAX_SIGNATURE]}..."


def _suggestion(definition: StepDefinition | PipelineDefinition, kwargs: Mapping[str, Any]) -> str:
    known = list(definition.signature.parameters)
    for name in kwargs:
        if name not in known and (near := difflib.get_close_matches(name, known, n=1)):
            return f" (did you mean {near[0]!r}?)"
    return ""
