from __future__ import annotations

from collections.abc import Iterator

import pytest

from argosy.v1.artifact_transfer_pb2 import UploadArtifactFinish, UploadArtifactRequest, UploadArtifactStart
from argosy.v1.blob_service_pb2 import WriteUploadOpen, WriteUploadRequest
from argosy_server.api.messages.message_limit import MAX_MESSAGE_BYTES
from argosy_server.api.messages.refusals import MessageTooLarge
from argosy_server.api.servicers.upload_stream import ArtifactUploadStream, BlobUploadStream
from argosy_server.domain.errors import InvalidField, InvalidStream, LimitExceeded
from argosy_server.domain.limits import Limits

DIGEST = "blake3:" + "0" * 64
START = UploadArtifactRequest(start=UploadArtifactStart(project="p", path="data"))
FINISH = UploadArtifactRequest(finish=UploadArtifactFinish(digest=DIGEST, size_bytes=3))
OPEN = WriteUploadRequest(open=WriteUploadOpen(project="p"))


def chunk(content: bytes) -> UploadArtifactRequest:
    return UploadArtifactRequest(chunk=content)


def read(*messages: UploadArtifactRequest) -> tuple[ArtifactUploadStream, list[bytes]]:
    stream = ArtifactUploadStream(iter(messages), Limits())
    return stream, list(stream.chunks())


def write(*messages: WriteUploadRequest) -> list[bytes | memoryview]:
    return list(BlobUploadStream(iter(messages), Limits()).chunks())


def test_a_stream_is_start_chunks_and_finish() -> None:
    stream, chunks = read(START, chunk(b"ab"), chunk(b""), chunk(b"c"), FINISH)
    assert (stream.start.path, chunks, stream.digest.text, stream.size) == ("data", [b"ab", b"", b"c"], DIGEST, 3)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [chunk(b"x")],
        [FINISH],
        [UploadArtifactRequest()],
        [START],
        [START, chunk(b"x")],
        [START, START, FINISH],
        [START, UploadArtifactRequest(), FINISH],
        [START, FINISH, chunk(b"x")],
        [START, FINISH, FINISH],
    ],
    ids=lambda messages: "-".join(message.WhichOneof("part") or "empty" for message in messages) or "nothing",
)
def test_any_other_order_is_refused(messages: list[UploadArtifactRequest]) -> None:
    with pytest.raises(InvalidStream):
        read(*messages)


@pytest.mark.parametrize(
    ("finish", "field"),
    [
        (UploadArtifactFinish(size_bytes=3), "finish.digest"),
        (UploadArtifactFinish(digest="md5:00", size_bytes=3), "finish.digest"),
        (UploadArtifactFinish(digest=DIGEST, size_bytes=-1), "finish.size_bytes"),
    ],
)
def test_a_finish_that_declares_nothing_sound_is_refused_before_the_bytes_are_kept(
    finish: UploadArtifactFinish, field: str
) -> None:
    with pytest.raises(InvalidField) as caught:
        read(START, UploadArtifactRequest(finish=finish))
    assert caught.value.field == field


def test_chunks_are_handed_on_as_they_come() -> None:
    def messages() -> Iterator[UploadArtifactRequest]:
        yield START
        yield chunk(b"first")
        raise AssertionError("asked for more than was needed")

    assert next(ArtifactUploadStream(messages(), Limits()).chunks()) == b"first"


def test_a_blob_stream_is_open_and_chunks_to_its_end() -> None:
    assert write(OPEN, WriteUploadRequest(chunk=b"ab"), WriteUploadRequest(chunk=b"c")) == [b"ab", b"c"]
    assert write(OPEN) == []


@pytest.mark.parametrize(
    "messages",
    [[], [WriteUploadRequest(chunk=b"x")], [WriteUploadRequest()], [OPEN, OPEN], [OPEN, WriteUploadRequest()]],
)
def test_a_blob_stream_in_any_other_order_is_refused(messages: list[WriteUploadRequest]) -> None:
    with pytest.raises(InvalidStream):
        write(*messages)


def test_a_chunk_of_the_announced_size_passes_and_a_larger_one_does_not() -> None:
    most = Limits().max_chunk_bytes
    assert write(OPEN, WriteUploadRequest(chunk=b"x" * most)) == [b"x" * most]
    with pytest.raises(LimitExceeded, match=f"at most {most} are allowed"):
        write(OPEN, WriteUploadRequest(chunk=b"x" * (most + 1)))
    with pytest.raises(MessageTooLarge):
        write(OPEN, WriteUploadRequest(chunk=b"x" * (MAX_MESSAGE_BYTES + 1)))
