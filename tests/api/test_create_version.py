from __future__ import annotations

from typing import Any

import pytest
from grpc import StatusCode

from argosy.v1 import artifact_pb2 as nouns
from tests.api.calls import (
    LARGE,
    Stubs,
    create,
    create_request,
    digest_of,
    download,
    expect_refusal,
    get,
    missing,
    new_request_id,
    put_blob,
)

UUID_TEXT = "3a92ae32-a764-4420-98ba-07da8f742b76"
BAD_NAMES = ["", "..", "a/../b", "/a", "a/", "a//b", "a\0b", "a\x1bb", "x" * 256, UUID_TEXT]
BAD_VERSIONS = ["0", "-1", "007", "a/b", "a\0b", "x" * 256]

MOVES_BYTES = True


def test_a_version_is_what_the_spec_says(stubs: Stubs, project: str) -> None:
    version = create(
        stubs,
        project,
        "weights",
        b"bytes",
        data_type="builtins:bytes",
        materializer="argosy.bytes",
        metadata={"rows": "1000", "dtype": '"float64"'},
        tags=["b", "a"],
        aliases=["prod"],
    )
    assert (version.name, version.version, version.ordinal, version.format) == ("weights", "1", 1, "bytes")
    assert dict(version.metadata) == {"rows": "1000", "dtype": '"float64"'}
    assert (list(version.tags), list(version.aliases)) == (["a", "b"], ["prod"])
    assert [(file.path, file.digest, file.size_bytes) for file in version.files] == [
        ("data.bin", digest_of(b"bytes"), 5)
    ]
    assert (version.size_bytes, version.file_count, version.kind) == (5, 1, nouns.ARTIFACT_KIND_MANUAL)
    assert get(stubs, project, id=version.id) == version


@pytest.mark.parametrize("content", [b"", b"x", b"y" * (32 << 10), b"z" * ((32 << 10) + 1)])
def test_inline_bytes_come_back_whether_they_live_in_a_row_or_in_a_file(
    stubs: Stubs, project: str, content: bytes
) -> None:
    create(stubs, project, "weights", content)
    assert download(stubs, project, name="weights") == content


def test_files_may_name_blobs_the_project_has(stubs: Stubs, project: str) -> None:
    request = create_request(project, "dataset", b"inline")
    request.files.add(path="parts/0.bin", digest=put_blob(stubs, project, LARGE))
    version = stubs.artifacts.CreateArtifactVersion(request).artifact_version
    assert {file.path: file.size_bytes for file in version.files} == {"data.bin": 6, "parts/0.bin": len(LARGE)}
    assert download(stubs, project, name="dataset", path="parts/0.bin") == LARGE


def test_numbers_count_up_from_the_highest_and_labels_do_not_disturb(stubs: Stubs, project: str) -> None:
    given = ["", "", "10", "", "best", "", "5", ""]
    made = [create(stubs, project, "weights", version=version).version for version in given]
    assert made == ["1", "2", "10", "11", "best", "12", "5", "13"]


def test_latest_is_the_one_created_last(stubs: Stubs, project: str) -> None:
    for version in ["12", "5"]:
        create(stubs, project, "weights", version=version)
    assert get(stubs, project, name="weights").version == "5"


