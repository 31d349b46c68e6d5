"""Reading what changed, from a position on: never a gap, or whoever reads is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.errors import CursorExpired
from argosy_server.domain.event import Event, Position
from argosy_server.usecases.ports import MetadataStore, Transaction


@dataclass(frozen=True)
class EventPage:
    """Some events, and where their reader is afterwards.

    Attributes:
        events: those that were wanted, in order.
        versions: the live versions they are about, as they are now, by id.
        position: after all that was read, wanted or not.
        is_last: whether nothing followed when they were read.
    """

    events: Sequence[Event]
    versions: Mapping[str, ArtifactVersion]
    position: Position
    is_last: bool


def read_events(
    metadata: MetadataStore,
    epoch: str,
    position: Position,
    limit: int,
    wanted: Callable[[Event], bool],
    project: str = "",
) -> EventPage:
    """Return the next events after a position.

    Args:
        metadata: the database.
        epoch: of the position.
        position: where the reader is.
        limit: read at most this many.
        wanted: tells which of them matter.
        project: only of this project; ``""`` means of all.

    Raises:
        CursorExpired: events after the position were forgotten, or it is of another epoch.
    """
    with metadata.read() as tx:
        check_epoch(tx, epoch)
        newest = tx.events.newest()
        if newest <= position:
            # Most looks find nothing new, and shall cost little.
            return EventPage((), {}, position, is_last=True)
        check_position(tx, position)
        found = tx.events.after(position, limit, project)
        is_last = len(found) < limit
        end = found[-1].position if found else position
        if is_last and project:
            # What is newer is of other projects: nobody has to look at it again.
            end = newest
        events = [event for event in found if wanted(event)]
        return EventPage(events, _live_versions(tx, events), end, is_last)


def check_epoch(tx: Transaction, epoch: str) -> None:
    """Refuse positions of another order of events.

    Raises:
        CursorExpired: the database has been restored since, or put elsewhere.
    """
    if tx.events.epoch() != epoch:
        raise CursorExpired(
            "the cursor is from before this store was restored or moved; "
            "list what there is, and watch anew without a cursor"
        )


def check_position(tx: Transaction, position: Position) -> None:
    """Refuse a position from which something would be missed.

    Raises:
        CursorExpired: events after it were forgotten.
    """
    if position < tx.events.forgotten():
        raise CursorExpired(
            "the cursor is too old: events after it were forgotten; list what there is, and watch anew without a cursor"
        )


def _live_versions(tx: Transaction, events: Sequence[Event]) -> dict[str, ArtifactVersion]:
    by_project: dict[str, list[str]] = {}
    for event in events:
        if version_id := event.text("id"):
            by_project.setdefault(event.project, []).append(version_id)
    found: dict[str, ArtifactVersion] = {}
    for project, ids in by_project.items():
        versions = tx.artifacts.get_many(project, list(dict.fromkeys(ids)))
        found.update((version.id, version) for version in versions if not version.deleted)
    return found
