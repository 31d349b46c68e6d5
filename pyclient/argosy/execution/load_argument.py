"""Loads stored artifact versions for the inputs of steps."""

from __future__ import annotations

from typing import Any

from argosy.config import resolve
from argosy.execution.stored_value import load_from
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import VersionRef
from argosy.transport.connection import connect
from argosy.v1.artifact_pb2 import VersionSelector


def load_argument(
    source: VersionRef | ExternalArtifact, annotation: Any, /, *, allow_pickle: bool | None = None
) -> object:
    """Load an argument of a step that is called as a plain function, from the configured store.

    Raises:
        NotFoundError: nothing matches.
        MaterializerError: the value cannot be read here.
        PickleRefusedError: it is a pickle, and pickle is off.
    """
    return load_from(connect(resolve()), selector_of(source), annotation=annotation, allow_pickle=allow_pickle)


def selector_of(source: VersionRef | ExternalArtifact) -> VersionSelector:
    """Return how the service is asked for a stored version."""
    if isinstance(source, VersionRef) or source.id is not None:
        return VersionSelector(id=str(source.id))
    return VersionSelector(
        name=source.name or "",
        version=source.version or "",
        alias=source.alias or "",
        pipeline_name=source.pipeline_name or "",
    )
