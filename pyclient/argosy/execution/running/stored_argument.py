"""A stored version that is given to a step: how the store is asked for it, and its value where no run does that."""

from __future__ import annotations

from typing import Any

from argosy.config import resolve
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.values.stored_value import load_from
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import VersionRef
from argosy.graph.version_ids import wants_version
from argosy.transport.connection import connect
from argosy.v1.artifact_pb2 import VersionSelector


def load_argument(
    source: VersionRef | ExternalArtifact, annotation: Any, /, *, allow_pickle: bool | None = None
) -> object:
    """Load an argument of a step that is called as a plain function, from the configured store.

    Where :class:`argosy.ArtifactVersion` is annotated, this is the stored version, and nothing is downloaded.

    Raises:
        NotFoundError: nothing matches.
        MaterializerError: the value cannot be read here.
        PickleRefusedError: it is a pickle, and pickle is off.
    """
    connection, selector = connect(resolve()), selector_of(source)
    if wants_version(annotation):
        return ArtifactVersion(connection.artifacts.get_artifact_version(selector).artifact_version, connection)
    return load_from(connection, selector, annotation=annotation, allow_pickle=allow_pickle)


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