def test_explicit_version_twice_is_refused_and_leaves_nothing_behind(stubs: Stubs, project: str) -> None:
    create(stubs, project, "weights", b"first", version="best")
    with expect_refusal(StatusCode.ALREADY_EXISTS, "VERSION_EXISTS"):
        create(stubs, project, "weights", b"second", version="best")
    assert download(stubs, project, name="weights", version="best") == b"first"
    assert missing(stubs, project, digest_of(b"second")) == [digest_of(b"second")]
    assert create(stubs, project, "weights").version == "1"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_could_lead_astray_are_refused(stubs: Stubs, project: str, name: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        create(stubs, project, name)
    assert refused.refusal.fields == ["spec.name"]


@pytest.mark.parametrize("version", BAD_VERSIONS)
def test_bad_versions_are_refused(stubs: Stubs, project: str, version: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        create(stubs, project, "weights", version=version)
    assert refused.refusal.fields == ["spec.version"]


@pytest.mark.parametrize(
    ("field", "spec"),
    [
        ("spec.format", {"format": ""}),
        ("spec.format", {"format": "../x"}),
        ("spec.metadata['rows']", {"metadata": {"rows": "not json"}}),
        ("spec.metadata['rows']", {"metadata": {"rows": "NaN"}}),
        ("spec.tags[0]", {"tags": [""]}),
        ("spec.aliases", {"aliases": ["1"]}),
        ("spec.step_run_id", {"step_run_id": "x"}),
    ],
)
def test_a_bad_field_is_named(stubs: Stubs, project: str, field: str, spec: dict[str, Any]) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        create(stubs, project, "weights", **spec)
    assert refused.refusal.fields == [field]


@pytest.mark.parametrize("path", ["", "../x", "/etc/passwd", "a\\b", "a\0b", "C:/x"])
def test_paths_that_could_leave_the_version_are_refused(stubs: Stubs, project: str, path: str) -> None:
    request = create_request(project, "weights")
    request.files[0].path = path
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        stubs.artifacts.CreateArtifactVersion(request)
    assert refused.refusal.fields == ["files[0].path"]


@pytest.mark.parametrize("other", ["data.bin", "data.bin/inner"])
def test_two_files_cannot_stand_at_one_place(stubs: Stubs, project: str, other: str) -> None:
    request = create_request(project, "weights")
    request.files.add(path=other, inline_content=b"2")
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        stubs.artifacts.CreateArtifactVersion(request)
    assert refused.refusal.fields == ["files.path"]


def test_a_version_has_at_least_one_file(stubs: Stubs, project: str) -> None:
    request = create_request(project, "weights")
    del request.files[:]
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        stubs.artifacts.CreateArtifactVersion(request)
    assert refused.refusal.fields == ["files"]


def test_a_digest_the_project_does_not_have_is_refused(stubs: Stubs, project: str) -> None:
    absent = digest_of(b"absent")
    request = create_request(project, "weights")
    request.files.add(path="other.bin", digest=absent)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "BLOB_MISSING") as refused:
        stubs.artifacts.CreateArtifactVersion(request)
    assert absent in refused.refusal.message
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        get(stubs, project, name="weights")


def test_a_digest_of_another_project_is_as_good_as_absent(stubs: Stubs, project: str) -> None:
    digest = put_blob(stubs, f"{project}-other", b"secret")
    request = create_request(project, "weights")
    request.files.add(path="other.bin", digest=digest)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "BLOB_MISSING"):
        stubs.artifacts.CreateArtifactVersion(request)


def test_a_malformed_digest_is_refused(stubs: Stubs, project: str) -> None:
    request = create_request(project, "weights")
    request.files.add(path="other.bin", digest="sha256:" + "0" * 64)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        stubs.artifacts.CreateArtifactVersion(request)
    assert refused.refusal.fields == ["files[1].digest"]


def test_more_inline_bytes_than_announced_are_refused(stubs: Stubs, project: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED") as refused:
        create(stubs, project, "weights", bytes((1 << 20) + 1))
    assert refused.refusal.metadata["limit"] == str(1 << 20)


def test_more_files_than_announced_are_refused(stubs: Stubs, project: str) -> None:
    request = create_request(project, "weights")
    for number in range(16_384):
        request.files.add(path=f"{number}.bin", inline_content=b"")
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED") as refused:
        stubs.artifacts.CreateArtifactVersion(request)
    assert refused.refusal.metadata["limit"] == "16384"


def test_a_file_list_that_no_answer_could_carry_is_refused_and_the_longest_other_one_is_answered(
    stubs: Stubs, project: str
) -> None:
    request = create_request(project, "dataset")
    del request.files[:]
    room = (3 << 20) // 9_000 - 100
    for number in range(9_000):
        request.files.add(path=f"{number:0{room}}", inline_content=b"")
    metadata = {"text": '"' + "x" * ((256 << 10) - 6) + '"'}
    request.spec.metadata.update(metadata)
    version = stubs.artifacts.CreateArtifactVersion(request).artifact_version
    assert (len(version.files), dict(version.metadata)) == (9_000, metadata)
    request.request_id = new_request_id()
    for file in request.files:
        file.path += "x"
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
        stubs.artifacts.CreateArtifactVersion(request)
    assert get(stubs, project, name="dataset").version == "1"


def test_the_same_request_twice_makes_one_version(stubs: Stubs, project: str) -> None:
    request = create_request(project, "weights")
    first = stubs.artifacts.CreateArtifactVersion(request)
    assert stubs.artifacts.CreateArtifactVersion(request) == first
    assert create(stubs, project, "weights").version == "2"


def test_a_request_id_stands_for_one_request(stubs: Stubs, project: str) -> None:
    request_id = new_request_id()
    stubs.artifacts.CreateArtifactVersion(create_request(project, "weights", request_id=request_id))
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED"):
        stubs.artifacts.CreateArtifactVersion(create_request(project, "other", request_id=request_id))


def test_a_mutation_without_a_request_id_is_refused(stubs: Stubs, project: str) -> None:
    request = create_request(project, "weights")
    request.request_id = ""
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        stubs.artifacts.CreateArtifactVersion(request)
    assert refused.refusal.fields == ["request_id"]


def test_a_version_saved_inside_an_unknown_step_is_refused(stubs: Stubs, project: str) -> None:
    with expect_refusal(StatusCode.NOT_FOUND, "RUN_NOT_FOUND"):
        create(stubs, project, "weights", step_run_id=UUID_TEXT)
