"""What a commit of parts that were sent past the server checks, and which writer counts."""

from __future__ import annotations

import os

import pytest
from grpc import StatusCode

from argosy.v1 import blob_service_pb2 as blobs
from tests.api.calls import (
    commit,
    digest_of,
    expect_refusal,
    get_upload,
    missing,
    new_request_id,
    open_upload,
    read_blob,
    write_parts,
)
from tests.api.past_the_service import alter
from tests.api.signed_calls import (
    CHECKED,
    CONTENT,
    PART,
    SignedService,
    ask,
    ask_to_read,
    commit_request,
    described,
    fetched,
    parts_of,
    put,
    send,
    stubs,
)
from tests.api.test_direct_access import checksums_of

__all__ = ["stubs"]


@pytest.mark.parametrize("with_checksums", [True, False])
def test_parts_that_were_sent_past_the_server_become_a_blob(
    stubs: SignedService, project: str, with_checksums: bool
) -> None:
    upload = open_upload(stubs, project)
    send(stubs, project, upload.id, CONTENT)
    assert missing(stubs, project, digest_of(CONTENT)) == [digest_of(CONTENT)]
    checksums = checksums_of(CONTENT) if with_checksums else b""
    request = commit_request(project, upload.id, CONTENT, checksums=checksums)
    assert stubs.blobs.CommitUpload(request).size_bytes == len(CONTENT)
    assert stubs.blobs.CommitUpload(request).size_bytes == len(CONTENT)
    assert stubs.blobs.CommitUpload(commit_request(project, upload.id, CONTENT)).size_bytes == len(CONTENT)
    assert read_blob(stubs, project, digest_of(CONTENT)) == CONTENT
    (url,) = ask_to_read(stubs, project, digest_of(CONTENT))
    assert fetched(stubs, url) == CONTENT
    assert fetched(stubs, url, Range="bytes=7-9") == CONTENT[7:10]


@CHECKED
def test_once_committed_no_url_changes_anything(stubs: SignedService, project: str) -> None:
    upload = open_upload(stubs, project)
    content = os.urandom(PART)
    epoch = send(stubs, project, upload.id, content)
    other = os.urandom(PART)
    (early,) = ask(stubs, project, upload.id, described(1, other), epoch=epoch).write_puts
    stubs.blobs.CommitUpload(commit_request(project, upload.id, content))
    assert put(stubs, early, other) == 404
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        ask(stubs, project, upload.id, described(1, other), epoch=epoch)
    assert read_blob(stubs, project, digest_of(content)) == content


@pytest.mark.parametrize("poison", ["other bytes", "less", "more"])
def test_a_project_cannot_be_poisoned_with_other_bytes_under_a_digest(
    stubs: SignedService, project: str, poison: str
) -> None:
    sent = {"other bytes": bytes(len(CONTENT)), "less": CONTENT, "more": CONTENT + b"!"}[poison]
    declared = CONTENT + b"!" * 9 if poison == "less" else CONTENT
    upload = open_upload(stubs, project)
    send(stubs, project, upload.id, sent)
    before = stubs.store.objects()
    reason = "ILLEGAL_TRANSITION" if poison == "less" else "DIGEST_MISMATCH"
    code = StatusCode.FAILED_PRECONDITION if poison == "less" else StatusCode.INVALID_ARGUMENT
    with expect_refusal(code, reason):
        stubs.blobs.CommitUpload(commit_request(project, upload.id, declared))
    assert missing(stubs, project, digest_of(declared)) == [digest_of(declared)]
    assert stubs.store.objects() == before
    if poison != "less":  # what is not complete may still be completed
        assert get_upload(stubs, project, upload.id).state == blobs.UPLOAD_STATE_ABORTED
        assert not [key for key, _ in stubs.store.unfinished() if upload.id in key]


def test_wrong_checksums_of_pieces_are_refused_and_the_bytes_discarded(stubs: SignedService, project: str) -> None:
    upload = open_upload(stubs, project)
    send(stubs, project, upload.id, CONTENT)
    wrong = checksums_of(bytes(len(CONTENT)))
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "DIGEST_MISMATCH"):
        stubs.blobs.CommitUpload(commit_request(project, upload.id, CONTENT, checksums=wrong))
    assert missing(stubs, project, digest_of(CONTENT)) == [digest_of(CONTENT)]
    assert not [key for key in stubs.store.objects() if upload.id in key]


def test_missing_parts_are_named_and_can_be_sent(stubs: SignedService, project: str) -> None:
    upload = open_upload(stubs, project)
    parts = parts_of(CONTENT)
    granted = ask(stubs, project, upload.id, *[described(number, part) for number, part in enumerate(parts, 1)])
    for at in (0, 2):
        put(stubs, granted.write_puts[at], parts[at])
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        stubs.blobs.CommitUpload(commit_request(project, upload.id, CONTENT))
    assert ask(stubs, project, upload.id, epoch=granted.write_epoch).kept_parts == [1, 3]
    (again,) = ask(stubs, project, upload.id, described(2, parts[1]), epoch=granted.write_epoch).write_puts
    put(stubs, again, parts[1])
    stubs.blobs.CommitUpload(commit_request(project, upload.id, CONTENT))
    assert read_blob(stubs, project, digest_of(CONTENT)) == CONTENT


