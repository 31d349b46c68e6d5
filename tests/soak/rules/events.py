"""What watchers were told, and whether it is what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.soak.actors.labelling import ALIAS
from tests.soak.actors.saving import SHARED
from tests.soak.actors.watching import END_TAG
from tests.soak.evidence import Evidence, ProjectTruth, Violation
from tests.soak.journal import Operation, of_kind
from tests.soak.rules.deeds import Deeds

Facts = Mapping[str, Any]
COMPARED = ("kind", "name", "version", "id", "alias", "previous", "tags")
WANTED: Mapping[str, Callable[[Facts], bool]] = {
    "everything": lambda event: True,
    "alias": lambda event: event["alias"] == ALIAS,
    "name": lambda event: event["name"] == SHARED[0],
}


def watchers_see_each_event_once(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 11: each watcher saw each event of its filter once and in order, in all of its lives together."""
    seen: dict[str, list[Operation]] = {}
    for event in of_kind(evidence.history, "event"):
        seen.setdefault(event.actor, []).append(event)
    for actor, events in seen.items():
        filter_name = actor.rpartition("-")[2]
        for truth in evidence.truths:
            if truth.project == events[0].project:
                wanted = _up_to_the_end([_facts(event) for event in truth.events if WANTED[filter_name](event)])
                yield from _compare(truth, actor, events, wanted)
    for watch in of_kind(evidence.history, "watch"):
        if watch.outcome == "fail":
            yield Violation("watchers-see-each-event-once", "a watch could not go on", [watch])


def replicas_tell_the_same(evidence: Evidence) -> Iterator[Violation]:
    """Invariants 1 and 11: all replicas show the same versions and events."""
    for project in evidence.projects:
        first, *others = [truth for truth in evidence.truths if truth.project == project]
        for other in others:
            if [_facts(event) for event in first.events] != [_facts(event) for event in other.events]:
                yield Violation("replicas-tell-the-same", f"{first.replica} and {other.replica}: other events")
            if first.versions != other.versions:
                changed = _difference(first, other)
                yield Violation("replicas-tell-the-same", f"{first.replica} and {other.replica}: {changed[:3]}")


def events_are_what_happened(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 11: each change made one event, and no event tells of what did not happen."""
    deeds = Deeds(evidence.history)
    for truth in evidence.truths:
        created = Counter(event["id"] for event in truth.events if event["kind"] == "version_created")
        deleted = Counter(event["id"] for event in truth.events if event["kind"] == "version_deleted")
        expected = {*truth.versions, *deeds.saved(truth.project)}
        yield from _counted(truth, "version_created", created, expected, deeds)
        gone = {one for one, deletion in deeds.deleted.items() if deletion.project == truth.project}
        yield from _counted(truth, "version_deleted", deleted, gone, deeds)
        for version_id in created.keys() - expected - deleted.keys():
            yield _violation(truth, f"version {version_id} was created, and is not there", deeds, version_id)
        yield from _alias_events(truth)
        yield from _alias_moves(evidence, truth)


def _compare(
    truth: ProjectTruth, actor: str, events: Sequence[Operation], wanted: Sequence[Facts]
) -> Iterator[Violation]:
    for place, (event, facts) in enumerate(zip(events, wanted, strict=False)):
        if _facts(event.result) != facts:
            told = f"{actor} should have seen {dict(facts)} as event {place + 1}, says {truth.replica}"
            yield Violation("watchers-see-each-event-once", told, events[max(place - 1, 0) : place + 1])
            return
    if len(events) != len(wanted):
        told = f"{actor} saw {len(events)} of {len(wanted)} events, says {truth.replica}"
        yield Violation("watchers-see-each-event-once", told, events[-1:])


def _counted(
    truth: ProjectTruth, kind: str, seen: Counter[str], expected: set[str], deeds: Deeds
) -> Iterator[Violation]:
    for version_id in expected:
        if seen[version_id] != 1:
            yield _violation(truth, f"version {version_id} has {seen[version_id]} events {kind}", deeds, version_id)
    for version_id, count in seen.items():
        if count != 1 and version_id not in expected:
            yield _violation(truth, f"version {version_id} has {count} events {kind}", deeds, version_id)


def _alias_events(truth: ProjectTruth) -> Iterator[Violation]:
    """Each move tells where the alias pointed before, and the last one where it points now."""
    points_at: dict[tuple[str, str], str | None] = {}
    for event in truth.events:
        key = (event["name"], event["alias"])
        if event["kind"] == "alias_moved":
            if event["previous"] != points_at.get(key):
                told = f"{key} moved from {event['previous']}, and pointed at {points_at.get(key)}: {dict(event)}"
                yield Violation("events-are-what-happened", f"{truth.replica}: {told}")
            points_at[key] = event["id"]
        elif event["kind"] == "alias_removed":
            points_at[key] = None
    found = {(one.name, alias): one.id for one in truth.versions.values() for alias in one.aliases}
    for key, version_id in points_at.items():
        if version_id != found.get(key):
            told = f"{key} points at {found.get(key)}, its last event says {version_id}"
            yield Violation("events-are-what-happened", f"{truth.replica}: {told}")


def _alias_moves(evidence: Evidence, truth: ProjectTruth) -> Iterator[Violation]:
    moved = {(event["name"], event["alias"], event["id"]) for event in truth.events if event["kind"] == "alias_moved"}
    for move in of_kind(evidence.history, "alias_set"):
        key = (move.arguments["name"], move.arguments["alias"], move.arguments["id"])
        if move.project == truth.project and move.outcome == "ok" and key not in moved:
            yield Violation("events-are-what-happened", f"{truth.replica} has no event of a move of {key[1]!r}", [move])


def _violation(truth: ProjectTruth, told: str, deeds: Deeds, version_id: str) -> Violation:
    return Violation("events-are-what-happened", f"{truth.replica}: {told}", deeds.saves_of(version_id))


def _difference(first: ProjectTruth, other: ProjectTruth) -> list[str]:
    ids = first.versions.keys() | other.versions.keys()
    return [one for one in sorted(ids) if first.versions.get(one) != other.versions.get(one)]


def _facts(event: Facts) -> Facts:
    return {name: event[name] for name in COMPARED}


def _up_to_the_end(events: Sequence[Facts]) -> Sequence[Facts]:
    end = next((number for number, event in enumerate(events) if END_TAG in event["tags"]), len(events))
    return events[: end + 1]
