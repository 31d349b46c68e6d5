"""What needs no ``Client``: finding, listing and deleting artifact versions in the configured store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from argosy.graph.keyword_suggestions import suggests_keywords
from argosy.sdk.client import Client
from argosy.sdk.prune_plan import PrunePlan
from argosy.sdk.versions import ArtifactVersion


@suggests_keywords
def get_artifact(
    name_or_id: str | UUID,
    version: int | str | None = None,
    *,
    alias: str | None = None,
    pipeline_name: str | None = None,
) -> ArtifactVersion:
    """Return one version without loading its value: the latest, unless told otherwise. It can be passed to a step.

    Args:
        name_or_id: an artifact's name; a ``UUID``, or a text of that form, is a version's id.
        version: this version, a number or a label.
        alias: the version this name points at.
        pipeline_name: the version in the most recent completed run of this pipeline.

    Raises:
        ParameterError: malformed arguments, or some that do not go together.
        NotFoundError: nothing matches; the message lists similar names.
        UnavailableError: the store cannot be reached.
    """
    return Client().get_artifact_version(name_or_id, version, alias=alias, pipeline_name=pipeline_name)


def list_artifact_versions(
    name: str = "",
    *,
    pipeline: str = "",
    tag: str = "",
    metadata: Mapping[str, Any] | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    oldest_first: bool = False,
    **misspelt: NoReturn,
) -> Iterator[ArtifactVersion]:
    """Yield versions as :meth:`argosy.Client.list_artifact_versions` does, in the configured store and project."""
    return Client().list_artifact_versions(
        name,
        pipeline=pipeline,
        tag=tag,
        metadata=metadata,
        created_after=created_after,
        created_before=created_before,
        oldest_first=oldest_first,
        **misspelt,
    )


@suggests_keywords
def delete_artifact(
    name_or_id: str | UUID, version: int | str | None = None, *, alias: str | None = None, force: bool = False
) -> None:
    """Delete one version as :meth:`argosy.Client.delete_artifact_version` does: never one that is not named exactly."""
    Client().delete_artifact_version(name_or_id, version, alias=alias, force=force)


def prune_artifacts(
    name: str = "",
    *,
    pipeline: str = "",
    tag: str = "",
    created_before: datetime | None = None,
    keep_latest: int = 0,
    include_used: bool = False,
    **misspelt: NoReturn,
) -> PrunePlan:
    """Plan which versions shall go as :meth:`argosy.Client.prune_artifacts` does; ``execute()`` of the plan deletes."""
    return Client().prune_artifacts(
        name,
        pipeline=pipeline,
        tag=tag,
        created_before=created_before,
        keep_latest=keep_latest,
        include_used=include_used,
        **misspelt,
    )
