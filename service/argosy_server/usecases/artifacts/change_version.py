"""What may change about a version after it was created, and how it is deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from argosy_server.domain.artifact import ArtifactVersion, VersionSelector
from argosy_server.domain.errors import ArtifactNotFound, InvalidField, LimitExceeded, VersionInUse
from argosy_server.domain.limits import Limits
from argosy_server.usecases.artifacts.artifact_events import (
    record_alias_moved,
    record_alias_removed,
    record_deleted,
    record_updated,
)
from argosy_server.usecases.ports import Transaction


def update_version(
    tx: Transaction,
    limits: Limits,
    project: str,
    version_id: str,
    tags: Sequence[str] | None,
    metadata: Mapping[str, str] | None,
    description: str | None,
    etag: str,
) -> ArtifactVersion:
    """Replace tags and description, and merge metadata; ``None`` leaves them as they are.

    Raises:
        InvalidField: there is nothing to change.
        ArtifactNotFound: no such version.
        EtagMismatch: somebody changed it since ``etag`` was read.
        LimitExceeded: too much metadata.
    """
    if tags is None and metadata is None and description is None:
        raise InvalidField("update_mask", "names nothing to change; name 'tags', 'metadata' or 'description'")
    _take_turn(tx, project, version_id)
    [before] = tx.artifacts.get_many(project, [version_id])
    version = tx.artifacts.update(project, version_id, tags=tags, metadata=metadata, description=description, etag=etag)
    size = sum(len(key.encode()) + len(text.encode()) for key, text in version.metadata.items())
    if size > limits.max_metadata_bytes:
        raise LimitExceeded(
            f"{size} bytes of metadata; at most {limits.max_metadata_bytes} fit; save large facts as an artifact",
            limit=limits.max_metadata_bytes,
        )
    if (before.tags, before.metadata, before.description) != (version.tags, version.metadata, version.description):
        record_updated(tx, before, version)
    return version


def set_alias(tx: Transaction, project: str, alias: str, selector: VersionSelector) -> ArtifactVersion:
    """Point an alias at a live version of its artifact.

    Raises:
        ArtifactNotFound: no such live version.
    """
    version = require_live(tx.artifacts.get(project, selector))
    tx.artifacts.take_turn(project, [version.name])
    previous_id = tx.artifacts.alias_target(project, version.name, alias)
    version = tx.artifacts.set_alias(project, alias, version)
    if previous_id != version.id:
        record_alias_moved(tx, version, alias, previous_id)
    return version


def delete_alias(tx: Transaction, project: str, name: str, alias: str) -> None:
    """Remove an alias.

    Raises:
        ArtifactNotFound: no such alias.
    """
    tx.artifacts.take_turn(project, [name])
    version = tx.artifacts.get(project, VersionSelector(name=name, alias=alias))
    tx.artifacts.delete_alias(project, name, alias)
    record_alias_removed(tx, version, alias)


def delete_version(tx: Transaction, project: str, version_id: str, force: bool) -> None:
    """Make a version a tombstone. Its bytes are swept once nothing else refers to them.

    Raises:
        ArtifactNotFound: no such live version.
        VersionInUse: a run made or used it, or an alias points at it, and ``force`` is not set.
    """
    _take_turn(tx, project, version_id)
    version = tx.artifacts.get_live(project, version_id)
    uses = [] if force else _uses_of(tx, project, version)
    if uses:
        raise VersionInUse(
            f"{version.name!r} version {version.version} is deleted only by force: {' and '.join(uses)}",
            resource=f"artifact version {version_id}",
        )
    tx.artifacts.delete(project, version_id)
    record_deleted(tx, version)


def _take_turn(tx: Transaction, project: str, version_id: str) -> None:
    [version] = tx.artifacts.get_many(project, [version_id])
    tx.artifacts.take_turn(project, [version.name])


def _uses_of(tx: Transaction, project: str, version: ArtifactVersion) -> list[str]:
    uses = ["a run made or used it"] if tx.artifacts.is_used(project, version.id) else []
    return uses + [f"the alias {alias!r} points at it" for alias in version.aliases]


def require_live(version: ArtifactVersion) -> ArtifactVersion:
    """Return the version unless it was deleted.

    Raises:
        ArtifactNotFound: it is a tombstone.
    """
    if version.deleted:
        raise ArtifactNotFound(
            f"{version.name!r} version {version.version} was deleted", resource=f"artifact version {version.id}"
        )
    return version
