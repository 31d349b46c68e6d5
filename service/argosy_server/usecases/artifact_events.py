"""What is written down about every change of an artifact, in the transaction that makes it.

Facts are those of that moment: whoever reads the event later may find the version changed again, or gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.event import ArtifactEventKind, EventFact
from argosy_server.usecases.ports import Transaction


def record_created(tx: Transaction, version: ArtifactVersion, pointed_at: Mapping[str, str]) -> None:
    """Write that a version became visible and, for each of its aliases, that it moved.

    Args:
        tx: the transaction that inserted it.
        version: as it is now.
        pointed_at: for each alias the id of the version it pointed at before, ``""`` for none.
    """
    _record(tx, ArtifactEventKind.VERSION_CREATED, version)
    for alias in version.aliases:
        record_alias_moved(tx, version, alias, pointed_at.get(alias, ""))


def record_alias_moved(tx: Transaction, version: ArtifactVersion, alias: str, previous_id: str) -> None:
    """Write that an alias points at a version now; ``previous_id`` is the one it pointed at before, if any."""
    _record(tx, ArtifactEventKind.ALIAS_MOVED, version, alias=alias, previous=previous_id)


def record_alias_removed(tx: Transaction, version: ArtifactVersion, alias: str) -> None:
    """Write that an alias, which pointed at ``version``, is gone."""
    _record(tx, ArtifactEventKind.ALIAS_REMOVED, version, alias=alias)


def record_updated(tx: Transaction, before: ArtifactVersion, after: ArtifactVersion) -> None:
    """Write that tags, metadata or description changed."""
    _record(tx, ArtifactEventKind.VERSION_UPDATED, after, tags_before=before.tags)


def record_deleted(tx: Transaction, version: ArtifactVersion) -> None:
    """Write that a version was deleted, and with it its aliases; ``version`` is as it was before."""
    for alias in version.aliases:
        record_alias_removed(tx, version, alias)
    _record(tx, ArtifactEventKind.VERSION_DELETED, version)


def record_many_deleted(tx: Transaction, project: str, versions: Sequence[ArtifactVersion]) -> None:
    """Do as :func:`record_deleted` for versions no alias points at."""
    tx.events.append_many(project, ArtifactEventKind.VERSION_DELETED.value, [_facts(version) for version in versions])


def _record(tx: Transaction, kind: ArtifactEventKind, version: ArtifactVersion, **more: EventFact) -> None:
    tx.events.append(version.project, kind.value, {**_facts(version), **more})


def _facts(version: ArtifactVersion) -> dict[str, EventFact]:
    return {
        "id": version.id,
        "name": version.name,
        "version": version.version,
        "tags": version.tags,
        "named": version.named,
    }
