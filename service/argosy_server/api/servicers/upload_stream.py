"""Streams of upload messages, adapted to what use cases take: a start, an iterator of bytes, a finish.

The end of a stream never means that it is finished: a client that fails in the middle may look like one that ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from argosy.v1 import artifact_transfer_pb2, blob_service_pb2
from argosy_server.api.messages.chunk_codec import WriteUploadChunk
from argosy_server.api.messages.field_parsing import parse_size
from argosy_server.api.messages.message_limit import MAX_MESSAGE_BYTES
from argosy_server.api.messages.refusals import MessageTooLarge
from argosy_server.domain.errors import InvalidStream, LimitExceeded
from argosy_server.domain.identifiers import Digest
from argosy_server.domain.limits import Limits

B = TypeVar("B", bytes, "bytes | memoryview")


class ArtifactUploadStream:
    """The messages of UploadArtifact.

    Attributes:
        start: the first message.
        finish: the last message; set once :meth:`chunks` has come to its end.
        digest: what ``finish`` declares.
        size: what ``finish`` declares, in bytes.
    """

    start: artifact_transfer_pb2.UploadArtifactStart
    finish: artifact_transfer_pb2.UploadArtifactFinish
    digest: Digest
    size: int

    def __init__(self, messages: Iterator[artifact_transfer_pb2.UploadArtifactRequest], limits: Limits) -> None:
        """Read the first message.

        Raises:
            InvalidStream: it is not ``start``.
        """
        self._messages = messages
        self._limits = limits
        first = next(messages, None)
        part = first.WhichOneof("part") if first is not None else None
        if first is None or part != "start":
            raise InvalidStream(f"the first message is {part or 'empty'}; send start first")
        self.start = first.start

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes until ``finish``.

        Raises:
            InvalidStream: messages out of order, or the stream ends without ``finish``.
            InvalidField: ``finish`` declares no digest or size.
            LimitExceeded: a chunk is too large.
        """
        for message in self._messages:
            part = message.WhichOneof("part")
            if part == "finish":
                self._read_finish(message.finish)
                return
            if part != "chunk":
                raise InvalidStream(f"{part or 'an empty message'} follows start; send chunks and one finish")
            yield check_chunk(message.chunk, self._limits)
        raise InvalidStream("the stream ended without finish; nothing was kept, send all of it again")

    def _read_finish(self, finish: artifact_transfer_pb2.UploadArtifactFinish) -> None:
        self.finish = finish
        self.digest = Digest.parse("finish.digest", finish.digest)
        self.size = parse_size("finish.size_bytes", finish.size_bytes)
        after = next(self._messages, None)
        if after is not None:
            raise InvalidStream(f"{after.WhichOneof('part') or 'an empty message'} follows finish; finish is the last")


class BlobUploadStream:
    """The messages of WriteUpload.

    Attributes:
        open: the first message.
    """

    open: blob_service_pb2.WriteUploadOpen

    def __init__(
        self, messages: Iterator[blob_service_pb2.WriteUploadRequest | WriteUploadChunk], limits: Limits
    ) -> None:
        """Read the first message.

        Raises:
            InvalidStream: it is not ``open``.
        """
        self._messages = messages
        self._limits = limits
        first = next(messages, None)
        part = first.WhichOneof("part") if first is not None else None
        if not isinstance(first, blob_service_pb2.WriteUploadRequest) or part != "open":
            raise InvalidStream(f"the first message is {part or 'empty'}; send open first")
        self.open = first.open

    def chunks(self) -> Iterator[bytes | memoryview]:
        """Yield the bytes until the stream ends, which proves nothing: CommitUpload compares digest and size.

        Raises:
            InvalidStream: messages out of order.
            LimitExceeded: a chunk is too large.
        """
        for message in self._messages:
            part = message.WhichOneof("part")
            if part != "chunk":
                raise InvalidStream(f"{part or 'an empty message'} follows open; send chunks only")
            yield check_chunk(message.chunk, self._limits)


def check_chunk(chunk: B, limits: Limits) -> B:
    """Return the chunk.

    Raises:
        LimitExceeded: it is larger than the capabilities allow.
        MessageTooLarge: over a network gRPC itself would have refused the message; in-process nobody else does.
    """
    if len(chunk) > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(len(chunk))
    if len(chunk) > limits.max_chunk_bytes:
        raise LimitExceeded(
            f"a chunk has {len(chunk)} bytes; at most {limits.max_chunk_bytes} are allowed",
            limit=limits.max_chunk_bytes,
        )
    return chunk