def test_parts_smaller_than_stores_take_are_refused_with_the_rule(stubs: SignedService, project: str) -> None:
    upload = open_upload(stubs, project)
    parts = parts_of(CONTENT[:3000], 1000)
    granted = ask(stubs, project, upload.id, *[described(number, part) for number, part in enumerate(parts, 1)])
    for how, part in zip(granted.write_puts, parts, strict=True):
        put(stubs, how, part)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION") as refused:
        stubs.blobs.CommitUpload(commit_request(project, upload.id, CONTENT[:3000]))
    assert "part 1 of upload" in refused.refusal.message
    assert str(PART) in refused.refusal.message


def test_the_last_writer_counts_whether_it_sends_parts_or_a_stream(stubs: SignedService, project: str) -> None:
    upload = open_upload(stubs, project)
    first = send(stubs, project, upload.id, CONTENT)
    second = send(stubs, project, upload.id, CONTENT[:-1])
    assert (first, second) == (1, 2)
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        ask(stubs, project, upload.id, described(1, b"x"), epoch=first)
    stubs.blobs.WriteUpload(write_parts(project, upload.id, CONTENT))
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        ask(stubs, project, upload.id, epoch=second)
    commit(stubs, project, upload.id, CONTENT)
    assert read_blob(stubs, project, digest_of(CONTENT)) == CONTENT


def test_parts_take_a_stream_over(stubs: SignedService, project: str) -> None:
    upload = open_upload(stubs, project)
    stubs.blobs.WriteUpload(write_parts(project, upload.id, bytes(100_000)))
    send(stubs, project, upload.id, CONTENT)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "DIGEST_MISMATCH"):
        commit(stubs, project, upload.id, bytes(100_000))
    assert missing(stubs, project, digest_of(bytes(100_000))) == [digest_of(bytes(100_000))]


def test_an_upload_whose_bytes_were_taken_from_the_store_begins_again(stubs: SignedService, project: str) -> None:
    upload = open_upload(stubs, project)
    epoch = send(stubs, project, upload.id, CONTENT)
    for key, id_ in stubs.store.unfinished():
        stubs.store.client().abort_multipart_upload(
            Bucket=stubs.store.bucket, Key=f"{stubs.store.prefix}/{key}", UploadId=id_
        )
    for again in (
        lambda: ask(stubs, project, upload.id, epoch=epoch),
        lambda: stubs.blobs.CommitUpload(commit_request(project, upload.id, CONTENT)),
    ):
        with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION") as refused:
            again()
        assert "write_epoch 0" in refused.refusal.message
    send(stubs, project, upload.id, CONTENT)
    stubs.blobs.CommitUpload(commit_request(project, upload.id, CONTENT))


def test_aborting_takes_the_parts_away(stubs: SignedService, project: str) -> None:
    upload = open_upload(stubs, project)
    send(stubs, project, upload.id, CONTENT)
    assert [key for key, _ in stubs.store.unfinished() if upload.id in key] != []
    stubs.blobs.AbortUpload(blobs.AbortUploadRequest(project=project, request_id=new_request_id(), upload_id=upload.id))
    assert [key for key, _ in stubs.store.unfinished() if upload.id in key] == []
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        ask(stubs, project, upload.id, described(1, b"x"))


def test_a_commit_that_was_answered_is_answered_again_when_its_upload_was_swept(
    stubs: SignedService, project: str
) -> None:
    upload = open_upload(stubs, project)
    send(stubs, project, upload.id, CONTENT)
    request = commit_request(project, upload.id, CONTENT)
    stubs.blobs.CommitUpload(request)
    alter(stubs, "DELETE FROM uploads WHERE id = :id", id=upload.id)
    assert stubs.blobs.CommitUpload(request).digest == digest_of(CONTENT)


def test_a_stream_starts_anew_after_parts_that_were_verified_but_not_committed(
    stubs: SignedService, project: str
) -> None:
    upload = open_upload(stubs, project)
    send(stubs, project, upload.id, CONTENT)
    used = commit_request(project, upload.id, CONTENT)
    stubs.blobs.CreateUpload(blobs.CreateUploadRequest(project=project, request_id=used.request_id))
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED"):
        stubs.blobs.CommitUpload(used)
    other = CONTENT[::-1]
    stubs.blobs.WriteUpload(write_parts(project, upload.id, other))
    commit(stubs, project, upload.id, other)
    assert read_blob(stubs, project, digest_of(other)) == other
