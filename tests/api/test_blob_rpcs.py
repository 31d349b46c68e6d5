from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from grpc import StatusCode

from argosy.v1 import blob_service_pb2 as blobs
from tests.api.calls import (
    CHUNK,
    LARGE,
    Stubs,
    chunks_of,
    commit,
    create,
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
from tests.api.past_the_service import stored

ABSENT = "3a92ae32-a764-4420-98ba-07da8f742b76"

MOVES_BYTES = True


@pytest.fixture
def service_files(stubs: Service) -> Callable[[], set[str]]:
    """The files of the store, asked for at any time."""
    return lambda: stored(stubs)


def abort(stubs: Stubs, project: str, upload_id: str) -> None:
    request = blobs.AbortUploadRequest(project=project, request_id=new_request_id(), upload_id=upload_id)
    stubs.blobs.AbortUpload(request)


def test_capabilities_tell_revisions_limits_and_store(stubs: Stubs, project: str) -> None:
    told = stubs.blobs.GetCapabilities(blobs.GetCapabilitiesRequest(project=project))
    assert (told.protocol_revision, told.oldest_protocol_revision) == (1, 1)
    assert (told.preferred_chunk_bytes, told.max_chunk_bytes) == (1 << 20, 2 << 20)
    assert (told.max_inline_bytes, told.max_files, told.max_digests) == (1 << 20, 16_384, 16_384)
    assert told.server_version
    assert told.store_id
    assert told.run_lease.seconds > 0


@pytest.mark.parametrize("content", [b"", b"small", LARGE], ids=["empty", "small", "large"])
def test_a_blob_is_uploaded_committed_and_read(stubs: Stubs, project: str, content: bytes) -> None:
    upload = open_upload(stubs, project)
    assert upload.state == blobs.UPLOAD_STATE_OPEN
    written = stubs.blobs.WriteUpload(write_parts(project, upload.id, content))
    assert written.committed_size == len(content)
    assert missing(stubs, project, digest_of(content)) == [digest_of(content)]  # not visible before the commit
    assert commit(stubs, project, upload.id, content).size_bytes == len(content)
    assert missing(stubs, project, digest_of(content)) == []
    assert read_blob(stubs, project, digest_of(content)) == content


def test_committing_again_answers_the_same(stubs: Stubs, project: str) -> None:
    upload = open_upload(stubs, project)
    stubs.blobs.WriteUpload(write_parts(project, upload.id, b"bytes"))
    assert commit(stubs, project, upload.id, b"bytes") == commit(stubs, project, upload.id, b"bytes")


def test_an_upload_of_known_bytes_is_committed_at_once(stubs: Stubs, project: str) -> None:
    digest = put_blob(stubs, project, LARGE)
    upload = open_upload(stubs, project, digest=digest, size_bytes=len(LARGE))
    assert (upload.state, upload.committed_size) == (blobs.UPLOAD_STATE_COMMITTED, len(LARGE))
    assert commit(stubs, project, upload.id, LARGE).digest == digest
    elsewhere = open_upload(stubs, f"{project}-other", digest=digest, size_bytes=len(LARGE))
    assert elsewhere.state == blobs.UPLOAD_STATE_OPEN


def test_bytes_that_exist_already_are_kept_once(stubs: Stubs, project: str) -> None:
    assert put_blob(stubs, project, LARGE) == put_blob(stubs, project, LARGE)
    assert read_blob(stubs, project, digest_of(LARGE)) == LARGE


@pytest.mark.parametrize("declared", [b"other", b"longer bytes"])
def test_a_commit_of_other_bytes_is_refused_and_discards_them(stubs: Stubs, project: str, declared: bytes) -> None:
    upload = open_upload(stubs, project)
    stubs.blobs.WriteUpload(write_parts(project, upload.id, b"bytes"))
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "DIGEST_MISMATCH"):
        commit(stubs, project, upload.id, declared)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        commit(stubs, project, upload.id, b"bytes")
    assert missing(stubs, project, digest_of(b"bytes")) == [digest_of(b"bytes")]


def test_a_commit_before_all_bytes_is_refused(stubs: Stubs, project: str) -> None:
    upload = open_upload(stubs, project)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        commit(stubs, project, upload.id, b"")


@pytest.mark.parametrize("offset", [0, 1, len(LARGE) - 1, len(LARGE)])
@pytest.mark.every_byte_is_kept
def test_a_second_stream_goes_on_where_the_first_ended_and_skips_what_is_kept(
    stubs: Stubs, project: str, offset: int
) -> None:
    upload = open_upload(stubs, project)
    stubs.blobs.WriteUpload(write_parts(project, upload.id, LARGE))
    content = LARGE + b"the rest"
    answer = stubs.blobs.WriteUpload(write_parts(project, upload.id, content[offset:], offset=offset))
    assert answer.committed_size == len(content)
    commit(stubs, project, upload.id, content)
    assert read_blob(stubs, project, digest_of(content)) == content


