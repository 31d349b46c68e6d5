"""What is written down about every change of an artifact, in the transaction that makes it.

Facts are those of that moment: whoever reads the event later may find the version changed again, or gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.event import ArtifactEventKind, EventFact
from argosy_server.usecases.ports import Transaction

AliasTargets: TypeAlias = Mapping[tuple[str, str], str]


def record_created(tx: Transaction, project: str, created: Sequence[ArtifactVersion], targets: AliasTargets) -> None:
    """Write of each version that it became visible and, of each of its aliases, that it moved.

    Args:
        tx: the transaction that inserted them.
        project: theirs.
        created: the versions in the order in which they came.
        targets: by name and alias the id of the version it pointed at before them, ``""`` for none.
    """
    pointing = dict(targets)
    events: list[tuple[str, dict[str, EventFact]]] = []
    for version in created:
        events.append((ArtifactEventKind.VERSION_CREATED.value, _facts(version)))
        for alias in version.aliases:
            key = (version.name, alias)
            previous, pointing[key] = pointing.get(key, ""), version.id
            events.append(
                (ArtifactEventKind.ALIAS_MOVED.value, {**_facts(version), "alias": alias, "previous": previous})
            )
    tx.events.append_many(project, events)


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
    tx.events.append_many(project, [(ArtifactEventKind.VERSION_DELETED.value, _facts(version)) for version in versions])


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
