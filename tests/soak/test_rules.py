"""Each rule of the checker, on histories written by hand: what it lets pass, and what it finds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.soak.checker import RULES, check, rule_name
from tests.soak.content import Reading, content_of, read_content
from tests.soak.evidence import Evidence, FoundStep, FoundVersion, ProjectTruth
from tests.soak.journal import NEVER, Journal, Operation, Outcome, of_kind, read_journals

TOKEN, OTHER, ALIEN = "a/one/1", "a/two/1", "b/one/1"
CLOCK = itertools.count(1)


def did(
    kind: str,
    arguments: Mapping[str, Any] | None = None,
    result: Mapping[str, Any] | None = None,
    outcome: Outcome = "ok",
    error: str = "",
    actor: str = "one",
    began: int = 0,
    ended: int = 0,
) -> Operation:
    """Return an operation, later than all before unless its times are told."""
    began = began or next(CLOCK)
    end = NEVER if outcome == "unknown" else ended or next(CLOCK)
    return Operation(
        actor, f"{actor}.0.jsonl", (1, 2), kind, "a", arguments or {}, began, end, outcome, result or {}, error
    )


def saved(version_id: str, number: str = "1", token: str = TOKEN, kind: str = "save", **more: Any) -> Operation:
    arguments = {"name": "x", "token": token, "content": token, "alias": more.pop("alias", None)}
    arguments |= {"request_id": more.pop("request_id", "r")}
    return did(kind, arguments, {"id": version_id, "version": number}, **more)


def found(version_id: str, number: str = "1", token: str | None = TOKEN, **more: Any) -> FoundVersion:
    made = FoundVersion(version_id, "a", "x", number, (), (), token, None, Reading(token or TOKEN, intact=True))
    return replace(made, **more)


def created(version_id: str, number: str = "1") -> dict[str, Any]:
    return event("version_created", version_id, number)


def event(kind: str, version_id: str, number: str = "1", **more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"kind": kind, "name": "x", "version": number, "id": version_id}
    return {**facts, "alias": None, "previous": None, "tags": [], **more}


def story(
    *history: Operation,
    versions: tuple[FoundVersion, ...] = (),
    events: tuple[dict[str, Any], ...] | None = None,
    steps: tuple[FoundStep, ...] = (),
    **more: Any,
) -> Evidence:
    """Return what one replica and the actors tell; without events each version has the one it should have."""
    told = tuple(created(one.id, one.version) for one in versions) if events is None else events
    known = more.pop("known", {})
    truth = ProjectTruth("replica", "a", {one.id: one for one in versions}, steps, told, known)
    return Evidence(sorted(history, key=lambda operation: operation.began), [truth], **more)


def rules_broken(evidence: Evidence) -> set[str]:
    return {violation.rule for violation in check(evidence)}


SET = {"name": "x", "alias": "prod"}
PAIR = FoundStep("s", "run", "pair", "completed", {"left": "l", "right": "r"})
HALVES = (found("l", "1", token=None, step="s"), found("r", "2", token=None, step="s"))
GOOD: Mapping[str, Evidence] = {
    "nothing": story(),
    "a save": story(saved("i"), versions=(found("i"),)),
    "a save that took place unheard": story(saved("i", outcome="unknown"), versions=(found("i"),)),
    "a save that did not": story(saved("i", outcome="unknown")),
    "a deletion": story(
        saved("i"), did("delete", {"ids": ["i"]}), events=(created("i"), event("version_deleted", "i"))
    ),
    "a deletion nobody knows of": story(
        saved("i"), did("delete", {"ids": ["i"]}, outcome="unknown"), versions=(found("i"),)
    ),
    "a request sent again": story(saved("i", kind="create"), saved("i", kind="create"), versions=(found("i"),)),
    "a pair": story(versions=HALVES, steps=(PAIR,)),
    "two writes of an alias at once, in the other order": story(
        saved("i"),
        saved("j", "2", token=OTHER),
        did("alias_set", {**SET, "id": "i", "token": TOKEN}, began=10**6, ended=10**6 + 9),
        did("alias_set", {**SET, "id": "j", "token": OTHER}, began=10**6 + 1, ended=10**6 + 8),
        did("alias_get", SET, {"token": TOKEN}, began=10**6 + 10, ended=10**6 + 11),
        versions=(found("i", aliases=("prod",)), found("j", "2", OTHER)),
        events=(
            created("i"),
            created("j", "2"),
            event("alias_moved", "j", "2", alias="prod"),
            event("alias_moved", "i", alias="prod", previous="j"),
        ),
    ),
    "an unknown write that took place late": story(
        did("alias_set", {**SET, "id": "i", "token": TOKEN}, outcome="unknown", began=1),
        did("alias_get", SET, {"token": None}, began=10, ended=11),
        did("alias_get", SET, {"token": TOKEN}, began=12, ended=13),
    ),
}
BAD: Mapping[str, tuple[str, Evidence]] = {
    "an acknowledged save is not there": ("acknowledged-saves", story(saved("i"), events=(created("i"),))),
    "a load does not find it": (
        "acknowledged-saves",
        story(saved("i"), did("load", {"id": "i"}, outcome="fail", error="NotFoundError"), versions=(found("i"),)),
    ),
    "it has another number": ("acknowledged-saves", story(saved("i", "1"), versions=(found("i", "2"),))),
    "a version cannot be loaded": (
        "reachable-bytes",
        story(saved("i"), versions=(found("i", reading=None, error="CorruptDataError"),)),
    ),
    "a version is read through no replica": ("reachable-bytes", story(versions=(found("i", reading=None),))),
    "verify finds damage": ("reachable-bytes", story(verified={"damage_counts": {"missing": 1}})),
    "a load gives bytes nobody saved": (
        "right-bytes",
        story(saved("i"), did("load", {"id": "i"}, {"token": TOKEN, "intact": False}), versions=(found("i"),)),
    ),
    "a load gives what is of another version": (
        "right-bytes",
        story(saved("i"), did("load", {"id": "i"}, {"token": OTHER, "intact": True}), versions=(found("i"),)),
    ),
    "a refused save is visible": (
        "no-failed-save-is-visible",
        story(saved("i", outcome="fail", error="AlreadyExistsError"), versions=(found("i"),)),
    ),
    "a save made two versions": (
        "no-failed-save-is-visible",
        story(saved("i"), versions=(found("i"), found("j", "2"))),
    ),
    "bytes are left over": ("nothing-is-left-over", story(verified={"orphans": {"count": 1}, "uploads_under_way": 0})),
    "a number is left out": ("numbers-have-no-gap", story(saved("i", "2"), versions=(found("i", "2"),))),
    "a number is given twice": ("numbers-have-no-gap", story(saved("i"), saved("j", token=OTHER))),
    "the latest is old": (
        "latest-is-fresh",
        story(
            saved("i"),
            saved("j", "2", token=OTHER),
            did("load", {"name": "x"}, {"token": TOKEN, "intact": True}),
            versions=(found("i"), found("j", "2", OTHER)),
        ),
    ),
    "one request made two versions": (
        "request-ids-count-once",
        story(saved("i", kind="create"), saved("j", "2", kind="create"), versions=(found("i"), found("j", "2"))),
    ),
    "a deleted version is there": (
        "deleted-stay-deleted",
        story(saved("i"), did("delete", {"ids": ["i"]}), versions=(found("i"),)),
    ),
    "a deleted version is loaded": (
        "deleted-stay-deleted",
        story(
            saved("i"),
            did("delete", {"ids": ["i"]}),
            did("look_for_deleted", {"id": "i"}, {"gone": False}),
            events=(created("i"), event("version_deleted", "i")),
        ),
    ),
    "a tag is lost": (
        "tags-are-as-told",
        story(saved("i"), did("tag_add", {"id": "i", "tag": "t"}), versions=(found("i"),)),
    ),
    "half a pair is seen": (
        "outputs-come-together",
        story(did("inspect", result={"left": [{"id": "l", "step": "s"}], "right": []})),
    ),
    "half a pair stays": (
        "outputs-come-together",
        story(versions=HALVES[:1], steps=(replace(PAIR, outputs={"left": "l"}),)),
    ),
    "a step that runs has outputs": (
        "outputs-come-together",
        story(versions=HALVES, steps=(replace(PAIR, status="running"),)),
    ),
    "an output is of no step": ("outputs-come-together", story(versions=HALVES)),
    "a lineage has what was never there": (
        "lineage-points-at-what-was-there",
        story(
            did("lineage", {"of": {"joined": "j", "left": "l"}}, {"versions": ["l", "n"]}),
            known={"l": "live", "n": "absent"},
        ),
    ),
    "a lineage leaves something out": (
        "lineage-points-at-what-was-there",
        story(did("lineage", {"of": {"joined": "j", "left": "l"}}, {"versions": []})),
    ),
    "a move of an alias is lost": (
        "aliases-are-registers",
        story(
            did("alias_set", {**SET, "id": "i", "token": TOKEN}),
            did("alias_set", {**SET, "id": "j", "token": OTHER}),
            did("alias_get", SET, {"token": TOKEN}),
        ),
    ),
    "an alias jumps back": (
        "aliases-are-registers",
        story(
            did("alias_set", {**SET, "id": "i", "token": TOKEN}, began=1, ended=9),
            did("alias_set", {**SET, "id": "j", "token": OTHER}, began=2, ended=8),
            did("alias_get", SET, {"token": TOKEN}, began=10, ended=11),
            did("alias_get", SET, {"token": OTHER}, began=12, ended=13),
            did("alias_get", SET, {"token": TOKEN}, began=14, ended=15),
        ),
    ),
    "an alias has what nobody wrote": ("aliases-are-registers", story(did("alias_get", SET, {"token": OTHER}))),
    "an alias has what was refused": (
        "aliases-are-registers",
        story(
            did("alias_set", {**SET, "id": "i", "token": TOKEN}, outcome="fail", error="NotFoundError"),
            did("alias_get", SET, {"token": TOKEN}),
        ),
    ),
    "an alias points elsewhere in the end": (
        "aliases-are-registers",
        story(
            saved("i"),
            did("alias_set", {**SET, "id": "i", "token": TOKEN}),
            versions=(found("i"),),
            events=(created("i"), event("alias_moved", "i", alias="prod")),
        ),
    ),
    "pruning takes what an alias points at": (
        "aliased-versions-stay",
        story(
            saved("i"),
            did("alias_set", {**SET, "id": "i"}),
            did("prune_plan", {"name": "x"}, {"ids": ["i"]}),
            versions=(found("i", aliases=("prod",)),),
            events=(created("i"), event("alias_moved", "i", alias="prod")),
        ),
    ),
    "a value of another project is loaded": (
        "projects-are-apart",
        story(did("load", {"name": "x"}, {"token": ALIEN, "intact": True})),
    ),
    "another project is listed": ("projects-are-apart", story(versions=(found("i", token=ALIEN),))),
    "a watcher misses an event": (
        "watchers-see-each-event-once",
        story(
            did("event", result=created("j", "2"), actor="watcher-0-everything"),
            events=(created("i"), created("j", "2")),
        ),
    ),
    "a watcher sees an event twice": (
        "watchers-see-each-event-once",
        story(
            did("event", result=created("i"), actor="watcher-0-everything"),
            did("event", result=created("i"), actor="watcher-0-everything"),
            events=(created("i"),),
        ),
    ),
    "a watch cannot go on": (
        "watchers-see-each-event-once",
        story(did("watch", outcome="fail", error="CursorExpiredError")),
    ),
    "a change has no event": ("events-are-what-happened", story(saved("i"), versions=(found("i"),), events=())),
    "an event is of nothing": ("events-are-what-happened", story(events=(created("i"),))),
    "events of an alias are out of order": (
        "events-are-what-happened",
        story(
            events=(
                event("alias_moved", "j", "2", alias="prod", previous="i"),
                event("alias_moved", "i", "1", alias="prod"),
            )
        ),
    ),
    "somebody is told of a defect": (
        "errors-are-those-of-the-contract",
        story(saved("i", outcome="unknown", error="InternalServiceError: a defect")),
    ),
    "a server logs what it did not expect": ("servers-log-no-defect", story(defects=["the sweep failed: KeyError"])),
    "a server ends": ("processes-end-when-told", story(failures=["replica 0 ended by itself"])),
    "a server grows": ("memory-is-bounded", story(memory={"process 1": [100 << 20, 400 << 20]})),
}


@pytest.mark.parametrize("name", GOOD)
def test_the_checker_lets_pass(name: str) -> None:
    assert "\n".join(map(str, check(GOOD[name]))) == ""


@pytest.mark.parametrize("name", BAD)
def test_the_checker_finds(name: str) -> None:
    rule, evidence = BAD[name]

    assert rule in rules_broken(evidence)


def test_replicas_that_tell_other_things_are_found() -> None:
    evidence = story(saved("i"), versions=(found("i"),))
    other = replace(evidence.truths[0], replica="other", versions={"i": found("i", tags=("t",))})

    assert rules_broken(replace(evidence, truths=[*evidence.truths, other])) == {"replicas-tell-the-same"}


def test_every_rule_is_shown_to_find_something() -> None:
    assert {rule for rule, _ in BAD.values()} | {"replicas-tell-the-same"} == set(map(rule_name, RULES))


def test_a_journal_tells_what_was_under_way_when_its_process_died(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "saver-0", 0, "a")
    first = journal.invoke("save", {"token": TOKEN})
    journal.end(first, "ok", {"id": "i"})
    journal.invoke("save", {"token": OTHER})
    journal.close()
    with (tmp_path / "saver-0.0.jsonl").open("a") as file:
        file.write('{"phase": "ok", "n"')

    done, killed = of_kind(read_journals(tmp_path), "save")

    assert (done.outcome, done.result, done.lines) == ("ok", {"id": "i"}, (1, 2))
    assert (killed.outcome, killed.ended, killed.error, killed.lines) == ("unknown", NEVER, "killed", (3,))


def test_content_tells_whose_it_is_and_whether_a_byte_was_changed() -> None:
    content = content_of(TOKEN, 1000)
    damaged = content[:-1] + bytes([content[-1] ^ 1])

    assert (read_content(content), read_content(damaged)) == (Reading(TOKEN, True), Reading(TOKEN, False))
    assert read_content(b"something else") == Reading("", intact=False)
