"""Parameters: what an argument of a step is that stands for no artifact.

It is something JSON can say, which is recorded with the run. A container that holds artifacts among other things is
refused, since it would be neither; see :mod:`argosy.graph.artifact_arguments`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from argosy.errors import ParameterError
from argosy.graph.artifact_arguments import is_artifact
from argosy.graph.brief import described
from argosy.graph.canonical_json import canonical_json
from argosy.graph.coercion import coerce
from argosy.graph.mapped_outputs import MappedOutputs
from argosy.graph.model import Parameter
from argosy.graph.scalar_coercion import Mismatch
from argosy.graph.step_output import StepOutputs
from argosy.graph.version_ids import version_id_of

_MAX_DEPTH = 100


def make_parameter(
    value: object, annotation: Any, *, what: str, default: object = inspect.Parameter.empty
) -> Parameter:
    """Validate a parameter, coerce it to its annotation and fix its JSON text.

    A default that does not fit its own annotation is taken as it is: ``rate: float = None``.

    Args:
        value: what was passed, or the default.
        annotation: what the function says it takes.
        what: names the parameter in messages.
        default: the parameter's default.

    Raises:
        ParameterError: it contains artifacts, does not fit the annotation or is not JSON-like.
    """
    if found := _find_artifact(value):
        raise ParameterError(
            f"{what}: the {type(value).__name__} contains {found} among other things; only a list or tuple wholly of "
            "artifacts is an input: pass the artifacts and the parameters separately"
        )
    if kind := getattr(type(value), "__argosy_kind__", None):
        raise ParameterError(f"{what} is a {kind} that was not called; write its call: {value.__name__}(...)")  # type: ignore[attr-defined] # every step and pipeline has a name
    try:
        coerced = coerce(value, annotation)
    except Mismatch as error:
        if value is not default:
            raise ParameterError(f"{what}: {error}; {_cure(value)}") from None
        coerced = value
    except RecursionError:  # an instance that contains itself, which is told below
        coerced = value
    try:
        return Parameter(coerced, canonical_json(coerced))
    except TypeError as error:
        raise ParameterError(
            f"{what} was given {error}; a parameter is something JSON can say (numbers, text, lists, dicts, enums, "
            "dataclasses, dates, paths): wrap other values in ExternalArtifact(...)"
        ) from None


def _cure(value: object) -> str:
    try:
        canonical_json(value)
    except TypeError:
        return "if it is data, wrap it in ExternalArtifact(...)"
    return "pass what the annotation says, correct the annotation, or wrap data in ExternalArtifact(...)"


def _find_artifact(value: object, depth: int = 0) -> str | None:
    if isinstance(value, (StepOutputs, MappedOutputs)):
        return "the outputs of a step"
    if is_artifact(value):
        return described(value) if version_id_of(value) else repr(value)
    if depth > _MAX_DEPTH:
        return None
    if isinstance(value, Mapping):
        items: list[Any] = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        items = list(value)
    else:
        return None
    return next((found for item in items if (found := _find_artifact(item, depth + 1))), None)
