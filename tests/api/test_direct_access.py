"""Clients on the same file system: who may read or write which file, and what a commit of such a file checks."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from grpc import StatusCode
from xxhash import xxh3_64

from argosy.v1 import blob_service_pb2 as blobs
from argosy.v1 import transfer_grants_pb2
from argosy.v1.blob_service_pb2_grpc import BlobServiceStub
from tests.api.calls import (
    LARGE,
    commit,
    digest_of,
    expect_refusal,
    get_upload,
    missing,
    new_request_id,
    open_upload,
    put_blob,
    read_blob,
    write_parts,
)
from tests.api.conftest import Service
from tests.api.past_the_service import alter
from tests.api.server_process import ServerProcess

PIECE = 4 << 20


def checksums_of(content: bytes) -> bytes:
    return b"".join(xxh3_64(content[start : start + PIECE]).digest() for start in range(0, len(content), PIECE))


def capabilities(stub: BlobServiceStub) -> blobs.GetCapabilitiesResponse:
    return stub.GetCapabilities(blobs.GetCapabilitiesRequest(project="default"))


def token_of(stubs: Service, *, writes: bool) -> str:
    offered = capabilities(stubs.blobs).direct_access
    return Path(offered.write_token_file if writes else offered.read_token_file).read_text()


def grant(
    stubs: Service, project: str, token: str, *digests: str, upload_id: str = ""
) -> transfer_grants_pb2.CreateTransferGrantsResponse:
    request = transfer_grants_pb2.CreateTransferGrantsRequest(
        project=project, token=token, read_digests=digests, write_upload_id=upload_id
    )
    return stubs.blobs.CreateTransferGrants(request)


def granted(stubs: Service, project: str, upload_id: str) -> Path:
    return Path(grant(stubs, project, token_of(stubs, writes=True), upload_id=upload_id).write_path)


def commit_request(
    project: str, upload_id: str, content: bytes, *, checksums: bytes | None = None
) -> blobs.CommitUploadRequest:
    return blobs.CommitUploadRequest(
        project=project,
        request_id=new_request_id(),
        upload_id=upload_id,
        digest=digest_of(content),
        size_bytes=len(content),
        piece_checksums=checksums_of(content) if checksums is None else checksums,
    )


def test_the_token_for_writing_can_be_read_by_one_user_and_that_for_reading_by_all(stubs: Service) -> None:
    offered = capabilities(stubs.blobs).direct_access
    modes = [stat.S_IMODE(os.stat(name).st_mode) for name in (offered.read_token_file, offered.write_token_file)]
    assert modes == [0o644, 0o600]
    assert token_of(stubs, writes=True) != token_of(stubs, writes=False)


def test_the_files_of_blobs_are_named_in_order_and_none_for_those_kept_elsewhere(stubs: Service, project: str) -> None:
    contents = [LARGE, b"a row", bytes(100_000)]
    digests = [put_blob(stubs, project, content) for content in contents]
    paths = grant(stubs, project, token_of(stubs, writes=False), *digests).read_paths
    assert paths[1] == ""
    assert [Path(paths[at]).read_bytes() for at in (0, 2)] == [LARGE, bytes(100_000)]
    assert all(Path(paths[at]).is_relative_to(stubs.home / "blobs") for at in (0, 2))


@pytest.mark.parametrize("token", ["", "0" * 64, "token", "\N{SNOWMAN}"])
def test_without_a_token_nobody_learns_even_whether_a_blob_is_there(stubs: Service, project: str, token: str) -> None:
    upload = open_upload(stubs, project)
    digest = put_blob(stubs, project, LARGE)
    for asked in (digest, digest_of(b"absent")):
        with expect_refusal(StatusCode.PERMISSION_DENIED, "DIRECT_ACCESS_REFUSED"):
            grant(stubs, project, token, asked)
    with expect_refusal(StatusCode.PERMISSION_DENIED, "DIRECT_ACCESS_REFUSED"):
        grant(stubs, project, token, upload_id=upload.id)
    assert get_upload(stubs, project, upload.id).epoch == 0


def test_the_token_for_reading_does_not_allow_to_write(stubs: Service, project: str) -> None:
    upload = open_upload(stubs, project)
    with expect_refusal(StatusCode.PERMISSION_DENIED, "DIRECT_ACCESS_REFUSED") as refused:
        grant(stubs, project, token_of(stubs, writes=False), upload_id=upload.id)
    assert "send the bytes with WriteUpload" in refused.refusal.message


def test_blobs_of_another_project_are_not_found(stubs: Service, project: str) -> None:
    digest = put_blob(stubs, project, LARGE)
    with expect_refusal(StatusCode.NOT_FOUND, "BLOB_NOT_FOUND"):
        grant(stubs, f"{project}-other", token_of(stubs, writes=True), digest)


@pytest.mark.parametrize("content", [b"a row", bytes(100_000), LARGE], ids=["row", "small", "large"])
def test_a_file_a_client_wrote_becomes_a_blob(stubs: Service, project: str, content: bytes) -> None:
    upload = open_upload(stubs, project)
    path = granted(stubs, project, upload.id)
    assert (path.exists(), path.parent.is_dir()) == (False, True)
    path.write_bytes(content)
    assert missing(stubs, project, digest_of(content)) == [digest_of(content)]
    request = commit_request(project, upload.id, content)
    assert stubs.blobs.CommitUpload(request).size_bytes == len(content)
    assert stubs.blobs.CommitUpload(request).size_bytes == len(content)
    assert stubs.blobs.CommitUpload(commit_request(project, upload.id, content)).size_bytes == len(content)
    assert read_blob(stubs, project, digest_of(content)) == content


def test_a_commit_that_was_answered_is_answered_again_when_its_upload_was_swept(stubs: Service, project: str) -> None:
    upload = open_upload(stubs, project)
    granted(stubs, project, upload.id).write_bytes(LARGE)
    request = commit_request(project, upload.id, LARGE)
    stubs.blobs.CommitUpload(request)
    alter(stubs, "DELETE FROM uploads WHERE id = :id", id=upload.id)
    assert stubs.blobs.CommitUpload(request).digest == digest_of(LARGE)
    with expect_refusal(StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND"):
        stubs.blobs.CommitUpload(commit_request(project, upload.id, LARGE))


@pytest.mark.parametrize("written", [LARGE[:-1], LARGE + b"!", b""])
def test_a_file_of_another_size_is_refused_and_removed(stubs: Service, project: str, written: bytes) -> None:
    upload = open_upload(stubs, project)
    path = granted(stubs, project, upload.id)
    path.write_bytes(written)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "DIGEST_MISMATCH"):
        stubs.blobs.CommitUpload(commit_request(project, upload.id, LARGE))
    assert not path.exists()
    assert get_upload(stubs, project, upload.id).state == blobs.UPLOAD_STATE_ABORTED


def test_a_file_that_was_never_written_or_never_granted_is_no_blob(stubs: Service, project: str) -> None:
    upload = open_upload(stubs, project)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        stubs.blobs.CommitUpload(commit_request(project, upload.id, LARGE))
    granted(stubs, project, upload.id)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        stubs.blobs.CommitUpload(commit_request(project, upload.id, LARGE))
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        commit(stubs, project, upload.id, LARGE)


@pytest.mark.parametrize("checksums", [b"short", checksums_of(LARGE) + bytes(8), checksums_of(LARGE)[:8]])
def test_checksums_must_be_as_many_as_the_pieces(stubs: Service, project: str, checksums: bytes) -> None:
    upload = open_upload(stubs, project)
    granted(stubs, project, upload.id).write_bytes(LARGE)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        stubs.blobs.CommitUpload(commit_request(project, upload.id, LARGE, checksums=checksums))
    assert refused.refusal.fields == ["piece_checksums"]
    stubs.blobs.CommitUpload(commit_request(project, upload.id, LARGE))


def test_wrong_checksums_of_a_piece_show_when_it_is_read(stubs: Service, project: str) -> None:
    content = project.encode() * 200_000
    upload = open_upload(stubs, project)
    granted(stubs, project, upload.id).write_bytes(content)
    good = checksums_of(content)
    wrong = good[:8] + bytes(8) * (len(good) // 8 - 1)
    stubs.blobs.CommitUpload(commit_request(project, upload.id, content, checksums=wrong))
    assert read_blob(stubs, project, digest_of(content), 0, 1000) == content[:1000]
    with expect_refusal(StatusCode.DATA_LOSS, "BLOB_CORRUPT"):
        read_blob(stubs, project, digest_of(content))


def test_the_last_writer_counts_whether_it_is_a_file_or_a_stream(stubs: Service, project: str) -> None:
    upload = open_upload(stubs, project)
    first = granted(stubs, project, upload.id)
    first.write_bytes(LARGE)
    second = granted(stubs, project, upload.id)
    assert first != second
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        stubs.blobs.CommitUpload(commit_request(project, upload.id, LARGE))
    second.write_bytes(b"of a client that died")
    assert get_upload(stubs, project, upload.id).committed_size == 0
    stubs.blobs.WriteUpload(write_parts(project, upload.id, LARGE))
    commit(stubs, project, upload.id, LARGE)
    assert read_blob(stubs, project, digest_of(LARGE)) == LARGE


def test_bytes_the_project_has_already_are_kept_once(stubs: Service, project: str) -> None:
    put_blob(stubs, project, LARGE)
    upload = open_upload(stubs, project)
    granted(stubs, project, upload.id).write_bytes(LARGE)
    stubs.blobs.CommitUpload(commit_request(project, upload.id, LARGE))
    assert read_blob(stubs, project, digest_of(LARGE)) == LARGE


@pytest.mark.parametrize(
    ("options", "environment", "offers", "sync"),
    [
        ([], {}, False, False),
        (["--direct-access"], {}, True, True),
        (["--direct-access", "--durability=process"], {}, True, False),
        ([], {"ARGOSY_SERVER_DIRECT_ACCESS": "1"}, True, True),
    ],
)
def test_a_server_offers_its_files_only_when_it_is_told_to(
    tmp_path: Path, options: list[str], environment: dict[str, str], offers: bool, sync: bool
) -> None:
    with ServerProcess(tmp_path / "data", *options, **environment) as server, server.channel() as channel:
        stub = BlobServiceStub(channel)
        told = capabilities(stub)
        assert told.HasField("direct_access") == offers
        assert (tmp_path / "data/blobs/.write-token").exists() == offers
        if not offers:
            with expect_refusal(StatusCode.PERMISSION_DENIED, "DIRECT_ACCESS_REFUSED"):
                stub.CreateTransferGrants(transfer_grants_pb2.CreateTransferGrantsRequest(project="p", token="0" * 64))
            return
        token = Path(told.direct_access.read_token_file).read_text()
        answer = stub.CreateTransferGrants(transfer_grants_pb2.CreateTransferGrantsRequest(project="p", token=token))
        assert answer.sync == sync


def test_tokens_stay_the_same_when_a_server_starts_again(tmp_path: Path) -> None:
    tokens = set()
    for _ in range(2):
        with ServerProcess(tmp_path / "data", "--direct-access"):
            tokens.add((tmp_path / "data/blobs/.write-token").read_text())
    assert len(tokens) == 1