def test_what_a_later_stream_sends_again_is_not_compared_but_the_digest_is(stubs: Stubs, project: str) -> None:
    upload = open_upload(stubs, project)
    stubs.blobs.WriteUpload(write_parts(project, upload.id, b"bytes"))
    stubs.blobs.WriteUpload(write_parts(project, upload.id, b"other"))
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "DIGEST_MISMATCH"):
        commit(stubs, project, upload.id, b"other")


def test_get_upload_tells_what_is_kept(stubs: Stubs, project: str) -> None:
    upload = open_upload(stubs, project)
    assert (upload.committed_size, upload.epoch, upload.state) == (0, 0, blobs.UPLOAD_STATE_OPEN)
    stubs.blobs.WriteUpload(write_parts(project, upload.id, LARGE))
    kept = get_upload(stubs, project, upload.id)
    assert (kept.id, kept.committed_size, kept.epoch, kept.state) == (
        upload.id,
        len(LARGE),
        1,
        blobs.UPLOAD_STATE_OPEN,
    )
    commit(stubs, project, upload.id, LARGE)
    assert get_upload(stubs, project, upload.id).state == blobs.UPLOAD_STATE_COMMITTED


@pytest.mark.every_byte_is_kept
def test_what_a_broken_stream_brought_is_kept(stubs: Stubs, project: str) -> None:
    upload = open_upload(stubs, project)
    opened = next(write_parts(project, upload.id, b""))
    broken = [opened, blobs.WriteUploadRequest(chunk=LARGE[:CHUNK]), blobs.WriteUploadRequest()]
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_STREAM"):
        stubs.blobs.WriteUpload(iter(broken))
    assert get_upload(stubs, project, upload.id).committed_size == CHUNK
    stubs.blobs.WriteUpload(write_parts(project, upload.id, LARGE[CHUNK:], offset=CHUNK))
    commit(stubs, project, upload.id, LARGE)
    assert read_blob(stubs, project, digest_of(LARGE)) == LARGE


@pytest.mark.every_byte_is_kept
def test_a_stream_that_opened_before_the_last_one_takes_nothing_over(stubs: Stubs, project: str) -> None:
    upload = open_upload(stubs, project)
    stubs.blobs.WriteUpload(write_parts(project, upload.id, b"by", epoch=2))
    for late in (1, 2):
        with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
            stubs.blobs.WriteUpload(write_parts(project, upload.id, b"xx", epoch=late))
    stubs.blobs.WriteUpload(write_parts(project, upload.id, b"tes", offset=2, epoch=3))
    commit(stubs, project, upload.id, b"bytes")
    assert read_blob(stubs, project, digest_of(b"bytes")) == b"bytes"


@pytest.mark.parametrize(("offset", "epoch"), [(-1, 0), (0, -1), (0, (1 << 53) + 1), (0, (1 << 63) - 1)])
def test_numbers_no_stream_can_have_are_refused(stubs: Stubs, project: str, offset: int, epoch: int) -> None:
    upload = open_upload(stubs, project)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"):
        stubs.blobs.WriteUpload(write_parts(project, upload.id, b"x", offset=offset, epoch=epoch))


@pytest.mark.every_byte_is_kept
def test_a_commit_waits_for_a_stream_that_ended_well(stubs: Stubs, project: str) -> None:
    upload = open_upload(stubs, project)
    opened = next(write_parts(project, upload.id, b""))
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_STREAM"):
        stubs.blobs.WriteUpload(iter([opened, blobs.WriteUploadRequest(chunk=b"bytes"), opened]))
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        commit(stubs, project, upload.id, b"bytes")
    stubs.blobs.WriteUpload(write_parts(project, upload.id, b"", offset=5))
    assert commit(stubs, project, upload.id, b"bytes").digest == digest_of(b"bytes")


