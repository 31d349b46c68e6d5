"""The hand-written codecs of both sides say on the wire exactly what the generated classes say, and read all of it."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from argosy.transport.clients.chunk_codec import IncomingChunk, OutgoingChunk, decode_read_blob, encode_write_upload
from argosy.v1.blob_service_pb2 import ReadBlobResponse, WriteUploadOpen, WriteUploadRequest
from argosy_server.api.messages.chunk_codec import (
    ReadBlobChunk,
    WriteUploadChunk,
    decode_write_upload,
    encode_read_blob,
)

SIZES = [0, 1, 2, 126, 127, 128, 129, 16_383, 16_384, 16_385, (1 << 20) - 1, 1 << 20, 2 << 20]
UNKNOWN = b"\x1a\x03new"  # field 3, as a later version of the contract may add
chunks = st.one_of(st.binary(max_size=300), st.sampled_from(SIZES).map(lambda size: b"\x12" * size))


@pytest.mark.parametrize("size", SIZES)
def test_a_chunk_is_written_as_the_generated_class_writes_it(size: int) -> None:
    chunk = bytes(range(256)) * (size // 256) + bytes(size % 256)
    for kind in (bytes, memoryview, lambda content: memoryview(bytearray(content))):
        assert encode_write_upload(OutgoingChunk(kind(chunk))) == WriteUploadRequest(chunk=chunk).SerializeToString()
        assert encode_read_blob(ReadBlobChunk(kind(chunk))) == ReadBlobResponse(chunk=chunk).SerializeToString()


@pytest.mark.parametrize("size", SIZES)
def test_a_chunk_is_read_from_what_the_generated_class_writes(size: int) -> None:
    chunk = b"\x0a" * size
    uploaded = decode_write_upload(WriteUploadRequest(chunk=chunk).SerializeToString())
    assert (type(uploaded), uploaded.WhichOneof("part"), bytes(uploaded.chunk)) == (WriteUploadChunk, "chunk", chunk)
    assert bytes(decode_read_blob(ReadBlobResponse(chunk=chunk).SerializeToString()).chunk) == chunk


def test_a_chunk_is_not_copied_out_of_its_message() -> None:
    message = WriteUploadRequest(chunk=b"x" * 1000).SerializeToString()
    uploaded = decode_write_upload(message)
    assert isinstance(uploaded, WriteUploadChunk)
    assert uploaded.chunk.obj is message
    message = ReadBlobResponse(chunk=b"x" * 1000).SerializeToString()
    read = decode_read_blob(message)
    assert isinstance(read, IncomingChunk)
    assert read.chunk.obj is message


@given(chunk=chunks)
def test_both_sides_understand_each_other_and_the_generated_classes(chunk: bytes) -> None:
    sent = encode_write_upload(OutgoingChunk(chunk))
    assert bytes(decode_write_upload(sent).chunk) == WriteUploadRequest.FromString(sent).chunk == chunk
    answered = encode_read_blob(ReadBlobChunk(memoryview(chunk)))
    assert bytes(decode_read_blob(answered).chunk) == ReadBlobResponse.FromString(answered).chunk == chunk


@given(project=st.text(max_size=20), upload_id=st.text(max_size=40), offset=st.integers(0, 2**62))
def test_an_opening_message_goes_through_unchanged(project: str, upload_id: str, offset: int) -> None:
    opening = WriteUploadRequest(open=WriteUploadOpen(project=project, upload_id=upload_id, offset=offset))
    sent = encode_write_upload(opening)
    assert sent == opening.SerializeToString()
    assert decode_write_upload(sent) == opening


def test_an_empty_message_is_no_chunk_on_the_way_up_and_an_empty_one_on_the_way_down() -> None:
    assert decode_write_upload(b"").WhichOneof("part") is None
    assert bytes(decode_read_blob(b"").chunk) == b""
    assert encode_read_blob(ReadBlobResponse()) == b""


@given(first=chunks, last=chunks)
def test_of_two_chunks_in_one_message_the_last_counts(first: bytes, last: bytes) -> None:
    twice = encode_write_upload(OutgoingChunk(first)) + encode_write_upload(OutgoingChunk(last))
    uploaded = decode_write_upload(twice)
    assert (uploaded.WhichOneof("part"), bytes(uploaded.chunk)) == ("chunk", last)
    twice = ReadBlobResponse(chunk=first).SerializeToString() + ReadBlobResponse(chunk=last).SerializeToString()
    expected = ReadBlobResponse.FromString(twice).chunk
    assert bytes(decode_read_blob(twice).chunk) == expected == (last or first)


@pytest.mark.parametrize("before", [True, False])
def test_fields_of_a_later_contract_are_passed_over(before: bool) -> None:
    def beside(message: bytes) -> bytes:
        return UNKNOWN + message if before else message + UNKNOWN

    uploaded = decode_write_upload(beside(WriteUploadRequest(chunk=b"bytes").SerializeToString()))
    assert (uploaded.WhichOneof("part"), bytes(uploaded.chunk)) == ("chunk", b"bytes")
    read = decode_read_blob(beside(ReadBlobResponse(chunk=b"bytes").SerializeToString()))
    assert bytes(read.chunk) == b"bytes"


@pytest.mark.parametrize("size", [1, 127, 128, 20_000])
@pytest.mark.parametrize("left", [1, 2, 3])
def test_a_message_that_was_cut_is_an_error_and_never_a_shorter_chunk(size: int, left: int) -> None:
    sent = WriteUploadRequest(chunk=b"x" * size).SerializeToString()
    answered = ReadBlobResponse(chunk=b"x" * size).SerializeToString()
    for cut in (left, len(sent) - left):
        if 0 < cut < len(sent):
            with pytest.raises(DecodeError):
                decode_write_upload(sent[:cut])
            with pytest.raises(DecodeError):
                decode_read_blob(answered[:cut])


@given(message=st.binary(max_size=40) | st.binary(max_size=20).map(lambda rest: b"\x12" + rest))
def test_any_bytes_mean_to_the_server_what_they_mean_to_the_generated_class(message: bytes) -> None:
    try:
        expected = WriteUploadRequest.FromString(message)
    except DecodeError:
        with pytest.raises(DecodeError):
            decode_write_upload(message)
        return
    found = decode_write_upload(message)
    assert found.WhichOneof("part") == expected.WhichOneof("part")
    assert bytes(found.chunk) == expected.chunk


@given(message=st.binary(max_size=40) | st.binary(max_size=20).map(lambda rest: b"\x0a" + rest))
def test_any_bytes_mean_to_the_client_what_they_mean_to_the_generated_class(message: bytes) -> None:
    try:
        expected = ReadBlobResponse.FromString(message)
    except DecodeError:
        with pytest.raises(DecodeError):
            decode_read_blob(message)
        return
    assert bytes(decode_read_blob(message).chunk) == expected.chunk
