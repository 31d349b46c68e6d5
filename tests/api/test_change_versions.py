from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import StatusCode

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import artifact_service_pb2 as artifacts
from tests.api.calls import (
    Stubs,
    complete_step,
    create,
    download,
    expect_refusal,
    get,
    new_request_id,
    start_run,
    start_step,
)

ABSENT = "3a92ae32-a764-4420-98ba-07da8f742b76"


def update(stubs: Stubs, project: str, version_id: str, *paths: str, **fields: Any) -> nouns.ArtifactVersion:
    request = artifacts.UpdateArtifactVersionRequest(
        project=project,
        request_id=new_request_id(),
        id=version_id,
        update_mask=FieldMask(paths=paths),
        **fields,
    )
    return stubs.artifacts.UpdateArtifactVersion(request).artifact_version


def set_alias(stubs: Stubs, project: str, alias: str, **selector: str) -> nouns.ArtifactVersion:
    request = artifacts.SetAliasRequest(
        project=project, request_id=new_request_id(), alias=alias, selector=nouns.VersionSelector(**selector)
    )
    return stubs.artifacts.SetAlias(request).artifact_version


def delete_alias(stubs: Stubs, project: str, name: str, alias: str) -> None:
    request = artifacts.DeleteAliasRequest(project=project, request_id=new_request_id(), name=name, alias=alias)
    stubs.artifacts.DeleteAlias(request)


def delete(stubs: Stubs, project: str, version_id: str, *, force: bool = False) -> None:
    request = artifacts.DeleteArtifactVersionRequest(
        project=project, request_id=new_request_id(), id=version_id, force=force
    )
    stubs.artifacts.DeleteArtifactVersion(request)


def test_tags_are_replaced_and_metadata_merged(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "weights", tags=["old"], metadata={"rows": "1", "columns": "2"})
    changed = update(
        stubs, project, version.id, "tags", "metadata", tags=["new"], metadata={"rows": "", "score": "0.5"}
    )
    assert (list(changed.tags), dict(changed.metadata)) == (["new"], {"columns": "2", "score": "0.5"})
    assert changed.etag != version.etag


def test_only_what_the_mask_names_changes(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "weights", tags=["old"])
    assert list(update(stubs, project, version.id, "metadata", tags=["new"]).tags) == ["old"]


@pytest.mark.parametrize("paths", [(), ("name",), ("tags", "files")])
def test_a_mask_names_tags_or_metadata(stubs: Stubs, project: str, paths: tuple[str, ...]) -> None:
    version = create(stubs, project, "weights")
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        update(stubs, project, version.id, *paths)
    assert refused.refusal.fields == ["update_mask"]


def test_of_two_writers_with_one_etag_the_second_is_refused(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "weights")
    update(stubs, project, version.id, "tags", tags=["first"], etag=version.etag)
    with expect_refusal(StatusCode.ABORTED, "ETAG_MISMATCH"):
        update(stubs, project, version.id, "tags", tags=["second"], etag=version.etag)
    assert list(get(stubs, project, id=version.id).tags) == ["first"]


def test_an_unknown_version_cannot_be_updated(stubs: Stubs, project: str) -> None:
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        update(stubs, project, ABSENT, "tags")


def test_an_alias_moves_from_version_to_version(stubs: Stubs, project: str) -> None:
    first = create(stubs, project, "weights", b"1")
    create(stubs, project, "weights", b"2")
    set_alias(stubs, project, "prod", id=first.id)
    assert list(set_alias(stubs, project, "prod", name="weights").aliases) == ["prod"]
    assert download(stubs, project, name="weights", alias="prod") == b"2"
    assert list(get(stubs, project, id=first.id).aliases) == []


@pytest.mark.parametrize("alias", ["", "1", "a b", "a/b"])
def test_bad_aliases_are_refused(stubs: Stubs, project: str, alias: str) -> None:
    create(stubs, project, "weights")
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        set_alias(stubs, project, alias, name="weights")
    assert refused.refusal.fields == ["alias"]


def test_an_alias_of_nothing_is_not_found(stubs: Stubs, project: str) -> None:
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        set_alias(stubs, project, "prod", name="weights")
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        delete_alias(stubs, project, "weights", "prod")


def test_a_deleted_alias_leaves_the_version(stubs: Stubs, project: str) -> None:
    create(stubs, project, "weights", b"1", aliases=["prod"])
    delete_alias(stubs, project, "weights", "prod")
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        get(stubs, project, name="weights", alias="prod")
    assert download(stubs, project, name="weights") == b"1"


def test_a_deleted_version_is_gone_but_its_label_stays_taken(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "weights", version="best", aliases=["prod"])
    delete(stubs, project, version.id, force=True)
    for selector in ({"name": "weights"}, {"name": "weights", "version": "best"}, {"name": "weights", "alias": "prod"}):
        with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
            get(stubs, project, **selector)
    with expect_refusal(StatusCode.ALREADY_EXISTS, "VERSION_EXISTS"):
        create(stubs, project, "weights", version="best")
    assert get(stubs, project, id=version.id).deleted
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        download(stubs, project, id=version.id)
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        delete(stubs, project, version.id)


def test_a_number_is_never_used_twice(stubs: Stubs, project: str) -> None:
    delete(stubs, project, create(stubs, project, "weights").id)
    assert create(stubs, project, "weights").version == "2"


def test_a_version_a_run_made_or_used_needs_force(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    version = complete_step(stubs, project, start_step(stubs, run), weights=b"1").outputs[0].version
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "VERSION_IN_USE"):
        delete(stubs, project, version.id)
    delete(stubs, project, version.id, force=True)
    assert get(stubs, project, id=version.id).producer.run_id == run.id


def test_a_version_an_alias_points_at_needs_force_as_long_as_it_does(stubs: Stubs, project: str) -> None:
    first = create(stubs, project, "weights", aliases=["prod", "best"])
    second = create(stubs, project, "weights", aliases=["prod"])
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "VERSION_IN_USE") as refused:
        delete(stubs, project, first.id)
    assert refused.refusal.message == "'weights' version 1 is deleted only by force: the alias 'best' points at it"
    delete_alias(stubs, project, "weights", "best")
    delete(stubs, project, first.id)
    delete(stubs, project, second.id, force=True)
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        get(stubs, project, name="weights", alias="prod")


def test_every_reason_why_a_version_needs_force_is_named(stubs: Stubs, project: str) -> None:
    version = (
        complete_step(stubs, project, start_step(stubs, start_run(stubs, project)), weights=b"1").outputs[0].version
    )
    set_alias(stubs, project, "prod", id=version.id)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "VERSION_IN_USE") as refused:
        delete(stubs, project, version.id)
    assert refused.refusal.message.endswith("by force: a run made or used it and the alias 'prod' points at it")


def test_another_project_cannot_change_a_version(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "weights")
    other = f"{project}-other"
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        update(stubs, other, version.id, "tags", tags=["stolen"])
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        set_alias(stubs, other, "prod", id=version.id)
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        delete(stubs, other, version.id)
