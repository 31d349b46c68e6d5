"""GetArtifactVersion brings the bytes of a small version along, when they are wanted."""

from __future__ import annotations

import pytest
from grpc import StatusCode

from argosy.v1 import artifact_service_pb2 as artifacts
from tests.api.calls import LARGE, Stubs, create, create_request, expect_refusal, get_contents, put_blob

ROW, FILE = b"row", b"file" * 20_000
"""One that is kept in the database, and one that is kept as a file."""

MOVES_BYTES = True


def save_three(stubs: Stubs, project: str) -> None:
    request = create_request(project, "x", ROW)
    request.files[0].path = "z"
    request.files.add(path="a", inline_content=FILE)
    request.files.add(path="empty", inline_content=b"")
    stubs.artifacts.CreateArtifactVersion(request)


def test_the_contents_come_in_the_order_of_the_files(stubs: Stubs, project: str) -> None:
    save_three(stubs, project)
    assert get_contents(stubs, project, 1 << 20, name="x") == [FILE, b"", ROW]


@pytest.mark.parametrize(("most", "comes"), [(0, False), (80_002, False), (80_003, True), (1 << 40, True)])
def test_they_come_only_when_they_are_few_enough(stubs: Stubs, project: str, most: int, comes: bool) -> None:
    save_three(stubs, project)
    assert bool(get_contents(stubs, project, most, name="x")) == comes


def test_no_more_come_than_one_message_holds_whatever_is_asked(stubs: Stubs, project: str) -> None:
    digest = put_blob(stubs, project, LARGE)
    request = artifacts.CreateArtifactVersionRequest(project=project, request_id=digest)
    request.spec.name, request.spec.format = "large", "bytes"
    request.files.add(path="data.bin", digest=digest)
    stubs.artifacts.CreateArtifactVersion(request)
    assert get_contents(stubs, project, 1 << 40, name="large") == []


def test_a_deleted_version_has_none(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "x")
    request = artifacts.DeleteArtifactVersionRequest(project=project, request_id=version.id, id=version.id)
    stubs.artifacts.DeleteArtifactVersion(request)
    assert get_contents(stubs, project, 1 << 20, id=version.id) == []


def test_a_negative_limit_is_refused(stubs: Stubs, project: str) -> None:
    create(stubs, project, "x")
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"):
        get_contents(stubs, project, -1, name="x")
