from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from argosy_server.api.watching import recent_events
from argosy_server.api.watching.messages import Entry
from argosy_server.api.watching.recent_events import RecentEvents
from argosy_server.domain.artifact import ArtifactKind, ArtifactVersion
from argosy_server.domain.event import Event, Position
from argosy_server.domain.identifiers import Digest

TIME = datetime(2026, 1, 31, tzinfo=timezone.utc)
VERSION = ArtifactVersion(
    id="",
    project="p",
    name="weights",
    version="1",
    ordinal=1,
    data_type="",
    format="bytes",
    materializer="",
    kind=ArtifactKind.MANUAL,
    metadata={},
    tags=(),
    aliases=(),
    files=(),
    file_count=0,
    size=0,
    content_digest=Digest.of_raw(bytes(32)),
    created_at=TIME,
    revision=1,
    producer=None,
    deleted=False,
    named=True,
)


def entry(seq: int, project: str = "p", version: ArtifactVersion | None = None) -> Entry:
    return Entry(Event(Position(0, seq), project, "version_created", {}, TIME), version, "store")


def filled(*entries: Entry, start: int = 0) -> RecentEvents:
    recent = RecentEvents()
    recent.restart(Position(0, start))
    for one in entries:
        recent.extend([one], one.event.position)
    return recent


def seqs(found: tuple[list[Entry], Position] | None) -> tuple[list[int], int]:
    assert found is not None
    return [one.event.position.seq for one in found[0]], found[1].seq


def test_a_reader_gets_what_follows_its_position_in_its_project() -> None:
    recent = filled(entry(1), entry(2, "q"), entry(3), entry(5, "q"))
    assert seqs(recent.after(Position(0, 0), "p", 10)) == ([1, 3], 5)
    assert seqs(recent.after(Position(0, 1), "p", 10)) == ([3], 5)
    assert seqs(recent.after(Position(0, 5), "p", 10)) == ([], 5)
    assert seqs(recent.after(Position(0, 0), "r", 10)) == ([], 5)


def test_a_reader_that_takes_a_few_is_behind_the_last_of_them() -> None:
    recent = filled(entry(1), entry(2), entry(3))
    assert seqs(recent.after(Position(0, 0), "p", 2)) == ([1, 2], 2)
    assert seqs(recent.after(Position(0, 2), "p", 2)) == ([3], 3)


def test_a_reader_that_is_ahead_stays_where_it_is() -> None:
    assert seqs(filled(entry(1)).after(Position(0, 9), "p", 10)) == ([], 9)


def test_a_reader_from_before_the_start_has_to_look_elsewhere() -> None:
    recent = filled(entry(8), start=7)
    assert recent.after(Position(0, 6), "p", 10) is None
    assert seqs(recent.after(Position(0, 7), "p", 10)) == ([8], 8)


def test_of_too_many_events_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_events, "MAX_ENTRIES", 100)
    recent = filled(*(entry(seq) for seq in range(1, 1001)))
    assert recent.start > Position(0, 899)
    assert recent.head == Position(0, 1000)
    assert recent.after(Position(0, 1), "p", 10) is None
    kept, _ = seqs(recent.after(recent.start, "p", 1000))
    assert kept == list(range(recent.start.seq + 1, 1001))


def test_events_with_much_metadata_are_forgotten_earlier() -> None:
    large = replace(VERSION, metadata={"text": "x" * 200_000})
    recent = filled(*(entry(seq, version=large) for seq in range(1, 201)))
    kept, _ = seqs(recent.after(recent.start, "p", 1000))
    assert 10 < len(kept) < 50
    assert kept[-1] == 200
