"""Ways by which the bytes of a blob come: from the server, or from the object store behind it."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Protocol

from argosy.transport.clients.chunk_codec import IncomingChunk
from argosy.v1.blob_service_pb2 import ReadBlobResponse


class ByteStream(Protocol):
    """Messages with the next bytes of a blob. Close it when the rest is not wanted, from any thread."""

    def __iter__(self) -> Iterator[ReadBlobResponse | IncomingChunk]:
        """Return itself."""
        ...

    def __next__(self) -> ReadBlobResponse | IncomingChunk:
        """Return the next message.

        Raises:
            ArgosyError: the stream broke, or the bytes are damaged.
        """
        ...

    def close(self) -> None:
        """End the stream; closing twice is fine."""
        ...

    def __enter__(self) -> ByteStream: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ByteLane(Protocol):
    """Carries one stream at a time."""

    def read_blob(self, digest: str, *, offset: int = 0, limit: int = 0) -> ByteStream:
        """Stream a range of a blob, all that follows for ``limit`` 0.

        Raises:
            ArgosyError: it cannot be read, unless that is raised where the stream is read.
        """
        ...
