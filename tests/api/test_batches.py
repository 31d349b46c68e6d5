"""Many blobs or versions in one call: a status for each, limits for all, and nothing left of what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from grpc import StatusCode

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import artifact_service_pb2 as artifacts
from argosy.v1 import blob_service_pb2 as blobs
from argosy.v1.blob_pb2 import NewBlob, ReadBlobResult
from argosy.v1.errors_pb2 import ItemStatus
from tests.api.calls import create, digest_of, download, expect_refusal, get, missing, new_request_id, put_blob
from tests.api.conftest import Service
from tests.api.past_the_service import flip_first_bit_of, stored

OK = (0, "")
MISMATCH = (StatusCode.INVALID_ARGUMENT.value[0], "DIGEST_MISMATCH")
ROW, FILE = b"r" * 1000, b"f" * 100_000
"""One that lives in the database, and one that lives in a file."""

MOVES_BYTES = True


def ends(statuses: Sequence[ItemStatus]) -> list[tuple[int, str]]:
    return [(status.code, status.reason) for status in statuses]


def store(stubs: Service, project: str, *contents: bytes, digests: Sequence[str] = ()) -> list[tuple[int, str]]:
    wanted = digests or [digest_of(content) for content in contents]
    new = [NewBlob(digest=digest, content=content) for digest, content in zip(wanted, contents, strict=True)]
    response = stubs.blobs.BatchUploadBlobs(blobs.BatchUploadBlobsRequest(project=project, blobs=new))
    return ends(response.statuses)


def read(stubs: Service, project: str, *digests: str) -> Sequence[ReadBlobResult]:
    return stubs.blobs.BatchReadBlobs(blobs.BatchReadBlobsRequest(project=project, digests=digests)).results


@pytest.mark.parametrize("content", [b"", b"x", ROW, FILE, bytes(2 << 20)], ids=["empty", "one", "row", "file", "most"])
def test_a_blob_of_a_batch_is_stored_and_read(stubs: Service, project: str, content: bytes) -> None:
    assert store(stubs, project, content) == [OK]
    assert missing(stubs, project, digest_of(content)) == []
    (result,) = read(stubs, project, digest_of(content))
    assert ((result.status.code, result.status.reason), result.content) == (OK, content)


def test_a_batch_is_answered_in_its_order_also_when_items_are_equal(stubs: Service, project: str) -> None:
    contents = [FILE, ROW, b"x", FILE, ROW]
    assert store(stubs, project, *contents) == [OK] * 5
    results = read(stubs, project, *[digest_of(content) for content in contents])
    assert [result.content for result in results] == contents


def test_storing_again_changes_nothing(stubs: Service, project: str) -> None:
    assert store(stubs, project, ROW, FILE) == store(stubs, project, FILE, ROW) == [OK, OK]
    assert [result.content for result in read(stubs, project, digest_of(ROW), digest_of(FILE))] == [ROW, FILE]


@pytest.mark.parametrize("content", [ROW, FILE], ids=["row", "file"])
def test_bytes_of_another_digest_are_refused_and_the_others_stored(
    stubs: Service, project: str, content: bytes
) -> None:
    before = stored(stubs)
    statuses = store(stubs, project, content, b"fine", digests=[digest_of(b"other"), digest_of(b"fine")])
    assert statuses == [MISMATCH, OK]
    assert missing(stubs, project, digest_of(content), digest_of(b"other"), digest_of(b"fine")) == [
        digest_of(content),
        digest_of(b"other"),
    ]
    assert stored(stubs) == before


def test_what_is_not_there_and_what_is_damaged_is_told_beside_the_others(stubs: Service, project: str) -> None:
    damaged = project.encode() * 3000
    assert store(stubs, project, ROW, damaged) == [OK, OK]
    flip_first_bit_of(stubs, damaged)
    absent = digest_of(b"absent")
    results = read(stubs, project, absent, digest_of(ROW), digest_of(damaged))
    assert ends([result.status for result in results]) == [
        (StatusCode.NOT_FOUND.value[0], "BLOB_NOT_FOUND"),
        OK,
        (StatusCode.DATA_LOSS.value[0], "BLOB_CORRUPT"),
    ]
    assert [result.content for result in results] == [b"", ROW, b""]
    assert absent in results[0].status.message


def test_blobs_of_another_project_are_not_there(stubs: Service, project: str) -> None:
    store(stubs, project, ROW)
    (result,) = read(stubs, f"{project}-other", digest_of(ROW))
    assert result.status.reason == "BLOB_NOT_FOUND"


def test_more_than_the_limits_is_refused_as_a_whole(stubs: Service, project: str) -> None:
    half = [bytes([number]) * (1 << 20) for number in range(3)]
    for contents in ([b"x"] * 1001, half, [bytes((2 << 20) + 1)]):
        with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
            store(stubs, project, *contents)
        digests = [digest_of(content) for content in contents[:3]]
        assert missing(stubs, project, *digests) == list(dict.fromkeys(digests))
    assert store(stubs, project, *[str(number).encode() for number in range(1000)]) == [OK] * 1000


def test_reads_of_more_bytes_than_one_answer_holds_are_refused(stubs: Service, project: str) -> None:
    digests = [put_blob(stubs, project, bytes([number]) * (1 << 20)) for number in range(3)]
    assert [result.status.code for result in read(stubs, project, *digests[:2])] == [0, 0]
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
        read(stubs, project, *digests)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
        read(stubs, project, *digests[:1] * 3)  # each copy counts


def test_a_batch_of_nothing_or_with_a_malformed_digest_is_refused(stubs: Service, project: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        store(stubs, project)
    assert refused.refusal.fields == ["blobs"]
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        store(stubs, project, b"x", b"y", digests=[digest_of(b"x"), "md5:00"])
    assert refused.refusal.fields == ["blobs[1].digest"]
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        read(stubs, project, "md5:00")
    assert refused.refusal.fields == ["digests[0]"]


def test_sizes_are_known_of_blobs_that_are_files(stubs: Service, project: str) -> None:
    store(stubs, project, ROW, FILE)
    request = blobs.FindMissingBlobsRequest(project=project, sizes=[5, len(FILE), len(ROW), len(FILE)])
    assert list(stubs.blobs.FindMissingBlobs(request).known_sizes) == [len(FILE)]
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
        stubs.blobs.FindMissingBlobs(blobs.FindMissingBlobsRequest(project=project, sizes=range(16_385)))


def new(name: str, content: bytes = b"", *, digest: str = "", **spec: Any) -> nouns.NewArtifactVersion:
    file = nouns.NewArtifactFile(path="data.bin")
    if digest:
        file.digest = digest
    else:
        file.inline_content = content
    return nouns.NewArtifactVersion(spec=nouns.ArtifactSpec(name=name, format="bytes", **spec), files=[file])


def create_all(
    stubs: Service, project: str, *versions: nouns.NewArtifactVersion, request_id: str = ""
) -> Sequence[nouns.CreateArtifactVersionResult]:
    request = artifacts.BatchCreateArtifactVersionsRequest(
        project=project, request_id=request_id or new_request_id(), versions=versions
    )
    return stubs.artifacts.BatchCreateArtifactVersions(request).results


def test_versions_of_a_batch_are_visible_and_numbered_in_its_order(stubs: Service, project: str) -> None:
    digest = put_blob(stubs, project, FILE)
    results = create_all(stubs, project, new("a", b"1"), new("b", FILE), new("a", digest=digest), new("a", b"3"))
    assert ends([result.status for result in results]) == [OK] * 4
    made = [(result.artifact_version.name, result.artifact_version.version) for result in results]
    assert made == [("a", "1"), ("b", "1"), ("a", "2"), ("a", "3")]
    assert [download(stubs, project, id=result.artifact_version.id) for result in results] == [b"1", FILE, FILE, b"3"]


def test_what_is_refused_leaves_nothing_behind_and_no_gap(stubs: Service, project: str) -> None:
    create(stubs, project, "a", b"1", version="best")
    before = stored(stubs)
    lost = [project.encode() + bytes([number]) * size for number, size in enumerate((100, 90_000, 80_000, 70_000))]
    results = create_all(
        stubs,
        project,
        new("a", b"kept"),
        new("a", lost[0], version="best"),
        new("a", lost[1], version="best"),
        new("c", digest=digest_of(b"absent")),
        new("../escape", lost[2]),
        new("d", lost[3], step_run_id="3a92ae32-a764-4420-98ba-07da8f742b76"),
        new("a", b"kept too"),
    )
    assert [status.reason for status in (result.status for result in results)] == [
        "",
        "VERSION_EXISTS",
        "VERSION_EXISTS",
        "BLOB_MISSING",
        "INVALID_FIELD",
        "RUN_NOT_FOUND",
        "",
    ]
    assert "versions[4].spec.name" in results[4].status.message
    assert [results[at].artifact_version.version for at in (0, 6)] == ["1", "2"]
    assert not any(results[at].HasField("artifact_version") for at in range(1, 6))
    assert stored(stubs) == before
    assert missing(stubs, project, *map(digest_of, lost)) == [digest_of(content) for content in lost]
    for name in ("c", "d"):
        with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
            get(stubs, project, name=name)
    assert create(stubs, project, "a").version == "3"


def test_an_item_may_share_its_bytes_with_one_that_is_refused(stubs: Service, project: str) -> None:
    create(stubs, project, "a", b"1", version="best")
    for content in (project.encode(), project.encode() * 2000):
        results = create_all(stubs, project, new("a", content, version="best"), new("b", content))
        assert [result.status.reason for result in results] == ["VERSION_EXISTS", ""]
        assert download(stubs, project, id=results[1].artifact_version.id) == content


def test_sent_twice_it_is_done_once(stubs: Service, project: str) -> None:
    used = new_request_id()
    items = [new("a", b"1"), new("a", FILE), new("../escape", FILE)]
    first = create_all(stubs, project, *items, request_id=used)
    before = stored(stubs)
    again = create_all(stubs, project, *items, request_id=used)
    assert list(first) == list(again)
    assert stored(stubs) == before
    assert get(stubs, project, name="a").version == "2"
    assert download(stubs, project, name="a") == FILE
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED"):
        create_all(stubs, project, new("a", b"2"), request_id=used)


def test_a_batch_of_versions_over_the_limits_writes_nothing(stubs: Service, project: str) -> None:
    many_files = new("a", b"x")
    half = stubs.blobs.GetCapabilities(blobs.GetCapabilitiesRequest(project=project)).max_files // 2
    many_files.files.extend(nouns.NewArtifactFile(path=f"f{number}", inline_content=b"") for number in range(half))
    before = stored(stubs)
    for items in (
        [new("a", b"1")] * 1001,
        [new("a", bytes([number]) * (900 << 10)) for number in range(3)],
        [many_files, many_files],
    ):
        with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
            create_all(stubs, project, *items)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        create_all(stubs, project)
    assert refused.refusal.fields == ["versions"]
    assert stored(stubs) == before
    assert create(stubs, project, "a").version == "1"


def test_one_item_over_the_inline_limit_is_refused_beside_the_others(stubs: Service, project: str) -> None:
    results = create_all(stubs, project, new("a", bytes((1 << 20) + 1)), new("a", b"1"))
    assert [result.status.reason for result in results] == ["LIMIT_EXCEEDED", ""]
    assert results[1].artifact_version.version == "1"


def test_a_full_batch_is_one_call(stubs: Service, project: str) -> None:
    results = create_all(stubs, project, *[new(f"n{number}", str(number).encode()) for number in range(1000)])
    assert ends([result.status for result in results]) == [OK] * 1000
    assert download(stubs, project, name="n777") == b"777"