def test_of_racing_uploads_of_the_same_bytes_all_succeed(stubs: Stubs, project: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        digests = set(pool.map(lambda _: put_blob(stubs, project, LARGE), range(8)))
    assert digests == {digest_of(LARGE)}
    assert read_blob(stubs, project, digest_of(LARGE)) == LARGE


def test_an_aborted_upload_is_over(stubs: Stubs, project: str) -> None:
    upload = open_upload(stubs, project)
    abort(stubs, project, upload.id)
    abort(stubs, project, upload.id)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        stubs.blobs.WriteUpload(write_parts(project, upload.id, b"bytes"))
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        commit(stubs, project, upload.id, b"bytes")


def test_what_an_aborted_upload_brought_is_removed_at_once(
    service_files: Callable[[], set[str]], stubs: Stubs, project: str
) -> None:
    before = service_files()
    upload = open_upload(stubs, project)
    stubs.blobs.WriteUpload(write_parts(project, upload.id, LARGE))
    assert len(service_files() - before) == 1
    abort(stubs, project, upload.id)
    assert service_files() - before == set()


def test_a_committed_upload_cannot_be_aborted(stubs: Stubs, project: str) -> None:
    upload = open_upload(stubs, project)
    stubs.blobs.WriteUpload(write_parts(project, upload.id, b"bytes"))
    commit(stubs, project, upload.id, b"bytes")
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        abort(stubs, project, upload.id)


def test_unknown_uploads_are_not_found_also_from_another_project(stubs: Stubs, project: str) -> None:
    known = open_upload(stubs, project).id
    for where, upload_id in [(project, ABSENT), (f"{project}-other", known)]:
        with expect_refusal(StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND"):
            stubs.blobs.WriteUpload(write_parts(where, upload_id, b"bytes"))
        with expect_refusal(StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND"):
            commit(stubs, where, upload_id, b"bytes")
        with expect_refusal(StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND"):
            get_upload(stubs, where, upload_id)
        with expect_refusal(StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND"):
            abort(stubs, where, upload_id)


def test_a_write_beyond_what_is_kept_is_told_where_to_go_on(stubs: Stubs, project: str) -> None:
    upload = open_upload(stubs, project)
    with expect_refusal(StatusCode.OUT_OF_RANGE, "WRITE_PAST_END") as refused:
        stubs.blobs.WriteUpload(write_parts(project, upload.id, b"bytes", offset=1))
    assert refused.refusal.metadata["committed_size"] == "0"


@pytest.mark.parametrize("case", ["nothing", "chunk first", "two opens", "empty part"])
def test_parts_out_of_order_are_refused(stubs: Stubs, project: str, case: str) -> None:
    upload = open_upload(stubs, project)
    opened = next(write_parts(project, upload.id, b""))
    chunk = blobs.WriteUploadRequest(chunk=b"x")
    streams = {
        "nothing": [],
        "chunk first": [chunk, opened],
        "two opens": [opened, chunk, opened],
        "empty part": [opened, blobs.WriteUploadRequest()],
    }
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_STREAM"):
        stubs.blobs.WriteUpload(iter(streams[case]))


def test_a_chunk_over_the_announced_size_is_refused(stubs: Stubs, project: str) -> None:
    upload = open_upload(stubs, project)
    opened = next(write_parts(project, upload.id, b""))
    too_large = blobs.WriteUploadRequest(chunk=bytes((2 << 20) + 1))
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
        stubs.blobs.WriteUpload(iter([opened, too_large]))


def test_a_request_id_stands_for_one_upload(stubs: Stubs, project: str) -> None:
    request = blobs.CreateUploadRequest(project=project, request_id=new_request_id())
    assert stubs.blobs.CreateUpload(request).upload.id == stubs.blobs.CreateUpload(request).upload.id
    request.digest, request.size_bytes = digest_of(b"x"), 1
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED"):
        stubs.blobs.CreateUpload(request)


@pytest.mark.parametrize(("field", "declared"), [("digest", {"digest": "md5:0"}), ("size_bytes", {"size_bytes": -1})])
def test_a_malformed_declaration_is_refused(stubs: Stubs, project: str, field: str, declared: dict[str, Any]) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        open_upload(stubs, project, **declared)
    assert refused.refusal.fields == [field]


@pytest.mark.parametrize(("offset", "limit"), [(0, 1), (5, 0), ((4 << 20) - 1, 2), (len(LARGE), 0), (7, len(LARGE))])
def test_a_range_of_a_blob_is_exactly_the_bytes_asked_for(stubs: Stubs, project: str, offset: int, limit: int) -> None:
    digest = put_blob(stubs, project, LARGE)
    expected = LARGE[offset : offset + limit] if limit else LARGE[offset:]
    assert read_blob(stubs, project, digest, offset, limit) == expected


def test_a_read_beyond_the_end_is_refused_with_the_size(stubs: Stubs, project: str) -> None:
    digest = put_blob(stubs, project, b"bytes")
    with expect_refusal(StatusCode.OUT_OF_RANGE, "READ_PAST_END") as refused:
        read_blob(stubs, project, digest, 6)
    assert refused.refusal.metadata["size"] == "5"
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"):
        read_blob(stubs, project, digest, -1)


def test_unknown_blobs_are_not_found_also_from_another_project(stubs: Stubs, project: str) -> None:
    digest = put_blob(stubs, project, b"bytes")
    for where, what in [(project, digest_of(b"absent")), (f"{project}-other", digest)]:
        with expect_refusal(StatusCode.NOT_FOUND, "BLOB_NOT_FOUND"):
            read_blob(stubs, where, what)


def test_missing_digests_come_once_and_in_the_order_asked(stubs: Stubs, project: str) -> None:
    create(stubs, project, "weights", b"here")
    one, two = digest_of(b"one"), digest_of(b"two")
    assert missing(stubs, project, two, digest_of(b"here"), one, two) == [two, one]


def test_more_digests_than_announced_are_refused(stubs: Stubs, project: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
        missing(stubs, project, *[digest_of(b"x")] * 16_385)


def test_a_malformed_digest_is_refused(stubs: Stubs, project: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        missing(stubs, project, "blake3:zz")
    assert refused.refusal.fields == ["digests[0]"]


def test_chunks_of_a_read_stay_within_the_announced_size(stubs: Stubs, project: str) -> None:
    digest = put_blob(stubs, project, LARGE)
    parts = list(stubs.blobs.ReadBlob(blobs.ReadBlobRequest(project=project, digest=digest)))
    assert [len(part.chunk) for part in parts] == [len(chunk) for chunk in chunks_of(LARGE)]
