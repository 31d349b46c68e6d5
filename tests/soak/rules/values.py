"""What a save acknowledged is there, whole and right, on every replica; nothing else is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.soak.content import project_of
from tests.soak.evidence import Evidence, FoundVersion, ProjectTruth, Violation
from tests.soak.journal import Operation, of_kind
from tests.soak.rules.deeds import Deeds

CORRUPT = "CorruptDataError"


def acknowledged_saves(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 1: what a save acknowledged, and nobody deleted, every replica has, under its name and number."""
    deeds = Deeds(evidence.history)
    for truth in evidence.truths:
        for version_id, save in deeds.saved(truth.project).items():
            if version_id in deeds.maybe_deleted:
                continue
            found = truth.versions.get(version_id)
            if found is None:
                told = f"version {version_id} was acknowledged, and {truth.replica} does not have it"
                yield Violation("acknowledged-saves", told, [save])
            elif (found.name, found.version) != (save.arguments["name"], save.result["version"]):
                yield Violation("acknowledged-saves", f"{found} was acknowledged under other names", [save])
    for load in of_kind(evidence.history, "load"):
        version_id = load.arguments.get("id", "")
        if load.error.startswith("NotFoundError") and version_id not in deeds.maybe_deleted:
            proof = deeds.saves_of(version_id)
            if any(save.ended < load.began for save in proof):
                yield Violation(
                    "acknowledged-saves", "a save was acknowledged, and a load did not find it", [*proof, load]
                )


def deleted_stay_deleted(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 4: what was deleted is not seen again."""
    deeds = Deeds(evidence.history)
    for truth in evidence.truths:
        for version_id, deletion in deeds.deleted.items():
            if version_id in truth.versions:
                told = f"{truth.versions[version_id]} was deleted, and {truth.replica} has it"
                yield Violation("deleted-stay-deleted", told, [deletion])
    for look in of_kind(evidence.history, "look_for_deleted"):
        removal = deeds.deleted.get(look.arguments["id"])
        if look.result.get("gone") is False and removal is not None and removal.ended < look.began:
            yield Violation("deleted-stay-deleted", "a version was deleted, and a load found it", [removal, look])


def reachable_bytes(evidence: Evidence) -> Iterator[Violation]:
    """Invariants 2 and 8: whatever is visible can be loaded, also after garbage was collected."""
    deeds = Deeds(evidence.history)
    tried: set[str] = set()
    for truth in evidence.truths:
        for version in truth.versions.values():
            if version.error:
                told = f"{truth.replica} lists {version} and cannot load it: {version.error}"
                yield Violation("reachable-bytes", told, deeds.saves_of(version.id))
            if version.error or version.reading is not None:
                tried.add(version.id)
    for version_id in {version_id for truth in evidence.truths for version_id in truth.versions} - tried:
        # One replica lists it, and the one whose share it is does not.
        yield Violation("reachable-bytes", f"{version_id} could be read by nobody", deeds.saves_of(version_id))
    for load in of_kind(evidence.history, "load"):
        if load.error.startswith(CORRUPT):
            yield Violation("reachable-bytes", "what is visible could not be loaded", [load])
    damage = evidence.verified.get("damage_counts")
    if damage:
        yield Violation("reachable-bytes", f"argosy-server verify finds damage: {damage}")


def right_bytes(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 9: nobody is given other bytes than were saved."""
    deeds = Deeds(evidence.history)
    for load in of_kind(evidence.history, "load"):
        if load.outcome != "ok":
            continue
        saves = deeds.saves_of(load.arguments.get("id", ""))
        if not load.result["intact"]:
            yield Violation("right-bytes", "a load returned bytes nobody saved", [*saves, load])
        elif saves and load.result["token"] != saves[0].arguments["content"]:
            yield Violation("right-bytes", "a load returned what was saved as something else", [*saves, load])
    for truth in evidence.truths:
        for version in truth.versions.values():
            yield from _wrong(truth, version, deeds)


def no_failed_save_is_visible(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 2: each version is that of a save that was acknowledged or may have gone well, and only once."""
    deeds = Deeds(evidence.history)
    for truth in evidence.truths:
        by_token: dict[str, list[FoundVersion]] = {}
        for version in truth.versions.values():
            if version.token is not None:
                by_token.setdefault(version.token, []).append(version)
        for token, versions in by_token.items():
            saves = deeds.of_token(token)
            if all(save.outcome == "fail" for save in saves):
                yield Violation("no-failed-save-is-visible", f"nobody saved {versions[0]}", saves)
            if len(versions) > 1 and not any(save.kind == "create" for save in saves):
                told = f"one save made {len(versions)} versions: {', '.join(map(str, versions))}"
                yield Violation("no-failed-save-is-visible", told, saves)


def nothing_is_left_over(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 2: once leases have run out, a sweep leaves no bytes that nothing refers to."""
    orphans: Mapping[str, Any] = evidence.verified.get("orphans", {})
    uploads = evidence.verified.get("uploads_under_way", 0)
    if orphans.get("count") or uploads:
        yield Violation("nothing-is-left-over", f"after gc there are orphans: {orphans}, and {uploads} uploads")


def projects_are_apart(evidence: Evidence) -> Iterator[Violation]:
    """Invariant 10: nobody sees what was saved in another project."""
    for operation in evidence.history:
        token = operation.result.get("token")
        if token and project_of(token) != operation.project:
            yield Violation("projects-are-apart", f"{token} was seen in {operation.project}", [operation])
    for truth in evidence.truths:
        for version in truth.versions.values():
            tokens = [version.token, version.reading.token if version.reading else None]
            if any(token and project_of(token) != truth.project for token in tokens):
                yield Violation("projects-are-apart", f"{truth.replica} shows {tokens} in {truth.project}: {version}")


def _wrong(truth: ProjectTruth, version: FoundVersion, deeds: Deeds) -> Iterator[Violation]:
    if version.reading is None:
        return
    saves: list[Operation] = deeds.saves_of(version.id) or deeds.of_token(version.token or "")
    if not version.reading.intact:
        yield Violation("right-bytes", f"{truth.replica} gives bytes for {version} that nobody saved", saves)
    elif saves and version.reading.token != saves[0].arguments["content"]:
        told = f"{truth.replica} gives {version.reading.token} for {version}, which was saved as something else"
        yield Violation("right-bytes", told, saves)
