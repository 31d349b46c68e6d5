"""Files on their way in: what goes inline, what the store lacks, in how many calls, what a failure leaves behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from argosy.config import ClientConfig
from argosy.errors import CorruptDataError, InvalidRequestError, ResourceExhaustedError, UnavailableError
from argosy.materializers.files import FileContent
from argosy.transport.connection import connect
from argosy.transport.progress import Progress
from argosy.transport.rpc import retry
from argosy.transport.upload.upload_files import SMALL_BYTES, UPLOADS_AT_ONCE, upload_files
from argosy.v1.artifact_pb2 import NewArtifactFile
from argosy.v1.blob_service_pb2 import BatchUploadBlobsRequest, FindMissingBlobsRequest
from tests.unit.transport.memory_store import CODE, Break, MemoryStore, digest_of, store

Serve = Callable[..., ClientConfig]


class Counted(Progress):
    """Adds up what a transfer tells."""

    def __init__(self) -> None:
        self.totals: list[int] = []
        self.done = 0
        self._lock = threading.Lock()

    def expect(self, total_bytes: int) -> None:
        self.totals.append(total_bytes)

    def advance(self, count: int) -> None:
        with self._lock:
            self.done += count


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0001)


def content(path: str, *buffers: bytes) -> FileContent:
    return FileContent(path, buffers=tuple(memoryview(buffer) for buffer in buffers))


def filled(path: str, fill: int, size: int) -> FileContent:
    return content(path, bytes([fill]) * size)


def large(path: str, fill: int) -> FileContent:
    return filled(path, fill, SMALL_BYTES + fill)


def upload(
    serve: Serve, peer: MemoryStore, *contents: FileContent, inline_bytes: int | None = None
) -> list[NewArtifactFile]:
    """Upload the files of one version; progress must come out even."""
    counted = Counted()
    (files,) = upload_files(connect(serve(peer)), [contents], inline_bytes=inline_bytes, progress=counted)
    size = sum(item.size_bytes for item in contents)
    assert (counted.totals, counted.done) == ([size], size)
    return files


def test_small_files_go_inline_and_cost_no_round_trip(serve: Serve) -> None:
    peer = store()
    files = upload(serve, peer, content("b", b"x" * 600), content("a", b"y", b"z" * 399))
    assert [(file.path, file.inline_content) for file in files] == [("b", b"x" * 600), ("a", b"y" + b"z" * 399)]
    assert peer.calls == {}


def test_an_empty_file_goes_inline(serve: Serve) -> None:
    (file,) = upload(serve, store(), content("empty"))
    assert (file.WhichOneof("content"), file.inline_content) == ("inline_content", b"")


def kinds(files: Sequence[NewArtifactFile]) -> list[str | None]:
    return [file.WhichOneof("content") for file in files]


def test_of_a_version_that_does_not_fit_nothing_goes_inline_for_the_store_may_have_it(serve: Serve) -> None:
    peer = store()
    files = [filled("a", 1, 600), filled("b", 2, 500), filled("c", 3, 400)]
    assert kinds(upload(serve, peer, *files)) == ["digest"] * 3
    assert kinds(upload(serve, peer, *files)) == ["digest"] * 3
    assert peer.calls == {"FindMissingBlobs": 2, "BatchUploadBlobs": 1}


def test_of_several_versions_the_smallest_go_inline_as_far_as_the_request_has_room(serve: Serve) -> None:
    groups = [[filled("a", 1, 600)], [filled("b", 2, 300), filled("c", 3, 200)], [filled("d", 4, 100)]]
    assert [kinds(files) for files in upload_files(connect(serve(store())), groups)] == [
        ["digest"],
        ["inline_content", "inline_content"],
        ["inline_content"],
    ]


def test_the_room_of_another_request_can_be_given(serve: Serve) -> None:
    assert kinds(upload(serve, store(), filled("a", 1, 6), inline_bytes=5)) == ["digest"]
    assert kinds(upload(serve, store(), content("a"), inline_bytes=0)) == ["inline_content"]


def test_the_files_of_several_versions_share_one_question_and_one_batch(serve: Serve) -> None:
    peer = store()
    groups = [[filled("x", 1, 2000), large("y", 2)], [], [filled("x", 3, 3000)]]
    first, second, third = upload_files(connect(serve(peer)), groups)
    assert ([file.path for file in first], second, [file.path for file in third]) == (["x", "y"], [], ["x"])
    assert {file.digest for file in (*first, *third)} == set(peer.blobs)
    assert (peer.calls["FindMissingBlobs"], peer.calls["BatchUploadBlobs"], peer.calls["WriteUpload"]) == (1, 1, 1)


def test_no_byte_moves_of_what_the_store_has(serve: Serve) -> None:
    peer = store()
    contents = [filled("small", 1, 5000), large("large", 2), large("other", 3)]
    for item in contents:
        peer.put(b"".join(item.chunks()))
    files = upload(serve, peer, *contents)
    assert {file.digest for file in files} == set(peer.blobs)
    assert peer.calls == {"FindMissingBlobs": 1}


def test_only_what_is_missing_is_sent(serve: Serve) -> None:
    peer = store()
    there, absent = large("there", 1), filled("absent", 2, 5000)
    peer.put(b"".join(there.chunks()))
    upload(serve, peer, there, absent)
    assert peer.calls == {"FindMissingBlobs": 1, "BatchUploadBlobs": 1}


def test_identical_files_are_sent_once(serve: Serve) -> None:
    peer = store()
    files = upload(serve, peer, *[filled(f"s{i}", 1, 5000) for i in range(3)], *[large(f"l{i}", 2) for i in range(3)])
    assert len({file.digest for file in files}) == 2
    assert (peer.calls["BatchUploadBlobs"], peer.calls["CreateUpload"]) == (1, 1)
    (batch,) = batches(peer)
    assert len(batch.blobs) == 1


def batches(peer: MemoryStore) -> list[BatchUploadBlobsRequest]:
    return [request for request in peer.asked["BatchUploadBlobs"] if isinstance(request, BatchUploadBlobsRequest)]


def test_batches_hold_no_more_bytes_than_the_store_takes(serve: Serve) -> None:
    peer = store(max_batch_bytes=10_000)
    upload(serve, peer, *[filled(str(size), 1, size) for size in (4000, 6000, 1001, 9000, 20_000)], inline_bytes=0)
    sizes = [[len(blob.content) for blob in batch.blobs] for batch in batches(peer)]
    assert sizes == [[4000, 6000], [1001], [9000], [20_000]]


def test_batches_hold_no_more_items_than_the_store_takes(serve: Serve) -> None:
    peer = store(max_batch_items=3)
    upload(serve, peer, *[filled(str(number), 1, 2000 + number) for number in range(7)], inline_bytes=0)
    assert [len(batch.blobs) for batch in batches(peer)] == [3, 3, 1]


def test_questions_hold_no_more_digests_than_the_store_takes(serve: Serve) -> None:
    peer = store(max_digests=4)
    upload(serve, peer, *[filled(str(number), 1, 2000 + number) for number in range(9)], inline_bytes=0)
    asked = [request for request in peer.asked["FindMissingBlobs"] if isinstance(request, FindMissingBlobsRequest)]
    assert [len(request.digests) for request in asked] == [4, 4, 1]
    assert len(peer.blobs) == 9


def test_large_files_travel_side_by_side(serve: Serve) -> None:
    peer = store(preferred_chunk_bytes=1 << 20)
    peer.together = threading.Barrier(UPLOADS_AT_ONCE)  # one alone would wait there in vain
    upload(serve, peer, *[large(str(number), number) for number in range(1, 1 + UPLOADS_AT_ONCE)])
    assert len(peer.blobs) == UPLOADS_AT_ONCE


def test_chunks_have_the_size_the_store_prefers(serve: Serve) -> None:
    peer = store()
    upload(serve, peer, large("x", 1))
    assert peer.biggest_chunk == 4096


def test_chunks_have_a_size_of_our_own_where_the_store_tells_none(serve: Serve) -> None:
    peer = store(preferred_chunk_bytes=0)
    upload(serve, peer, filled("x", 1, 3 << 20))
    assert peer.biggest_chunk == 1 << 20


def test_a_batch_and_a_question_that_break_are_sent_again(serve: Serve) -> None:
    peer = store()
    peer.breaks = {"FindMissingBlobs": [Break()], "BatchUploadBlobs": [Break(), Break()]}
    (file,) = upload(serve, peer, filled("x", 1, 5000))
    assert list(peer.blobs) == [file.digest]


def test_a_file_that_changes_before_it_is_sent_is_told_by_its_name(serve: Serve) -> None:
    class Changing(FileContent):
        times = 0

        def chunks(self, start: int = 0, chunk_bytes: int = 1 << 20) -> Iterator[bytes | memoryview]:
            Changing.times += 1
            yield bytes([Changing.times]) * 5000

    peer = store()
    with pytest.raises(CorruptDataError, match="file 'x': other bytes"):
        upload_files(connect(serve(peer)), [[Changing("x", buffers=(memoryview(bytes(5000)),))]])


def test_too_many_files_are_refused_before_anything_is_sent(serve: Serve) -> None:
    peer = store(max_files=3)
    with pytest.raises(InvalidRequestError, match=r"4 files; a version has at most 3: pack them"):
        upload(serve, peer, *[filled(str(number), 1, 5000) for number in range(4)])
    assert peer.calls == {}
    groups = [[filled(str(number), 1, 10) for number in range(3)]] * 2  # each version is within the limit
    assert len(upload_files(connect(serve(store(max_files=3))), groups)) == 2


def test_one_large_file_that_is_refused_ends_the_others_and_is_given_up(serve: Serve) -> None:
    peer = store()
    peer.breaks["WriteUpload"] = [Break(CODE.RESOURCE_EXHAUSTED, "STORAGE_FULL", after=5000)]
    with pytest.raises(ResourceExhaustedError):
        upload_files(connect(serve(peer)), [[large(str(number), number) for number in range(1, 20)]])
    assert peer.aborted
    assert peer.calls["CreateUpload"] == len(peer.aborted) + len(peer.blobs)  # none is left open
    assert len(peer.blobs) < 18  # those that had not begun were not sent


def test_a_store_that_is_gone_is_told(serve: Serve) -> None:
    peer = store()
    peer.breaks["FindMissingBlobs"] = [Break()] * 100
    with pytest.raises(UnavailableError):
        upload_files(connect(serve(peer)), [[filled("x", 1, 5000)]])
    assert peer.calls == {"FindMissingBlobs": retry.ATTEMPTS}


def test_a_file_that_cannot_be_read_raises_its_own_error(serve: Serve, tmp_path: Path) -> None:
    class Vanishing(FileContent):
        @property
        def size_bytes(self) -> int:
            return 5000

    peer = store()
    with pytest.raises(FileNotFoundError):
        upload_files(connect(serve(peer)), [[Vanishing("x", local_path=tmp_path / "gone")]])
    assert (peer.calls, peer.blobs) == ({}, {})


def test_digests_are_those_of_the_content(serve: Serve) -> None:
    (file,) = upload(serve, store(), content("x", b"ab" * 3000, b"c"))
    assert file.digest == digest_of(b"ab" * 3000 + b"c")


@pytest.mark.timeout(30)
def test_ctrl_c_does_not_wait_for_uploads_that_pause_between_attempts(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 60.0)
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 60.0)
    peer = store()
    peer.breaks["CreateUpload"] = [Break()] * 100

    def interrupt() -> None:
        while peer.calls["CreateUpload"] < 4:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    connection = connect(serve(peer))
    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        upload_files(connection, [[large(str(number), number) for number in range(1, 5)]])
