"""One large file on its way, whatever happens on the way: it goes on at the byte the server still has.

Nobody sees the bytes before the upload is committed with the digest that was computed before they were sent.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from argosy.errors import ArgosyError, ConflictError, CorruptDataError, NotFoundError, OutOfRangeError
from argosy.transport.blob_client import BlobClient
from argosy.transport.retry import Backoff
from argosy.v1.blob_service_pb2 import Upload, UploadState

COMES_BACK_SECONDS = 5.0
"""How long each attempt waits for a server that does not listen: so it goes on as soon as the server does."""
_PATIENCE_SECONDS = 2.0
"""How long giving an upload up may keep the caller, who may have pressed Ctrl-C."""
_log = logging.getLogger("argosy.transport")


class Content(Protocol):
    """Bytes that can be read from any place, any number of times."""

    @property
    def path(self) -> str:
        """Names it for people."""
        ...

    @property
    def size_bytes(self) -> int:
        """Length in bytes."""
        ...

    def chunks(self, start: int = 0, chunk_bytes: int = ...) -> Iterator[bytes | memoryview]:
        """Yield the content from ``start`` on, in pieces of at most ``chunk_bytes`` which never change."""
        ...


def send_blob(
    blobs: BlobClient,
    content: Content,
    digest: str,
    chunk_bytes: int,
    advance: Callable[[int], None],
    wait: Callable[[float], object] | None = None,
) -> None:
    """Send content as one upload and commit it; after a break go on at what the server has kept.

    Args:
        blobs: the store.
        content: what to send.
        digest: digest of it.
        chunk_bytes: size of the messages.
        advance: told how many bytes more have been handed over; a negative number after a break.
        wait: waits for so many seconds between two attempts; what it raises ends the upload.

    Raises:
        CorruptDataError: other bytes arrived than were hashed; most likely they were changed meanwhile.
        ArgosyError: the store refused, or could not be reached any more; what was sent is given up.
        Exception: what reading the content raised, unchanged.
    """
    session = _Session(blobs, content, digest, chunk_bytes, advance, Backoff(f"upload of {content.path!r}", wait=wait))
    try:
        session.run()
    except BaseException:
        session.abort()
        raise


class _Session:
    """The upload of one file, over as many streams as it takes."""

    def __init__(
        self,
        blobs: BlobClient,
        content: Content,
        digest: str,
        chunk_bytes: int,
        advance: Callable[[int], None],
        backoff: Backoff,
    ) -> None:
        self._blobs = blobs
        self._content = content
        self._digest = digest
        self._chunk_bytes = chunk_bytes
        self._advance = advance
        self._backoff = backoff
        self._upload: Upload | None = None
        self._lock = threading.Lock()
        self._attempts = 0
        self._told = 0
        self._furthest = 0

    def run(self) -> None:
        while True:
            try:
                if self._attempt():
                    return
            except CorruptDataError as error:
                raise CorruptDataError(
                    f"{self._content.path!r} changed while it was sent or was damaged on its way ({error}); "
                    "save it again when it is complete"
                ) from error
            except NotFoundError as error:
                if error.reason not in ("UPLOAD_NOT_FOUND", "BLOB_NOT_FOUND"):
                    raise
                self._restart(error)
            except OutOfRangeError as error:
                # Less is kept than was told before: the next attempt asks.
                _log.debug("upload of %r: less is kept than before", self._content.path)
                self._backoff.pause_anyhow(error)
            except ConflictError as error:
                if error.reason != "SUPERSEDED":
                    raise
                # Nobody else knows of this upload: a stream of it that was given up opened late.
                _log.debug("upload of %r: an earlier stream of it opened late", self._content.path)
                self._backoff.pause_anyhow(error)
            except ArgosyError as error:
                self._backoff.pause(error)

    def abort(self) -> None:
        if self._upload is not None:
            with contextlib.suppress(ArgosyError):  # the lease of the upload ends it when this cannot
                self._blobs.abort_upload(self._upload.id, _PATIENCE_SECONDS)

    def _attempt(self) -> bool:
        """Bring the upload as far as it goes; ``True`` when it is committed."""
        size = self._content.size_bytes
        with self._lock:
            self._attempts += 1
        upload = self._current()
        if upload.state != UploadState.UPLOAD_STATE_COMMITTED:
            offset = upload.committed_size
            self._tell(offset)
            if offset:
                _log.debug("upload of %r goes on at byte %d of %d", self._content.path, offset, size)
            chunks = self._chunks(offset, self._attempts)
            self._blobs.write_upload(upload.id, chunks, offset=offset, epoch=upload.epoch + 1)
            self._blobs.commit_upload(upload.id, self._digest, size)
        self._tell(size)
        return True

    def _current(self) -> Upload:
        """Return the upload as it stands, opening it at first."""
        if self._upload is None:
            self._upload = self._blobs.create_upload(digest=self._digest, size_bytes=self._content.size_bytes)
            return self._upload
        upload = self._blobs.get_upload(self._upload.id, COMES_BACK_SECONDS)
        if upload.committed_size > self._furthest:
            self._furthest = upload.committed_size
            self._backoff.progressed()
        return upload

    def _restart(self, error: ArgosyError) -> None:
        if self._upload is None:
            raise error
        _log.debug("upload of %r expired; it starts again", self._content.path)
        self._upload = None
        self._backoff.pause_anyhow(error)

    def _chunks(self, offset: int, attempt: int) -> Iterator[bytes | memoryview]:
        for chunk in self._content.chunks(offset, self._chunk_bytes):
            yield chunk
            offset += len(chunk)
            self._tell(offset, attempt)

    def _tell(self, position: int, attempt: int | None = None) -> None:
        """Tell how far the upload is, unless a thread of gRPC does so that still serves an attempt that broke."""
        with self._lock:
            if attempt is None or attempt == self._attempts:
                step, self._told = position - self._told, position
                self._advance(step)
