from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import argosy
from argosy import ConflictError, ParameterError


def live() -> list[tuple[str, str]]:
    return [(version.name, version.version) for version in argosy.list_artifact_versions(oldest_first=True)]


def test_a_plan_tells_what_would_go_and_only_its_execution_deletes() -> None:
    for number in range(4):
        argosy.save_artifact(number, "value", alias="prod" if number == 1 else None)
    plan = argosy.prune_artifacts("value", keep_latest=1)
    assert [version.version for version in plan.versions] == ["3", "1"]
    assert (plan.version_count, plan.used_count, plan.aliased_count) == (2, 0, 1)
    assert plan.size_bytes == sum(version.size_bytes for version in plan.versions)
    assert len(live()) == 4

    assert plan.execute() == 2
    assert live() == [("value", "2"), ("value", "4")]


def test_a_plan_reads_as_what_it_would_do() -> None:
    for number in range(25):
        argosy.save_artifact(number, "value")
    argosy.save_artifact(0, "value", alias="prod")
    plan = argosy.prune_artifacts("value")
    lines = str(plan).splitlines()
    assert lines[0] == f"25 versions of {plan.size_bytes} bytes would be deleted"
    assert (lines[1], lines[20], lines[21]) == ("  value 25", "  value 6", "  … and 5 more")
    assert lines[22] == "1 stay because an alias points at them"
    assert repr(plan).endswith("nothing goes before .execute()>")


def test_what_runs_made_stays_unless_it_is_said() -> None:
    @argosy.step
    def fit() -> int:
        return 1

    @argosy.pipeline
    def training() -> None:
        fit()

    made = training().steps["fit"].output
    kept = argosy.prune_artifacts(pipeline="training")
    assert (kept.version_count, kept.used_count) == (0, 1)
    assert "1 stay because runs made or used them (include_used=True takes them too)" in str(kept)
    assert argosy.prune_artifacts(pipeline="training", include_used=True).execute() == 1
    assert argosy.get_artifact(made.id).deleted


def test_a_plan_that_was_overtaken_deletes_nothing() -> None:
    argosy.save_artifact(1, "value", tags=["old"])
    plan = argosy.prune_artifacts(tag="old")
    argosy.save_artifact(2, "value", tags=["old"])
    with pytest.raises(ConflictError, match="plan again"):
        plan.execute()
    assert len(live()) == 2
    assert argosy.prune_artifacts(tag="old").execute() == 2


def test_only_older_versions_go() -> None:
    argosy.save_artifact(1, "value")
    hour = timedelta(hours=1)
    now = datetime.now(timezone.utc)
    assert argosy.prune_artifacts(created_before=now - hour).version_count == 0
    assert argosy.prune_artifacts(created_before=now + hour).version_count == 1


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({}, "would mean every version; pass at least one of"),
        ({"include_used": True}, "would mean every version"),
        ({"keep_latest": -1}, "keep_latest=-1): it is a number of versions, 0 to 2,147,483,647"),
        ({"keep_latest": 10**30}, "it is a number of versions, 0 to 2,147,483,647"),
        ({"keep_latest": True}, "keep_latest=True): it is a number"),
        ({"name": 5}, "prune_artifacts(name=5): it is a str, not int"),
        ({"tag": "x", "include_used": "no"}, "include_used='no' is neither True nor False"),
        ({"created_before": "2020"}, "it is a datetime.datetime, not str"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ParameterError) as caught:
        argosy.prune_artifacts(**rule)
    assert complaint in str(caught.value)


def test_a_misspelt_part_of_a_rule_is_answered_with_what_was_meant() -> None:
    with pytest.raises(TypeError, match=r"no keyword 'keep_lastest' \(did you mean 'keep_latest'\?\)"):
        argosy.prune_artifacts("value", keep_lastest=3)  # type: ignore[call-arg]  # mypy finds it too
