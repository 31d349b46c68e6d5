"""What needs no ``Client``: finding, listing, deleting and watching artifacts in the configured store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.views.listing import Listing
from argosy.graph.keyword_suggestions import suggests_keywords
from argosy.sdk.client import Client
from argosy.sdk.queries.artifact_events import ArtifactEvents
from argosy.sdk.queries.prune_plan import PrunePlan


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


@suggests_keywords
def list_artifact_versions(
    name: str = "",
    *,
    pipeline: str = "",
    tag: str = "",
    metadata: Mapping[str, Any] | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    oldest_first: bool = False,
) -> Listing[ArtifactVersion]:
    """Yield versions as :meth:`argosy.Client.list_artifact_versions` does, in the configured store and project."""
    return Client().list_artifact_versions(
        name,
        pipeline=pipeline,
        tag=tag,
        metadata=metadata,
        created_after=created_after,
        created_before=created_before,
        oldest_first=oldest_first,
    )


@suggests_keywords
def delete_artifact(
    name_or_id: str | UUID, version: int | str | None = None, *, alias: str | None = None, force: bool = False
) -> None:
    """Delete one version as :meth:`argosy.Client.delete_artifact_version` does: never one that is not named exactly."""
    Client().delete_artifact_version(name_or_id, version, alias=alias, force=force)


@suggests_keywords
def prune_artifacts(
    name: str = "",
    *,
    pipeline: str = "",
    tag: str = "",
    created_before: datetime | None = None,
    keep_latest: int = 0,
    include_used: bool = False,
) -> PrunePlan:
    """Plan which versions shall go as :meth:`argosy.Client.prune_artifacts` does; ``execute()`` of the plan deletes."""
    return Client().prune_artifacts(
        name,
        pipeline=pipeline,
        tag=tag,
        created_before=created_before,
        keep_latest=keep_latest,
        include_used=include_used,
    )


@suggests_keywords
def watch_artifacts(
    name: str | None = None,
    *,
    alias: str | None = None,
    tag: str | None = None,
    kinds: str | Iterable[str] | None = None,
    include_unnamed: bool = False,
    cursor: str | None = None,
    timeout: float | None = None,
) -> ArtifactEvents:
    """Watch what becomes of artifacts: each event once and in order, until the watch is closed.

    The watch begins before this returns: whatever happens afterwards is not missed. It goes on when connections break
    and servers restart, for as long as that takes. All filters hold together.

    Args:
        name: only events of this artifact.
        alias: only moves and removals of this alias.
        tag: only events of versions that have this tag, or that gain or lose it.
        kinds: only events of these kinds, one or several of ``version_created``, ``alias_moved``, ``alias_removed``,
            ``version_updated`` and ``version_deleted``; with ``alias`` only ``alias_moved`` and ``alias_removed``.
        include_unnamed: also events of step outputs that were given no name.
        cursor: where to go on: an event's ``cursor``, kept for instance in a file. Without it the watch begins now.
        timeout: end the iteration when for so many seconds there was no event; iterating again goes on. It does not
            count until the watch has begun.

    Raises:
        ParameterError: an argument is malformed.
        CursorExpiredError: events after the cursor were forgotten (they are kept 7 days), or it is of another store or
            project; list what there is, and watch anew without it.
        ResourceExhaustedError: too many watch the server.
        UnavailableError: the store cannot be reached when the watch begins.
        DeadlineError: it does not answer then.
    """
    return Client().watch_artifacts(
        name,
        alias=alias,
        tag=tag,
        kinds=kinds,
        include_unnamed=include_unnamed,
        cursor=cursor,
        timeout=timeout,
    )
