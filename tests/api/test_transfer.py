from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import artifact_transfer_pb2
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
    upload_parts,
)

Part = artifact_transfer_pb2.UploadArtifactRequest

MOVES_BYTES = True


@pytest.mark.parametrize("content", [b"", b"small", LARGE], ids=["empty", "small", "large"])
def test_a_file_of_any_size_is_uploaded_and_downloaded_in_one_call_each(
    stubs: Stubs, project: str, content: bytes
) -> None:
    reply = stubs.artifacts.UploadArtifact(upload_parts(project, "weights", content))
    assert reply.artifact_version.version == "1"
    assert download(stubs, project, name="weights") == content


def test_a_download_tells_version_file_bytes_and_end_in_order(stubs: Stubs, project: str) -> None:
    version = create(stubs, project, "weights", b"bytes")
    request = artifact_transfer_pb2.DownloadArtifactRequest(
        project=project, selector=nouns.VersionSelector(name="weights")
    )
    parts = list(stubs.artifacts.DownloadArtifact(request))
    assert [part.WhichOneof("part") for part in parts] == ["version", "file_start", "chunk", "file_end"]
    assert parts[0].version == version
    assert parts[1].file_start.file == version.files[0]
    assert parts[3].file_end.sent_bytes == 5


@pytest.mark.parametrize(
    ("offset", "limit"), [(0, 5), (3, 0), (len(LARGE) - 1, 10), (len(LARGE), 0), ((4 << 20) - 2, 4), (1 << 20, 1 << 20)]
)
def test_a_range_is_exactly_the_bytes_asked_for(stubs: Stubs, project: str, offset: int, limit: int) -> None:
    stubs.artifacts.UploadArtifact(upload_parts(project, "weights", LARGE))
    expected = LARGE[offset : offset + limit] if limit else LARGE[offset:]
    assert download(stubs, project, name="weights", offset=offset, limit=limit) == expected


def test_a_range_beyond_the_end_is_refused_with_the_size(stubs: Stubs, project: str) -> None:
    create(stubs, project, "weights", b"bytes")
    with expect_refusal(StatusCode.OUT_OF_RANGE, "READ_PAST_END") as refused:
        download(stubs, project, name="weights", offset=6)
    assert refused.refusal.metadata["size"] == "5"


@pytest.mark.parametrize(("offset", "limit"), [(-1, 0), (0, -1)])
def test_negative_ranges_are_refused(stubs: Stubs, project: str, offset: int, limit: int) -> None:
    create(stubs, project, "weights", b"bytes")
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"):
        download(stubs, project, name="weights", offset=offset, limit=limit)


def test_one_file_of_several_is_chosen_by_path(stubs: Stubs, project: str) -> None:
    request = create_request(project, "pair", b"first")
    request.files.add(path="other.bin", inline_content=b"second")
    stubs.artifacts.CreateArtifactVersion(request)
    assert download(stubs, project, name="pair") == b"firstsecond"
    assert download(stubs, project, name="pair", path="other.bin", offset=3) == b"ond"
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        download(stubs, project, name="pair", path="absent.bin")
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"):
        download(stubs, project, name="pair", offset=1)


def test_an_upload_is_idempotent(stubs: Stubs, project: str) -> None:
    first = stubs.artifacts.UploadArtifact(upload_parts(project, "weights", b"1", request_id="same"))
    assert stubs.artifacts.UploadArtifact(upload_parts(project, "weights", b"1", request_id="same")) == first
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED"):
        stubs.artifacts.UploadArtifact(upload_parts(project, "other", b"1", request_id="same"))


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("lie", [{"digest": digest_of(b"other")}, {"size": 3}], ids=["digest", "size"])
def test_what_arrived_must_be_what_was_declared(
    stubs: Stubs, project: str, content: bytes, lie: dict[str, Any]
) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "DIGEST_MISMATCH") as refused:
        stubs.artifacts.UploadArtifact(upload_parts(project, "weights", content, **lie))
    assert refused.refusal.metadata["actual"] == digest_of(content)
    nothing_is_left(stubs, project, content)


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_an_upload_without_its_finish_is_no_upload(stubs: Stubs, project: str, content: bytes) -> None:
    parts = list(upload_parts(project, "weights", content))[:-1]
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_STREAM"):
        stubs.artifacts.UploadArtifact(iter(parts))
    nothing_is_left(stubs, project, content)


def test_a_client_that_breaks_off_leaves_nothing(stubs: Stubs, project: str) -> None:
    def breaks_off() -> Iterator[Part]:
        parts = upload_parts(project, "weights", LARGE)
        for _ in range(4):
            yield next(parts)
        raise RuntimeError("the program went down")

    with pytest.raises((RuntimeError, grpc.RpcError)):
        stubs.artifacts.UploadArtifact(breaks_off())
    nothing_is_left(stubs, project, LARGE)


def start_of(project: str, name: str = "weights") -> Part:
    return next(upload_parts(project, name, b""))


@pytest.mark.parametrize("case", ["nothing", "chunk first", "finish first", "two starts", "after finish", "empty part"])
def test_parts_out_of_order_are_refused(stubs: Stubs, project: str, case: str) -> None:
    start, chunk = start_of(project), Part(chunk=b"x")
    finish = Part(finish=artifact_transfer_pb2.UploadArtifactFinish(digest=digest_of(b"x"), size_bytes=1))
    streams = {
        "nothing": [],
        "chunk first": [chunk, start, finish],
        "finish first": [finish],
        "two starts": [start, chunk, start, finish],
        "after finish": [start, chunk, finish, chunk],
        "empty part": [start, Part(), finish],
    }
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_STREAM"):
        stubs.artifacts.UploadArtifact(iter(streams[case]))
    nothing_is_left(stubs, project, b"x")


def test_a_chunk_over_the_announced_size_is_refused(stubs: Stubs, project: str) -> None:
    parts = [start_of(project), Part(chunk=bytes((2 << 20) + 1))]
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
        stubs.artifacts.UploadArtifact(iter(parts))


def test_a_message_over_four_mebibytes_is_refused(stubs: Stubs, project: str) -> None:
    request = create_request(project, "weights", bytes(5 << 20))
    with pytest.raises(grpc.RpcError) as refused:
        stubs.artifacts.CreateArtifactVersion(request)
    assert refused.value.code() is StatusCode.RESOURCE_EXHAUSTED
    nothing_is_left(stubs, project, bytes(5 << 20))


def test_a_bad_name_is_refused_before_any_byte_is_taken(stubs: Stubs, project: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        stubs.artifacts.UploadArtifact(upload_parts(project, "../escape", LARGE))
    assert refused.refusal.fields == ["start.spec.name"]


def nothing_is_left(stubs: Stubs, project: str, content: bytes) -> None:
    """No version, no bytes, and the next save gets the first number."""
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        get(stubs, project, name="weights")
    assert missing(stubs, project, digest_of(content)) == [digest_of(content)]
    assert create(stubs, project, "weights").version == "1"
