"""Deleting by rule: a plan, then exactly what was planned."""

from __future__ import annotations

from typing import Any

import pytest
from grpc import StatusCode

from argosy.v1 import artifact_service_pb2 as artifacts
from argosy.v1 import pruning_pb2
from tests.api.calls import (
    Stubs,
    complete_step,
    create,
    expect_refusal,
    finish_run,
    get,
    new_request_id,
    start_run,
    start_step,
)


def prune(
    stubs: Stubs, project: str, *, request_id: str = "", **rule: Any
) -> pruning_pb2.PruneArtifactVersionsResponse:
    return stubs.artifacts.PruneArtifactVersions(
        pruning_pb2.PruneArtifactVersionsRequest(project=project, request_id=request_id or new_request_id(), **rule)
    )


def labels(response: pruning_pb2.PruneArtifactVersionsResponse) -> list[tuple[str, str]]:
    return [(version.name, version.version) for version in response.artifact_versions]


def live(stubs: Stubs, project: str) -> list[tuple[str, str]]:
    listed = stubs.artifacts.ListArtifactVersions(artifacts.ListArtifactVersionsRequest(project=project))
    return [(version.name, version.version) for version in listed.artifact_versions]


def test_a_plan_tells_what_would_go_and_changes_nothing(stubs: Stubs, project: str) -> None:
    for number in range(4):
        create(stubs, project, "weights", b"x" * 10, aliases=["prod"] if number == 1 else [])
    plan = prune(stubs, project, name="weights", keep_latest=1)
    assert labels(plan) == [("weights", "3"), ("weights", "1")]
    assert (plan.version_count, plan.size_bytes, plan.used_count, plan.aliased_count) == (2, 20, 0, 1)
    assert plan.plan
    assert len(live(stubs, project)) == 4


def test_a_plan_is_executed_exactly(stubs: Stubs, project: str) -> None:
    for _ in range(3):
        create(stubs, project, "weights", tags=["old"])
    other = create(stubs, project, "other", tags=["kept"])
    plan = prune(stubs, project, tag="old", keep_latest=1)
    done = prune(stubs, project, tag="old", keep_latest=1, plan=plan.plan)
    assert (labels(done), done.version_count, done.plan) == ([("weights", "2"), ("weights", "1")], 2, "")
    assert live(stubs, project) == [("other", other.version), ("weights", "3")]


def test_the_same_request_prunes_once(stubs: Stubs, project: str) -> None:
    create(stubs, project, "weights", tags=["old"])
    plan = prune(stubs, project, tag="old").plan
    used = new_request_id()
    first = prune(stubs, project, request_id=used, tag="old", plan=plan)
    assert prune(stubs, project, request_id=used, tag="old", plan=plan) == first
    assert first.version_count == 1


def test_what_runs_made_or_used_goes_only_when_that_is_said(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    complete_step(stubs, project, start_step(stubs, run), weights=b"1")
    finish_run(stubs, run)
    kept = prune(stubs, project, pipeline_name="training")
    assert (kept.version_count, kept.used_count) == (0, 1)
    plan = prune(stubs, project, pipeline_name="training", include_used=True)
    assert (plan.version_count, plan.used_count) == (1, 0)
    gone = prune(stubs, project, pipeline_name="training", include_used=True, plan=plan.plan)
    assert gone.artifact_versions[0].deleted is False, "it is told as it was"
    assert get(stubs, project, id=gone.artifact_versions[0].id).deleted


@pytest.mark.parametrize("change", ["save", "alias", "delete"])
def test_a_plan_that_is_overtaken_deletes_nothing(stubs: Stubs, project: str, change: str) -> None:
    first, second = create(stubs, project, "weights"), create(stubs, project, "weights")
    plan = prune(stubs, project, name="weights")
    if change == "save":
        create(stubs, project, "weights")
    elif change == "alias":
        request = artifacts.SetAliasRequest(project=project, request_id=new_request_id(), alias="prod")
        request.selector.id = first.id
        stubs.artifacts.SetAlias(request)
    else:
        stubs.artifacts.DeleteArtifactVersion(
            artifacts.DeleteArtifactVersionRequest(project=project, request_id=new_request_id(), id=first.id)
        )
    before = live(stubs, project)
    with expect_refusal(StatusCode.ABORTED, "ETAG_MISMATCH") as refused:
        prune(stubs, project, name="weights", plan=plan.plan)
    assert "plan again" in refused.refusal.message
    assert live(stubs, project) == before
    assert ("weights", second.version) in before


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({}, "name"),
        ({"include_used": True}, "name"),
        ({"keep_latest": -1}, "keep_latest"),
        ({"name": "../x"}, "name"),
        ({"tag": "a\nb"}, "tag"),
        ({"pipeline_name": " x"}, "pipeline_name"),
    ],
)
def test_a_rule_that_means_everything_or_nothing_is_refused(
    stubs: Stubs, project: str, rule: dict[str, Any], field: str
) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        prune(stubs, project, **rule)
    assert refused.refusal.fields == [field]


def test_another_project_is_not_touched(stubs: Stubs, project: str) -> None:
    create(stubs, project, "weights")
    create(stubs, f"{project}-other", "weights")
    plan = prune(stubs, project, name="weights")
    assert plan.version_count == 1
    with expect_refusal(StatusCode.ABORTED, "ETAG_MISMATCH"):
        prune(stubs, f"{project}-other", name="weights", plan=plan.plan)
    prune(stubs, project, name="weights", plan=plan.plan)
    assert live(stubs, f"{project}-other") == [("weights", "1")]


def test_a_plan_of_more_than_a_thousand_tells_the_first_and_the_number(stubs: Stubs, project: str) -> None:
    for _ in range(2):
        request = artifacts.BatchCreateArtifactVersionsRequest(project=project, request_id=new_request_id())
        for _ in range(600):
            version = request.versions.add()
            version.spec.name, version.spec.format = "weights", "bytes"
            version.files.add(path="data.bin", inline_content=b"1")
        stubs.artifacts.BatchCreateArtifactVersions(request)
    plan = prune(stubs, project, name="weights", keep_latest=1)
    assert (len(plan.artifact_versions), plan.version_count) == (1000, 1199)
    done = prune(stubs, project, name="weights", keep_latest=1, plan=plan.plan)
    assert done.version_count == 1199
    assert live(stubs, project) == [("weights", "1200")]
