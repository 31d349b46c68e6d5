"""Which arguments stand for artifacts.

Step outputs, ``ExternalArtifact``, artifact versions, and lists or tuples wholly of these do. Everything else is a
parameter, see :mod:`argosy.graph.parameters`.
"""

from __future__ import annotations

from typing import Any, get_args

from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.mapped_outputs import MappedOutputs
from argosy.graph.step_output import CURE, StepOutput, StepOutputs
from argosy.graph.version_ids import version_id_of
from argosy.value_types import is_union, without_none


def is_artifact(value: object) -> bool:
    """Tell whether ``value`` stands for one artifact."""
    return isinstance(value, (StepOutput, ExternalArtifact)) or version_id_of(value) is not None


def artifact_cure(value: object) -> str:
    """Tell what to do with something that stands for an artifact where its value belongs."""
    if isinstance(value, StepOutput):
        return CURE
    if isinstance(value, ExternalArtifact) and value.has_value:
        return "use its value, .value"
    if isinstance(value, ExternalArtifact):
        return "load it first, with argosy.load_artifact(...)"
    return "use its value, .load()"


def is_artifact_list(value: object) -> bool:
    """Tell whether ``value`` is a non-empty list or tuple wholly of artifacts, or what ``step.map`` returned."""
    if isinstance(value, StepOutputs):
        return len(value) > 0
    if isinstance(value, MappedOutputs):
        return value.is_list
    return isinstance(value, (list, tuple)) and bool(value) and all(is_artifact(item) for item in value)


def item_annotations(annotation: Any, count: int) -> list[Any]:
    """Return what each item of a list or tuple of ``count`` values is annotated as."""
    container = without_none(annotation)
    items = [] if is_union(container) else [item for item in get_args(container) if item is not ...]
    return items if len(items) == count else (items[:1] or [Any]) * count
