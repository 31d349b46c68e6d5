"""``value_of``: the value of an output in the body of a pipeline, as type checkers understand it."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.mapped_outputs import MappedOutputs
from argosy.graph.model import VersionRef
from argosy.graph.parameters import is_artifact, version_id_of
from argosy.graph.step_output import StepOutput, StepOutputs

T = TypeVar("T")
_PROMISES = (StepOutput, StepOutputs, MappedOutputs)


def value_of(output: T) -> T:
    """Return the value of what a step returned in the body of a pipeline: run what makes it, unless it ran already.

    It does what ``output.load()`` does. Type checkers take what a step returns for its value, which has no
    ``.load()``, and know that this returns the same type. The value of a stored artifact that the pipeline was given is
    loaded; everything else is a value already and is returned as it is.

    Args:
        output: what a step, or ``step.map``, returned in this pipeline, an artifact, or a list or tuple of these;
            what a list needs runs at once where that is possible.

    Raises:
        GraphError: the output belongs to another pipeline, or nothing runs: the pipeline is only recorded.
        NotFoundError: an artifact names nothing that is stored.
        Exception: what a step raised.
    """
    if isinstance(output, _PROMISES):
        return cast("T", output.load())
    if isinstance(output, (list, tuple)) and any(isinstance(item, _PROMISES) or is_artifact(item) for item in output):
        return cast("T", _each(output))
    version_id = version_id_of(output)
    if version_id is not None:
        return cast("T", _stored(VersionRef(version_id)))
    if isinstance(output, ExternalArtifact):
        return cast("T", output.value if output.has_value else _stored(output))
    return output


def _each(items: list[Any] | tuple[Any, ...]) -> list[Any] | tuple[Any, ...]:
    if all(isinstance(item, StepOutput) and item.recording is items[0].recording for item in items):
        values = items[0].recording.load(items)
    else:
        values = [value_of(item) for item in items]
    return tuple(values) if isinstance(items, tuple) else values


def _stored(source: VersionRef | ExternalArtifact) -> object:
    # Loaded only now: it knows the store, which recording does not need.
    from argosy.execution.load_argument import load_argument

    return load_argument(source, None)
