from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from argosy.v1 import artifact_service_pb2 as artifacts
from tests.api.calls import (
    Stubs,
    complete_step,
    create,
    expect_refusal,
    finish_run,
    get,
    start_run,
    start_step,
)


def list_versions(stubs: Stubs, project: str, **filters: Any) -> list[str]:
    request = artifacts.ListArtifactVersionsRequest(project=project, **filters)
    return [version.version for version in stubs.artifacts.ListArtifactVersions(request).artifact_versions]


def test_a_version_is_found_by_id_label_alias_and_as_the_latest(stubs: Stubs, project: str) -> None:
    first = create(stubs, project, "weights", b"1", aliases=["prod"])
    second = create(stubs, project, "weights", b"2", version="best")
    assert get(stubs, project, id=first.id).version == "1"
    assert get(stubs, project, name="weights", version="1").id == first.id
    assert get(stubs, project, name="weights", alias="prod").id == first.id
    assert get(stubs, project, name="weights").id == second.id


@pytest.mark.parametrize(
    "selector",
    [
        {"name": "wieghts"},
        {"name": "weights", "version": "9"},
        {"name": "weights", "alias": "prod"},
        {"name": "weights", "pipeline_name": "training"},
        {"id": "3a92ae32-a764-4420-98ba-07da8f742b76"},
    ],
)
def test_what_does_not_exist_is_not_found(stubs: Stubs, project: str, selector: dict[str, str]) -> None:
    create(stubs, project, "weights")
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND") as refused:
        get(stubs, project, **selector)
    assert next(iter(selector.values())) in refused.refusal.message


def test_a_misspelt_name_is_answered_with_near_ones(stubs: Stubs, project: str) -> None:
    create(stubs, project, "weights")
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND") as refused:
        get(stubs, project, name="wieghts")
    assert refused.refusal.metadata["near"] == "weights"


@pytest.mark.parametrize(
    "selector",
    [
        {},
        {"id": "3a92ae32-a764-4420-98ba-07da8f742b76", "name": "weights"},
        {"id": "not-a-uuid"},
        {"id": "3a92ae32-a764-4420-98ba-07da8f742b76", "version": "1"},
        {"name": "weights", "version": "1", "alias": "prod"},
        {"name": "weights", "alias": "prod", "pipeline_name": "training"},
        {"version": "1"},
        {"name": "weights", "version": "0"},
    ],
)
def test_a_selector_that_does_not_name_one_version_is_refused(
    stubs: Stubs, project: str, selector: dict[str, str]
) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        get(stubs, project, **selector)
    assert refused.refusal.fields[0].startswith("selector")


def test_another_project_sees_nothing(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "weights")
    other = f"{project}-other"
    for selector in ({"id": version.id}, {"name": "weights"}):
        with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
            get(stubs, other, **selector)
    assert list_versions(stubs, other) == []


