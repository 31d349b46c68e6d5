"""One large file on its way, whatever happens on the way: it goes on at the byte the server still has.

Nobody sees the bytes before the upload is committed with the digest that was computed before they were sent.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from argosy.errors import ArgosyError, CorruptDataError, ServiceError
from argosy.transport.clients.blob_client import BlobClient
from argosy.transport.content import Content
from argosy.transport.rpc.calls import new_request_id
from argosy.transport.rpc.retry import Backoff, worth_going_on
from argosy.v1.blob_service_pb2 import Upload, UploadState

COMES_BACK_SECONDS = 5.0
"""How long each attempt waits for a server that does not listen: so it goes on as soon as the server does."""
_PATIENCE_SECONDS = 2.0
"""How long giving an upload up may keep the caller, who may have pressed Ctrl-C."""
_LOST = frozenset({"UPLOAD_NOT_FOUND", "BLOB_NOT_FOUND"})
"""It expired, or what it became was deleted before the commit was answered."""
_log = logging.getLogger("argosy.transport")


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


def changed_meanwhile(content: Content, error: CorruptDataError) -> CorruptDataError:
    """Return what to tell of content that did not arrive as it was hashed."""
    return CorruptDataError(
        f"{content.path!r} changed while it was sent or was damaged on its way ({error}); "
        "save it again when it is complete"
    )


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
        self._request_id = new_request_id()
        self._is_writing = False
        self._is_unanswered = False
        self._lock = threading.Lock()
        self._attempts = 0
        self._told = 0
        self._furthest = 0

    def run(self) -> None:
        while True:
            try:
                self._attempt()
            except CorruptDataError as error:
                raise changed_meanwhile(self._content, error) from error
            except ArgosyError as error:
                self._recover(error)
            else:
                return

    def abort(self) -> None:
        if self._upload is not None:
            with contextlib.suppress(ArgosyError):  # the lease of the upload ends it when this cannot
                self._blobs.abort_upload(self._upload.id, _PATIENCE_SECONDS)

    def _attempt(self) -> None:
        """Bring the upload from where it is to COMMITTED."""
        size = self._content.size_bytes
        with self._lock:
            self._attempts += 1
        self._is_writing = False
        upload = self._current()
        if upload.state != UploadState.UPLOAD_STATE_COMMITTED:
            offset = upload.committed_size
            self._tell(offset)
            if offset:
                _log.debug("upload of %r goes on at byte %d of %d", self._content.path, offset, size)
            chunks = self._chunks(offset, self._attempts)
            self._is_writing = True
            self._blobs.write_upload(upload.id, chunks, offset=offset, epoch=upload.epoch + 1)
            self._is_writing = False
            self._blobs.commit_upload(upload.id, self._digest, size)
        self._tell(size)

    def _current(self) -> Upload:
        """Return the upload as it stands, opening one at first and when it was aborted."""
        if self._upload is not None:
            upload = self._blobs.get_upload(self._upload.id, COMES_BACK_SECONDS)
            if upload.committed_size > self._furthest:
                self._furthest = upload.committed_size
                self._backoff.progressed()
            if upload.state != UploadState.UPLOAD_STATE_ABORTED:
                return upload
            self._forget("was aborted")
        self._upload = self._blobs.create_upload(
            digest=self._digest, size_bytes=self._content.size_bytes, request_id=self._request_id
        )
        return self._upload

    def _recover(self, error: ArgosyError) -> None:
        """Do what ``docs/transfer.md`` says for the way an attempt ended, and wait before the next one.

        Raises:
            ArgosyError: ``error`` itself, when no other attempt helps or there were enough.
        """
        reason = error.reason if isinstance(error, ServiceError) else ""
        if worth_going_on(error):
            self._is_unanswered |= self._is_writing
        elif reason in _LOST and self._upload is not None:
            self._forget("expired")
        elif reason == "ILLEGAL_TRANSITION" and self._is_writing:
            self._forget("was aborted")
        elif reason in ("WRITE_PAST_END", "ILLEGAL_TRANSITION"):
            _log.debug("upload of %r: less is kept than before", self._content.path)  # the next attempt asks
        elif reason == "SUPERSEDED" and self._is_unanswered:
            _log.debug("upload of %r: an earlier stream of it opened late", self._content.path)
        else:
            raise error
        self._backoff.pause_anyhow(error)

    def _forget(self, why: str) -> None:
        """Begin again with another upload, which is another intention."""
        _log.debug("upload of %r %s; it starts again", self._content.path, why)
        self._upload, self._request_id, self._is_unanswered = None, new_request_id(), False

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
