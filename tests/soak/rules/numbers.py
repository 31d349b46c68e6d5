"""Numbers, request ids, tags: what counts exactly."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate

from tests.soak.evidence import Evidence, FoundVersion, ProjectTruth, Violation
from tests.soak.journal import Operation, of_kind
from tests.soak.rules.deeds import Deeds


def numbers_have_no_gap(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 3: the numbers of each artifact are 1, 2, 3, ..., each used once, those of deleted versions too."""
    for truth in evidence.truths:
        labels: dict[str, Counter[str]] = {}
        for event in truth.events:
            if event["kind"] == "version_created":
                labels.setdefault(event["name"], Counter())[event["version"]] += 1
        for name, seen in labels.items():
            numbers = sorted(int(label) for label in seen.elements() if label.isdigit())
            if numbers != list(range(1, len(numbers) + 1)):
                twice = [number for number, count in Counter(numbers).items() if count > 1]
                gaps = sorted(set(range(1, (numbers or [0])[-1])) - set(numbers))
                told = f"{truth.project} {name!r} on {truth.replica}: used twice {twice[:5]}, left out {gaps[:5]}"
                yield Violation("numbers-have-no-gap", told)
    by_label: dict[tuple[str, str, str], dict[str, Operation]] = {}
    for save in of_kind(evidence.history, "save", "create"):
        if save.outcome == "ok":
            key = (save.project, save.arguments["name"], save.result["version"])
            by_label.setdefault(key, {})[save.result["id"]] = save
    for (project, name, label), saves in by_label.items():
        if len(saves) > 1:
            told = f"{project} {name!r}: {label} was given to {len(saves)} versions"
            yield Violation("numbers-have-no-gap", told, list(saves.values()))


def latest_is_fresh(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 1: who loads the latest version gets none that an acknowledged save had followed before."""
    deeds = Deeds(evidence.history)
    by_name: dict[tuple[str, str], list[Operation]] = {}
    for save in of_kind(evidence.history, "save"):
        counts = save.outcome == "ok" and save.result["version"].isdigit()
        if counts and save.result["id"] not in deeds.maybe_deleted:
            by_name.setdefault((save.project, save.arguments["name"]), []).append(save)
    newest = {name: _Newest(saves) for name, saves in by_name.items()}
    for load in of_kind(evidence.history, "load"):
        if load.outcome != "ok" or "name" not in load.arguments or "alias" in load.arguments:
            continue
        found = [save for save in deeds.of_token(load.result["token"]) if save.outcome == "ok"]
        saves = newest.get((load.project, load.arguments["name"]))
        before = saves.at(load.began) if saves is not None else None
        # Numbers grow as ordinals do: a save that began after another one ended has the higher one of both.
        if found and before is not None and found[0].ended < before.began:
            yield Violation("latest-is-fresh", "a load gave an older version than was saved", [*found, before, load])


class _Newest:
    """Which of the saves of a name has the highest number, of those acknowledged before a moment."""

    def __init__(self, saves: Sequence[Operation]) -> None:
        ordered = sorted(saves, key=lambda save: save.ended)
        self._ends = [save.ended for save in ordered]
        self._highest = list(accumulate(ordered, _higher))

    def at(self, moment: int) -> Operation | None:
        count = bisect_left(self._ends, moment)
        return self._highest[count - 1] if count else None


def _higher(one: Operation, other: Operation) -> Operation:
    return max(one, other, key=lambda save: int(save.result["version"]))


def request_ids_count_once(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 4: however often one request is sent, it makes one version, and is told of that one."""
    requests: dict[str, list[Operation]] = {}
    for operation in of_kind(evidence.history, "create"):
        requests.setdefault(operation.arguments["request_id"], []).append(operation)
    made_of = [_by_token(truth) for truth in evidence.truths]
    for request_id, sent in requests.items():
        told = {operation.result["id"] for operation in sent if operation.outcome == "ok"}
        if len(told) > 1:
            yield Violation("request-ids-count-once", f"request {request_id} was told of {len(told)} versions", sent)
        token = sent[0].arguments["token"]
        for versions in made_of:
            made = versions.get(token, [])
            if len(made) > 1:
                shown = ", ".join(map(str, made))
                yield Violation("request-ids-count-once", f"request {request_id} made {len(made)}: {shown}", sent)


def tags_are_as_told(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 4: a tag is there when the last that was heard of it is that it was added."""
    changes: dict[tuple[str, str, str], list[Operation]] = {}
    for operation in of_kind(evidence.history, "tag_add", "tag_remove"):
        if operation.outcome != "fail":
            key = (operation.project, operation.arguments["id"], operation.arguments["tag"])
            changes.setdefault(key, []).append(operation)
    for (project, version_id, tag), made in changes.items():
        last = made[-1]
        if last.outcome != "ok":
            continue  # one before it that nobody knows the end of lost its etag to this one
        for truth in evidence.truths:
            version = truth.versions.get(version_id) if truth.project == project else None
            if version is not None and (tag in version.tags) != (last.kind == "tag_add"):
                yield Violation("tags-are-as-told", f"{truth.replica} shows tags {version.tags} of {version}", [last])


def _by_token(truth: ProjectTruth) -> dict[str | None, list[FoundVersion]]:
    found: dict[str | None, list[FoundVersion]] = {}
    for version in truth.versions.values():
        found.setdefault(version.token, []).append(version)
    return found
