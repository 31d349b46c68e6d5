"""What a version is, in words: given with it, changed later, gone with its value."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import StatusCode

from argosy.v1 import artifact_service_pb2 as artifacts
from tests.api.calls import Stubs, create, expect_refusal, get, new_request_id

WORDS = "Weights of the month.\n\n\tSee the report: größer ist besser."


def describe(stubs: Stubs, project: str, version_id: str, description: str) -> str:
    request = artifacts.UpdateArtifactVersionRequest(
        project=project,
        request_id=new_request_id(),
        id=version_id,
        description=description,
        update_mask=FieldMask(paths=["description"]),
    )
    return stubs.artifacts.UpdateArtifactVersion(request).artifact_version.description


def test_a_description_comes_back_with_the_version_and_in_lists(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "weights", description=WORDS)
    assert version.description == WORDS
    assert get(stubs, project, name="weights").description == WORDS
    listed = stubs.artifacts.ListArtifactVersions(artifacts.ListArtifactVersionsRequest(project=project))
    assert [found.description for found in listed.artifact_versions] == [WORDS]


def test_a_description_is_replaced_and_nothing_else_changes(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "weights", description="old", tags=["kept"], metadata={"rows": "1"})
    assert describe(stubs, project, version.id, WORDS) == WORDS
    found = get(stubs, project, id=version.id)
    assert (found.description, list(found.tags), dict(found.metadata)) == (WORDS, ["kept"], {"rows": "1"})
    assert found.etag != version.etag
    assert describe(stubs, project, version.id, "") == ""


def test_what_the_mask_does_not_name_leaves_the_description(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "weights", description=WORDS)
    request = artifacts.UpdateArtifactVersionRequest(
        project=project,
        request_id=new_request_id(),
        id=version.id,
        tags=["new"],
        description="not named",
        update_mask=FieldMask(paths=["tags"]),
    )
    assert stubs.artifacts.UpdateArtifactVersion(request).artifact_version.description == WORDS


def test_a_deleted_version_has_no_description(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "weights", description=WORDS)
    stubs.artifacts.DeleteArtifactVersion(
        artifacts.DeleteArtifactVersionRequest(project=project, request_id=new_request_id(), id=version.id)
    )
    assert get(stubs, project, id=version.id).description == ""


def test_a_description_over_4_kib_is_refused_and_4_kib_are_not(stubs: Stubs, project: str) -> None:
    fits = "ü" * 2048
    assert create(stubs, project, "weights", description=fits).description == fits
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED") as refused:
        create(stubs, project, "weights", description=fits + "x")
    assert "4097 bytes; at most 4096" in refused.refusal.message
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
        describe(stubs, project, get(stubs, project, name="weights").id, fits + "x")


@pytest.mark.parametrize("description", ["a\x00b", "a\x1b[31mb", "a\x7fb"], ids=["NUL", "escape", "delete"])
def test_control_characters_in_a_description_are_refused(stubs: Stubs, project: str, description: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        create(stubs, project, "weights", description=description)
    assert refused.refusal.fields == ["spec.description"]
