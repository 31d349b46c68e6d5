"""The two messages that carry the bytes of blobs, read and written by hand.

The generated classes copy ``bytes`` fields once more each way; these do not, which is worth a third of the rate of a
stream (measured). What is on the wire is the same, so every client of every language keeps its generated code; tests
hold both against each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from argosy.v1.blob_service_pb2 import ReadBlobResponse, WriteUploadRequest

_CHUNK_TAG = b"\x12"
_READ_TAG = b"\x0a"


@dataclass(frozen=True)
class WriteUploadChunk:
    """What of a :class:`WriteUploadRequest` with a chunk is asked for; the chunk is not copied out of the message."""

    chunk: memoryview

    def WhichOneof(self, name: str) -> str:
        """Return which part it is, as the generated class does."""
        return "chunk"


@dataclass(frozen=True)
class ReadBlobChunk:
    """Stands for a :class:`ReadBlobResponse`."""

    chunk: bytes | memoryview


def decode_write_upload(message: bytes) -> WriteUploadRequest | WriteUploadChunk:
    """Read a message of WriteUpload; one that is not plainly a single chunk goes to the generated class.

    Raises:
        DecodeError: it is none.
    """
    if message[:1] == _CHUNK_TAG:
        size, start = _varint(message, 1)
        if start + size == len(message):
            return WriteUploadChunk(memoryview(message)[start:])
    return WriteUploadRequest.FromString(message)


def encode_read_blob(response: ReadBlobResponse | ReadBlobChunk) -> bytes:
    """Write a message of ReadBlob."""
    if isinstance(response, ReadBlobChunk):
        return b"".join((_READ_TAG, _size(len(response.chunk)), response.chunk)) if response.chunk else b""
    return response.SerializeToString()


def _varint(message: bytes, start: int) -> tuple[int, int]:
    """Return the number at ``start`` and where it ends; one that does not end is longer than any message."""
    value = shift = 0
    for position in range(start, min(start + 5, len(message))):
        byte = message[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
        shift += 7
    return len(message) + 1, start


def _size(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
