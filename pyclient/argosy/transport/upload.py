"""Brings the files of a version to the store: inline where they are small, streamed where not.

The bytes of a large file are visible to nobody before its upload is committed with the digest
that was computed while they were sent; a failure on the way gives the upload up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from blake3 import blake3

from argosy.errors import ArgosyError, InvalidRequestError
from argosy.transport.connection import Connection
from argosy.v1.artifact_pb2 import NewArtifactFile
from argosy.v1.blob_service_pb2 import GetCapabilitiesResponse


class FileToUpload(Protocol):
    """One file of a version, as materializers leave it."""

    @property
    def path(self) -> str:
        """Relative path inside the version."""
        ...

    @property
    def size_bytes(self) -> int:
        """Length of the content in bytes."""
        ...

    def chunks(self) -> Iterator[memoryview]:
        """Yield the content in order, as views of any size, each valid until the next is taken."""
        ...


class InlineBudget:
    """How many bytes may still travel inside one request; shared by all outputs of a step."""

    def __init__(self, limit_bytes: int) -> None:
        """Allow ``limit_bytes`` in all."""
        self._left = limit_bytes

    @classmethod
    def of(cls, capabilities: GetCapabilitiesResponse) -> InlineBudget:
        """Allow what the server allows for one request."""
        return cls(capabilities.max_inline_bytes)

    def take(self, size_bytes: int) -> bool:
        """Reserve bytes if that many are left."""
        if size_bytes > self._left:
            return False
        self._left -= size_bytes
        return True


def upload_files(
    connection: Connection, files: Iterable[FileToUpload], *, budget: InlineBudget | None = None
) -> list[NewArtifactFile]:
    """Make files ready to be named in a request that creates a version.

    The smallest files go inline as long as ``budget`` lasts, so that a small value costs no round
    trip here. Memory stays at a few chunks, whatever the sizes.

    Args:
        connection: the store.
        files: the files of one version.
        budget: bytes that may go inline; by default all that one request may hold.

    Returns:
        One entry for each file, in the order given.

    Raises:
        InvalidRequestError: more files than a version may have; nothing was sent.
        ArgosyError: the store refused an upload or was lost; what was sent is discarded.
        Exception: what reading a file raised, unchanged.
    """
    wanted = list(files)
    _check_count(connection, len(wanted))
    allowance = budget or InlineBudget.of(connection.capabilities)
    inline = {file.path for file in sorted(wanted, key=lambda file: file.size_bytes) if allowance.take(file.size_bytes)}
    return [_inline(file) if file.path in inline else _streamed(connection, file) for file in wanted]


def chunks_of(file: FileToUpload, chunk_bytes: int) -> Iterator[bytes]:
    """Yield the content of a file in pieces of ``chunk_bytes``, the last one shorter; one copy of each piece."""
    pending = bytearray()
    for view in file.chunks():
        start = 0
        if pending:
            start = min(chunk_bytes - len(pending), view.nbytes)
            pending += view[:start]
            if len(pending) < chunk_bytes:
                continue
            yield bytes(pending)
            pending.clear()
        whole = start + (view.nbytes - start) // chunk_bytes * chunk_bytes
        for offset in range(start, whole, chunk_bytes):
            yield bytes(view[offset : offset + chunk_bytes])
        pending += view[whole:]
    if pending:
        yield bytes(pending)


class _Hashed(Iterator[bytes]):
    """Passes chunks on and keeps the digest and size of all so far."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.size_bytes = 0
        self._chunks = chunks
        self._hasher = blake3()

    @property
    def digest(self) -> str:
        return f"blake3:{self._hasher.hexdigest()}"

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self._hasher.update(chunk)
        self.size_bytes += len(chunk)
        return chunk


def _check_count(connection: Connection, count: int) -> None:
    limit = connection.capabilities.max_files
    if count > limit:
        raise InvalidRequestError(
            f"the value consists of {count} files; a version has at most {limit}: pack them into fewer",
            reason="LIMIT_EXCEEDED",
        )


def _inline(file: FileToUpload) -> NewArtifactFile:
    return NewArtifactFile(path=file.path, inline_content=b"".join(chunks_of(file, 1 << 20)))


def _streamed(connection: Connection, file: FileToUpload) -> NewArtifactFile:
    blobs, chunk_bytes = connection.blobs, connection.capabilities.preferred_chunk_bytes
    content = _Hashed(chunks_of(file, chunk_bytes))
    upload = blobs.create_upload()
    try:
        blobs.write_upload(upload.id, content)
        digest = blobs.commit_upload(upload.id, content.digest, content.size_bytes).digest
    except BaseException:
        with contextlib.suppress(ArgosyError):  # the lease of the upload ends it when this cannot
            blobs.abort_upload(upload.id)
        raise
    return NewArtifactFile(path=file.path, digest=digest)
