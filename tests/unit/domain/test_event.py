from __future__ import annotations

from datetime import datetime, timezone

import pytest

from argosy_server.domain.event import ArtifactEventKind, ArtifactFilter, Event, EventFact, Position, artifact_kind

TIME = datetime(2026, 1, 31, tzinfo=timezone.utc)


def event(kind: str, **facts: EventFact) -> Event:
    return Event(Position(0, 1), "p", kind, {"name": "weights", "tags": ["gold"], "named": True, **facts}, TIME)


MOVED = event("alias_set", alias="prod")
CREATED = event("version_created")
RETAGGED = event("version_updated", tags=["new"], tags_before=["gold"])
UNNAMED = event("version_created", name="p::s::output", named=False)


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (ArtifactFilter(), [MOVED, CREATED, RETAGGED]),
        (ArtifactFilter(include_unnamed=True), [MOVED, CREATED, RETAGGED, UNNAMED]),
        (ArtifactFilter(name="weights"), [MOVED, CREATED, RETAGGED]),
        (ArtifactFilter(name="other"), []),
        (ArtifactFilter(alias="prod"), [MOVED]),
        (ArtifactFilter(alias="next"), []),
        (ArtifactFilter(tag="gold"), [MOVED, CREATED, RETAGGED]),
        (ArtifactFilter(tag="new"), [RETAGGED]),
        (ArtifactFilter(kinds=frozenset({ArtifactEventKind.VERSION_CREATED})), [CREATED]),
        (ArtifactFilter(name="weights", alias="prod", tag="new"), []),
    ],
    ids=[
        "all",
        "unnamed too",
        "name",
        "other name",
        "alias",
        "other alias",
        "tag",
        "gained tag",
        "kind",
        "together",
    ],
)
def test_a_filter_takes_what_fits_all_of_it(wanted: ArtifactFilter, taken: list[Event]) -> None:
    assert [found for found in (MOVED, CREATED, RETAGGED, UNNAMED) if wanted.takes(found)] == taken


@pytest.mark.parametrize("kind", ["run_changed", "step_changed", "unheard_of"])
def test_what_is_no_event_of_an_artifact_is_never_taken(kind: str) -> None:
    assert not ArtifactFilter(include_unnamed=True).takes(event(kind))


@pytest.mark.parametrize("kind", ["tags_changed", "metadata_changed"])
def test_what_an_earlier_server_wrote_is_understood(kind: str) -> None:
    old = Event(Position(0, 1), "p", kind, {"id": "i", "name": "weights", "version": "1"}, TIME)
    assert artifact_kind(old) is ArtifactEventKind.VERSION_UPDATED
    assert ArtifactFilter().takes(old)
    assert (old.text("alias"), old.names("tags")) == ("", ())


def test_positions_follow_the_transactions_first() -> None:
    assert Position(1, 9) < Position(2, 1) < Position(2, 2)
