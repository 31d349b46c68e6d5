"""``value_of``: the value of an output in the body of a pipeline, as type checkers understand it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from argosy.graph.artifact_arguments import is_artifact
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.mapped_outputs import MappedOutputs
from argosy.graph.model import VersionRef
from argosy.graph.step_output import StepOutput, StepOutputs
from argosy.graph.version_ids import version_id_of

T = TypeVar("T")
_PROMISES = (StepOutput, StepOutputs, MappedOutputs)


def value_of(output: T) -> T:
    """Return the value of what a step returned in the body of a pipeline: run what makes it, unless it ran already.

    It does what ``output.load()`` does. Type checkers take what a step returns for its value, which has no
    ``.load()``, and know that this returns the same type. The value of a stored artifact that the pipeline was given is
    loaded; everything else is a value already and is returned as it is.

    Args:
        output: what a step, or ``step.map``, returned in this pipeline, an artifact, or a list, tuple or dict of these,
            also inside each other; what a list needs runs at once where that is possible.

    Raises:
        GraphError: the output belongs to another pipeline, or nothing runs: the pipeline is only recorded.
        NotFoundError: an artifact names nothing that is stored.
        Exception: what a step raised.
    """
    if isinstance(output, _PROMISES):
        return cast("T", output.load())
    if type(output) in (list, tuple, dict) and _has_promises(output):
        return cast("T", _values_in(output))
    version_id = version_id_of(output)
    if version_id is not None:
        return cast("T", _stored(VersionRef(version_id)))
    if isinstance(output, ExternalArtifact):
        return cast("T", output.value if output.has_value else _stored(output))
    return output


def _has_promises(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_promises, value.values()))
    # StepOutputs is a tuple, and a promise.
    if type(value) in (list, tuple):
        return any(map(_has_promises, cast("Iterable[object]", value)))
    return isinstance(value, _PROMISES) or is_artifact(value)


def _values_in(items: Any) -> Any:
    if isinstance(items, dict):
        return dict(zip(items, _values_in([*items.values()]), strict=True))
    if all(isinstance(item, StepOutput) and item.recording is items[0].recording for item in items):
        values = items[0].recording.load(items)
    else:
        values = [value_of(item) for item in items]
    return tuple(values) if isinstance(items, tuple) else values


def _stored(source: VersionRef | ExternalArtifact) -> object:
    # Loaded only now: it knows the store, which recording does not need.
    from argosy.execution.running.stored_argument import load_argument

    return load_argument(source, None)
