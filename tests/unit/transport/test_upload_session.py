"""One large file on its way to a server that breaks: it arrives whole, once, or the reason is told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from argosy.config import ClientConfig
from argosy.errors import (
    ArgosyError,
    ConflictError,
    CorruptDataError,
    InternalServiceError,
    NotFoundError,
    OutOfRangeError,
    PreconditionError,
    ResourceExhaustedError,
    UnavailableError,
)
from argosy.materializers.files import FileContent
from argosy.transport.connection import connect
from argosy.transport.rpc import retry
from argosy.transport.upload.upload_session import send_blob
from tests.unit.transport.memory_store import CODE, Break, MemoryStore, digest_of, store

Serve = Callable[..., ClientConfig]
CHUNK = 4096
BIG = bytes(range(256)) * 16 * 10 + b"tail"
"""Ten chunks and a little."""
GONE = Break(CODE.UNAVAILABLE)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0001)
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0.001)


class Sending:
    """Sends BIG to a store and adds up what was told of it."""

    def __init__(self, serve: Serve, peer: MemoryStore) -> None:
        self._blobs = connect(serve(peer)).blobs
        self.steps: list[int] = []

    def __call__(self, content: FileContent | None = None, digest: str = "") -> None:
        content = content or FileContent("big", buffers=(memoryview(BIG),))
        send_blob(self._blobs, content, digest or digest_of(BIG), CHUNK, self.steps.append)


@pytest.mark.parametrize("after", [0, 1, CHUNK, 5 * CHUNK, len(BIG)])
def test_after_a_break_it_goes_on_at_the_byte_the_server_kept(serve: Serve, after: int) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [Break(after=after)]
    sending = Sending(serve, peer)
    sending()
    assert peer.blobs == {digest_of(BIG): BIG}
    first, second = peer.offsets()
    assert first == 0
    assert after <= second <= after + CHUNK
    assert (sum(sending.steps), peer.calls["CreateUpload"], peer.aborted) == (len(BIG), 1, [])


def test_what_was_not_kept_is_sent_again_and_progress_goes_back(serve: Serve) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [Break(after=8 * CHUNK, lost=6 * CHUNK)]
    sending = Sending(serve, peer)
    sending()
    assert peer.offsets() == [0, 2 * CHUNK]
    assert min(sending.steps) < 0
    assert sum(sending.steps) == len(BIG)


def test_any_number_of_breaks_is_endured_as_long_as_there_is_progress(serve: Serve) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [Break(after=1000)] * 10
    Sending(serve, peer)()
    assert peer.blobs == {digest_of(BIG): BIG}
    assert peer.calls["WriteUpload"] == 11 > retry.ATTEMPTS


def test_without_progress_it_gives_up_with_the_error_itself_and_aborts(serve: Serve) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [Break(after=CHUNK, lost=CHUNK)] * 100
    with pytest.raises(UnavailableError, match="refused as UNAVAILABLE"):
        Sending(serve, peer)()
    assert peer.calls["WriteUpload"] == retry.ATTEMPTS
    assert (peer.aborted, peer.blobs) == (["upload-0"], {})


@pytest.mark.parametrize("method", ["CreateUpload", "GetUpload", "CommitUpload"])
def test_a_break_of_the_calls_around_the_bytes_is_endured(serve: Serve, method: str) -> None:
    peer = store()
    peer.breaks = {"WriteUpload": [Break(after=CHUNK)], method: [GONE, GONE]}
    sending = Sending(serve, peer)
    sending()
    assert peer.blobs == {digest_of(BIG): BIG}
    assert sum(sending.steps) == len(BIG)


def test_a_commit_whose_answer_was_lost_sends_nothing_again(serve: Serve) -> None:
    peer = store()
    peer.breaks["CommitUpload"] = [Break(after=1)]
    Sending(serve, peer)()
    assert (peer.calls["WriteUpload"], peer.calls["CommitUpload"]) == (1, 1)


@pytest.mark.parametrize("method", ["WriteUpload", "GetUpload"])
def test_an_upload_that_expired_starts_again_as_a_new_one(serve: Serve, method: str) -> None:
    peer = store()
    expired = Break(CODE.NOT_FOUND, "UPLOAD_NOT_FOUND", after=3 * CHUNK)
    peer.breaks = {"WriteUpload": [Break(after=CHUNK)], method: [expired]}
    sending = Sending(serve, peer)
    sending()
    assert (peer.blobs, peer.calls["CreateUpload"]) == ({digest_of(BIG): BIG}, 2)
    assert sum(sending.steps) == len(BIG)


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (Break(CODE.NOT_FOUND, "UPLOAD_NOT_FOUND"), NotFoundError),
        (Break(CODE.OUT_OF_RANGE, "WRITE_PAST_END"), OutOfRangeError),
        (Break(CODE.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"), PreconditionError),
        (Break(CODE.RESOURCE_EXHAUSTED, "TOO_MUCH"), ResourceExhaustedError),
        (Break(CODE.INTERNAL), InternalServiceError),
    ],
)
def test_a_server_that_always_answers_the_same_is_not_asked_for_ever(
    serve: Serve, broken: Break, error: type[ArgosyError]
) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [broken] * 100
    with pytest.raises(error):
        Sending(serve, peer)()
    assert peer.calls["WriteUpload"] == retry.ATTEMPTS


@pytest.mark.parametrize(
    ("method", "broken"),
    [
        ("WriteUpload", Break(CODE.OUT_OF_RANGE, "WRITE_PAST_END")),
        ("CommitUpload", Break(CODE.FAILED_PRECONDITION, "ILLEGAL_TRANSITION")),
    ],
)
def test_a_server_that_knows_better_where_it_stands_is_asked_and_believed(
    serve: Serve, method: str, broken: Break
) -> None:
    peer = store()
    peer.breaks[method] = [broken]
    Sending(serve, peer)()
    assert (peer.blobs, peer.calls["GetUpload"], peer.calls["CreateUpload"]) == ({digest_of(BIG): BIG}, 1, 1)


@pytest.mark.parametrize(
    "broken",
    [
        Break(CODE.RESOURCE_EXHAUSTED, "TOO_MUCH", after=5 * CHUNK),
        Break(CODE.RESOURCE_EXHAUSTED, after=5 * CHUNK),
        Break(CODE.INTERNAL, after=5 * CHUNK),
        Break(CODE.UNKNOWN, after=5 * CHUNK),
        Break(CODE.CANCELLED, after=5 * CHUNK),
    ],
    ids=lambda broken: f"{broken.code.name} {broken.reason}",
)
def test_what_grpc_a_proxy_or_a_busy_server_says_is_a_break_like_any_other(serve: Serve, broken: Break) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [broken]
    Sending(serve, peer)()
    assert peer.offsets() == [0, 5 * CHUNK]
    assert (peer.blobs, peer.calls["CreateUpload"]) == ({digest_of(BIG): BIG}, 1)


def test_an_upload_that_was_aborted_starts_again_as_a_new_one(serve: Serve) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [Break(CODE.FAILED_PRECONDITION, "ILLEGAL_TRANSITION", after=CHUNK)]
    Sending(serve, peer)()
    assert peer.offsets() == [0, 0]
    assert (peer.blobs, peer.calls["CreateUpload"], peer.calls["GetUpload"]) == ({digest_of(BIG): BIG}, 2, 0)


def test_an_upload_of_which_the_server_says_that_it_was_aborted_is_not_written_to(serve: Serve) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [Break(after=CHUNK)]
    peer.abort_at_the_next_question = True
    Sending(serve, peer)()
    assert peer.offsets() == [0, 0]
    assert (peer.blobs, peer.calls["CreateUpload"]) == ({digest_of(BIG): BIG}, 2)


def test_an_earlier_stream_of_its_own_that_opens_late_does_not_stop_it(serve: Serve) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [Break(after=CHUNK), Break(CODE.ABORTED, "SUPERSEDED", after=CHUNK)]
    Sending(serve, peer)()
    assert (peer.blobs, peer.calls["GetUpload"]) == ({digest_of(BIG): BIG}, 2)


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (Break(CODE.ABORTED, "SUPERSEDED"), ConflictError),
        (Break(CODE.ABORTED, "ETAG_MISMATCH"), ConflictError),
        (Break(CODE.INTERNAL, "INTERNAL"), InternalServiceError),
    ],
    ids=lambda of: of.reason if isinstance(of, Break) else "",
)
def test_another_writer_and_a_defect_end_it(serve: Serve, broken: Break, error: type[ArgosyError]) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [broken]
    with pytest.raises(error):
        Sending(serve, peer)()
    assert (peer.aborted, peer.calls["WriteUpload"]) == (["upload-0"], 1)


def test_an_upload_whose_creation_was_not_answered_is_asked_for_as_the_same_intention(serve: Serve) -> None:
    peer = store()
    peer.breaks["CreateUpload"] = [GONE]
    Sending(serve, peer)()
    first, second = peer.asked["CreateUpload"]
    assert first == second


def test_bytes_that_changed_meanwhile_are_told_by_the_name_of_the_file(serve: Serve) -> None:
    peer = store()
    with pytest.raises(
        CorruptDataError,
        match=r"'big' changed while it was sent or was damaged on its way \(.*\); save it again when it is complete",
    ):
        Sending(serve, peer)(digest=digest_of(b"what it was"))
    assert (peer.blobs, peer.aborted, peer.calls["WriteUpload"]) == ({}, ["upload-0"], 1)


def test_a_full_disk_is_not_tried_again(serve: Serve) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [Break(CODE.RESOURCE_EXHAUSTED, "STORAGE_FULL", after=CHUNK)]
    with pytest.raises(ResourceExhaustedError):
        Sending(serve, peer)()
    assert (peer.calls["WriteUpload"], peer.aborted) == (1, ["upload-0"])


def test_a_file_that_cannot_be_read_raises_its_own_error_and_gives_the_upload_up(serve: Serve) -> None:
    class Unreadable(FileContent):
        def chunks(self, start: int = 0, chunk_bytes: int = 0) -> Iterator[bytes | memoryview]:
            yield BIG[:CHUNK]
            raise OSError("the disk reports an error")

    peer = store()
    with pytest.raises(OSError, match="the disk reports an error"):
        Sending(serve, peer)(Unreadable("big", buffers=(memoryview(BIG),)))
    assert (peer.blobs, peer.aborted) == ({}, ["upload-0"])


def test_bytes_the_server_has_got_meanwhile_are_not_sent(serve: Serve) -> None:
    peer = store()
    peer.put(BIG)
    sending = Sending(serve, peer)
    sending()
    assert (peer.calls["WriteUpload"], peer.calls["CommitUpload"], sum(sending.steps)) == (0, 0, len(BIG))


def test_the_log_tells_where_it_went_on(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "argosy.transport")
    peer = store()
    expired = Break(CODE.NOT_FOUND, "UPLOAD_NOT_FOUND", after=CHUNK)
    peer.breaks["WriteUpload"] = [Break(after=2 * CHUNK), Break(CODE.OUT_OF_RANGE, "WRITE_PAST_END"), expired]
    Sending(serve, peer)()
    told = "\n".join(caplog.messages)
    assert f"upload of 'big' goes on at byte {2 * CHUNK} of {len(BIG)}" in told
    assert "upload of 'big': attempt 1 failed (" in told
    assert "upload of 'big': less is kept than before" in told
    assert "upload of 'big' expired; it starts again" in told