@pytest.mark.parametrize("project_name", ["", "a b", "../x"])
def test_a_malformed_project_is_refused(stubs: Stubs, project_name: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        get(stubs, project_name, name="weights")
    assert refused.refusal.fields == ["project"]


def test_by_pipeline_means_its_most_recently_completed_run(stubs: Stubs, project: str) -> None:
    first = start_run(stubs, project)
    made = complete_step(stubs, project, start_step(stubs, first, cache_key="a"), weights=b"a").outputs[0].version
    finish_run(stubs, first)
    second = start_run(stubs, project)
    complete_step(stubs, project, start_step(stubs, second, cache_key="b"), weights=b"b")
    assert get(stubs, project, name="weights", pipeline_name="training").id == made.id  # the second still runs
    finish_run(stubs, second)
    third = start_run(stubs, project)
    start_step(stubs, third, cache_key="a")  # back to A: cached
    finish_run(stubs, third)
    assert get(stubs, project, name="weights", pipeline_name="training").id == made.id


def test_artifacts_are_listed_by_name_with_latest_and_count(stubs: Stubs, project: str) -> None:
    for name in ["b", "a", "b"]:
        create(stubs, project, name)
    create(stubs, project, "pipe::step::output", unnamed=True)
    request = artifacts.ListArtifactsRequest(project=project)
    listed = stubs.artifacts.ListArtifacts(request).artifacts
    assert [(row.name, row.latest.version, row.version_count) for row in listed] == [("a", "1", 1), ("b", "2", 2)]
    request.include_unnamed = True
    assert len(stubs.artifacts.ListArtifacts(request).artifacts) == 3
    request.name_contains = "STEP"
    assert [row.name for row in stubs.artifacts.ListArtifacts(request).artifacts] == ["pipe::step::output"]


def test_artifacts_are_listed_page_by_page(stubs: Stubs, project: str) -> None:
    for number in range(5):
        create(stubs, project, f"name{number}")
    request = artifacts.ListArtifactsRequest(project=project, page_size=2)
    seen: list[str] = []
    while True:
        page = stubs.artifacts.ListArtifacts(request)
        seen += [row.name for row in page.artifacts]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert seen == [f"name{number}" for number in range(5)]


def test_versions_are_filtered_and_ordered(stubs: Stubs, project: str) -> None:
    create(stubs, project, "weights", tags=["old"])
    second = create(stubs, project, "weights", tags=["new"])
    third = create(stubs, project, "other", version="other")
    assert list_versions(stubs, project) == ["other", "2", "1"]
    assert list_versions(stubs, project, order=artifacts.VERSION_ORDER_OLDEST_FIRST) == ["1", "2", "other"]
    assert list_versions(stubs, project, name="weights") == ["2", "1"]
    assert list_versions(stubs, project, tag="old") == ["1"]
    assert list_versions(stubs, project, created_from=third.create_time) == ["other"]
    assert list_versions(stubs, project, created_until=second.create_time) == ["1"]


def test_versions_are_filtered_by_the_pipeline_that_made_them(stubs: Stubs, project: str) -> None:
    create(stubs, project, "weights")
    run = start_run(stubs, project)
    complete_step(stubs, project, start_step(stubs, run), weights=b"made")
    assert list_versions(stubs, project, pipeline_name="training") == ["2"]


def test_versions_are_listed_page_by_page_while_others_are_saved(stubs: Stubs, project: str) -> None:
    for _ in range(4):
        create(stubs, project, "weights")
    request = artifacts.ListArtifactVersionsRequest(project=project, page_size=3)
    first = stubs.artifacts.ListArtifactVersions(request)
    create(stubs, project, "weights")
    request.page_token = first.next_page_token
    second = stubs.artifacts.ListArtifactVersions(request)
    versions = [version.version for page in (first, second) for version in page.artifact_versions]
    assert (versions, second.next_page_token) == (["4", "3", "2", "1"], "")


def test_a_page_token_of_another_list_is_refused(stubs: Stubs, project: str) -> None:
    for _ in range(2):
        create(stubs, project, "weights")
    request = artifacts.ListArtifactVersionsRequest(project=project, page_size=1)
    token = stubs.artifacts.ListArtifactVersions(request).next_page_token
    with expect_refusal(StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"):
        list_versions(stubs, project, name="weights", page_token=token)
    with expect_refusal(StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"):
        stubs.artifacts.ListArtifacts(artifacts.ListArtifactsRequest(project=project, page_token="forged"))


def test_lists_leave_files_out_and_negative_pages_are_refused(stubs: Stubs, project: str) -> None:
    create(stubs, project, "weights")
    listed = stubs.artifacts.ListArtifactVersions(artifacts.ListArtifactVersionsRequest(project=project))
    assert (len(listed.artifact_versions[0].files), listed.artifact_versions[0].file_count) == (0, 1)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"):
        list_versions(stubs, project, page_size=-1)


def test_a_malformed_time_is_refused(stubs: Stubs, project: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        list_versions(stubs, project, created_from=Timestamp(nanos=-1))
    assert refused.refusal.fields == ["created_from"]


def test_versions_are_found_by_their_metadata(stubs: Stubs, project: str) -> None:
    create(stubs, project, "weights", metadata={"epochs": "10", "data": '{"rows": 2, "kind": "a"}'})
    create(stubs, project, "weights", metadata={"epochs": '"10"'})
    assert list_versions(stubs, project, metadata={"epochs": "10.0"}) == ["1"]
    assert list_versions(stubs, project, metadata={"epochs": '"10"'}) == ["2"]
    assert list_versions(stubs, project, metadata={"data": '{"kind":"a","rows":2}', "epochs": "10"}) == ["1"]
    assert list_versions(stubs, project, metadata={"data": '{"kind":"a"}'}) == []
    assert list_versions(stubs, f"{project}-other", metadata={"epochs": "10"}) == []


@pytest.mark.parametrize("text", ["", "ten", "NaN", "{"])
def test_metadata_to_look_for_that_is_no_json_is_refused(stubs: Stubs, project: str, text: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        list_versions(stubs, project, metadata={"epochs": text})
    assert refused.refusal.fields == ["metadata['epochs']"]
