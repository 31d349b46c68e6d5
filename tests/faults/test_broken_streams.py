"""Clients that end, raise, cancel, lie, or come twice: nothing is visible that was not finished, and nothing stays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from grpc import StatusCode

from argosy.v1 import blob_service_pb2 as wire
from tests.api.calls import (
    chunks_of,
    commit,
    digest_of,
    download,
    expect_refusal,
    get_upload,
    missing,
    new_request_id,
    open_upload,
    put_blob,
    read_blob,
    upload_parts,
    write_parts,
)
from tests.api.conftest import Service
from tests.faults.stand import MEBIBYTE, Stand, array_of, assert_clean, files_of, in_background, rows
from tests.waiting import wait_until

CONTENT = array_of(20 * MEBIBYTE, seed=3).tobytes()
HALF = len(CONTENT) // 2
P = "default"


@pytest.fixture
def service(stand: Stand) -> Iterator[Service]:
    with stand.direct_channel() as channel:
        yield stand.stubs(channel)


def assert_nothing_visible(stand: Stand, service: Service) -> None:
    assert missing(service, P, digest_of(CONTENT)) == [digest_of(CONTENT)]
    assert rows(stand.data, "SELECT count(*) FROM versions") == [(0,)]


def whole(service: Service, method: str) -> tuple[Any, list[Any]]:
    """Return a stream method, and all messages of it for ``CONTENT`` but what ends it."""
    if method == "UploadArtifact":
        return service.artifacts.UploadArtifact, list(upload_parts(P, "weights", CONTENT))[:-1]
    return service.blobs.WriteUpload, list(write_parts(P, open_upload(service, P).id, CONTENT[:HALF]))


def ends(call: Any, parts: list[Any]) -> None:
    call(iter(parts))


def raises(call: Any, parts: list[Any]) -> None:
    def broken() -> Iterator[Any]:
        yield from parts
        raise RuntimeError("the program is wrong")

    call(broken())


def cancels(call: Any, parts: list[Any]) -> None:
    sent, release = threading.Event(), threading.Event()

    def stalled() -> Iterator[Any]:
        yield from parts
        sent.set()
        release.wait(60)

    future = call.future(stalled())
    assert sent.wait(60)
    future.cancel()
    release.set()
    future.result()


@pytest.mark.parametrize("how", [ends, raises, cancels])
def test_an_upload_of_a_version_without_finish_leaves_nothing(
    stand: Stand, service: Service, how: Callable[[Any, list[Any]], None]
) -> None:
    call, parts = whole(service, "UploadArtifact")
    with pytest.raises((RuntimeError, grpc.RpcError, grpc.FutureCancelledError)):
        how(call, parts)
    wait_until(lambda: not files_of(stand.data), "the server removed what arrived")
    assert_nothing_visible(stand, service)
    assert service.artifacts.UploadArtifact(upload_parts(P, "weights", CONTENT)).artifact_version.version == "1"
    assert_clean(stand.data)


@pytest.mark.parametrize("how", [ends, raises, cancels])
def test_an_upload_that_nobody_commits_is_kept_for_its_client_and_swept_in_the_end(
    stand: Stand, service: Service, how: Callable[[Any, list[Any]], None]
) -> None:
    call, parts = whole(service, "WriteUpload")
    try:
        how(call, parts)
    except (RuntimeError, grpc.RpcError, grpc.FutureCancelledError):
        assert how is not ends
    [(upload_id,)] = rows(stand.data, "SELECT id FROM uploads")
    if how is not ends:
        # gRPC may throw away what it had not sent yet.
        wait_until(lambda: get_upload(service, P, upload_id).epoch == 1, "the stream began")
    else:
        assert get_upload(service, P, upload_id).committed_size == HALF
    assert_nothing_visible(stand, service)
    assert get_upload(service, P, upload_id).state == wire.UPLOAD_STATE_OPEN
    assert_clean(stand.data)
    assert files_of(stand.data) == {}


@pytest.mark.parametrize(
    ("sent", "declared"),
    [(CONTENT[:-1] + b"?", CONTENT), (CONTENT[:-1], CONTENT), (CONTENT + b"?", CONTENT)],
    ids=["wrong", "short", "long"],
)
def test_content_that_is_not_what_was_declared_is_refused_and_removed(
    stand: Stand, service: Service, sent: bytes, declared: bytes
) -> None:
    upload = open_upload(service, P)
    service.blobs.WriteUpload(write_parts(P, upload.id, sent))
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "DIGEST_MISMATCH"):
        commit(service, P, upload.id, declared)
    assert files_of(stand.data) == {}
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        commit(service, P, upload.id, sent)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "DIGEST_MISMATCH"):
        service.artifacts.UploadArtifact(
            upload_parts(P, "weights", sent, digest=digest_of(declared), size=len(declared))
        )
    assert_nothing_visible(stand, service)
    assert_clean(stand.data)


def test_two_clients_that_save_the_same_at_once_share_its_bytes(stand: Stand) -> None:
    value = array_of(40 * MEBIBYTE, seed=4)
    stand.proxy.up.hold_at(10 * MEBIBYTE)
    saves = [in_background(lambda: stand.client().save_artifact(value, "weights")) for _ in range(2)]
    wait_until(lambda: rows(stand.data, "SELECT count(*) FROM uploads WHERE epoch > 0") == [(2,)], "both send")
    stand.proxy.up.wait_for(10 * MEBIBYTE)
    stand.proxy.go_on()
    assert sorted(save.result().version for save in saves) == ["1", "2"]
    np.testing.assert_array_equal(stand.client().load_artifact("weights", version=1), value)
    np.testing.assert_array_equal(stand.client().load_artifact("weights", version=2), value)
    assert_clean(stand.data)
    assert len(files_of(stand.data)) == 1


class HeldStream:
    """A WriteUpload that stands still after some chunks until it is told to go on."""

    def __init__(self, service: Service, upload_id: str, first: bytes, rest: bytes, epoch: int = 0) -> None:
        self.release = threading.Event()
        self.sent = threading.Event()

        def messages() -> Iterator[wire.WriteUploadRequest]:
            yield from write_parts(P, upload_id, first, epoch=epoch)
            self.sent.set()
            self.release.wait(60)
            for chunk in chunks_of(rest):
                yield wire.WriteUploadRequest(chunk=chunk)

        self.call = service.blobs.WriteUpload.future(messages())
        assert self.sent.wait(60)


def test_a_later_stream_takes_over_and_no_byte_of_the_earlier_one_gets_into_what_is_committed(
    stand: Stand, service: Service
) -> None:
    other = array_of(len(CONTENT), seed=5).tobytes()
    upload = open_upload(service, P)
    earlier = HeldStream(service, upload.id, other[: 3 * MEBIBYTE], other[3 * MEBIBYTE :], epoch=1)
    wait_until(lambda: files_of(stand.data), "the earlier stream writes")
    later = HeldStream(service, upload.id, CONTENT[:HALF], CONTENT[HALF:], epoch=2)
    wait_until(lambda: get_upload(service, P, upload.id).epoch == 2, "the later stream took over")
    earlier.release.set()
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        earlier.call.result(timeout=60)
    later.release.set()
    assert later.call.result(timeout=60).committed_size == len(CONTENT)
    assert read_blob(service, P, commit(service, P, upload.id, CONTENT).digest) == CONTENT
    assert_clean(stand.data)


def test_two_streams_with_the_same_bytes_commit_them_once(stand: Stand, service: Service) -> None:
    upload = open_upload(service, P)
    earlier = HeldStream(service, upload.id, CONTENT[:HALF], CONTENT[HALF:])
    wait_until(lambda: get_upload(service, P, upload.id).epoch == 1, "the earlier stream began")
    later = HeldStream(service, upload.id, CONTENT[:HALF], CONTENT[HALF:])
    wait_until(lambda: get_upload(service, P, upload.id).epoch == 2, "the later stream took over")
    earlier.release.set()
    later.release.set()
    assert later.call.result(timeout=60).committed_size == len(CONTENT)
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        earlier.call.result(timeout=60)
    digest = commit(service, P, upload.id, CONTENT).digest
    assert read_blob(service, P, digest) == CONTENT
    assert_clean(stand.data)


def test_a_late_stream_with_an_old_epoch_takes_nothing_over(stand: Stand, service: Service) -> None:
    upload = open_upload(service, P)
    service.blobs.WriteUpload(write_parts(P, upload.id, CONTENT[:HALF], epoch=upload.epoch + 1))
    current = HeldStream(service, upload.id, CONTENT, b"", epoch=upload.epoch + 2)
    wait_until(lambda: get_upload(service, P, upload.id).epoch == upload.epoch + 2, "the second stream began")
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        service.blobs.WriteUpload(write_parts(P, upload.id, b"late" * MEBIBYTE, epoch=upload.epoch + 1))
    current.release.set()
    assert current.call.result(timeout=60).committed_size == len(CONTENT)
    commit(service, P, upload.id, CONTENT)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        service.blobs.WriteUpload(write_parts(P, upload.id, b"too late"))
    assert missing(service, P, digest_of(CONTENT)) == []
    assert_clean(stand.data)


def test_an_aborted_upload_is_gone_at_once_for_its_client_and_swept(stand: Stand, service: Service) -> None:
    upload = open_upload(service, P)
    held = HeldStream(service, upload.id, CONTENT[:HALF], CONTENT[HALF:])
    wait_until(lambda: get_upload(service, P, upload.id).epoch == 1, "the stream began")
    service.blobs.AbortUpload(wire.AbortUploadRequest(project=P, request_id=new_request_id(), upload_id=upload.id))
    held.release.set()
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        held.call.result(timeout=60)
    assert_nothing_visible(stand, service)
    put_blob(service, P, CONTENT)
    service.artifacts.UploadArtifact(upload_parts(P, "weights", CONTENT))
    assert download(service, P, name="weights") == CONTENT
    assert_clean(stand.data)
