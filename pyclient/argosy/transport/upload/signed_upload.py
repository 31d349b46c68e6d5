"""One large file on its way to the object store, past the server: in parts, several at once.

Each part is read three times (for the digest before, for its SHA-256, to be sent) and held nowhere. A part that breaks
is sent again; a URL that expired is replaced. Nobody sees the bytes before the server has read them back.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from hashlib import sha256

from argosy.errors import (
    ArgosyError,
    ConflictError,
    CorruptDataError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
)
from argosy.transport.bypass.signed_store import SignedStore
from argosy.transport.bypass.store_error import StoreError
from argosy.transport.clients.blob_client import BlobClient
from argosy.transport.content import Content
from argosy.transport.content_hash import PieceChecksums
from argosy.transport.rpc.retry import FEW_ATTEMPTS, Backoff, retrying
from argosy.transport.upload.upload_session import changed_meanwhile
from argosy.v1.blob_service_pb2 import UploadState
from argosy.v1.transfer_grants_pb2 import CreateTransferGrantsResponse, SignedPut, TransferMethod, UploadPart

PARTS_AT_ONCE = 4
_PARTS_A_CALL = 8
_CHUNK_BYTES = 1 << 20
_LISTENING_SECONDS = 0.5
"""How long Ctrl-C may go unheard."""
_PATIENCE_SECONDS = 2.0
"""How long giving an upload up may keep the caller."""
_COMMITS = 3
_SIGNED = TransferMethod.TRANSFER_METHOD_SIGNED_URL
_log = logging.getLogger("argosy.transport")


def send_by_parts(
    store: SignedStore,
    blobs: BlobClient,
    content: Content,
    digest: str,
    advance: Callable[[int], None],
    wait: Callable[[float], object] | None = None,
) -> bool:
    """Send content to the object store and commit it.

    Args:
        store: the object store.
        blobs: the server, which signs and commits.
        content: what to send.
        digest: digest of it.
        advance: told how many bytes more have been handed over; a negative number for what has to be sent again.
        wait: waits for so many seconds between two attempts; what it raises ends the upload.

    Returns:
        whether it is committed; otherwise nothing is left of it, and the server has to be sent all of it.

    Raises:
        CorruptDataError: other bytes arrived than were hashed; most likely they were changed meanwhile.
        ArgosyError: the server refused, or could not be reached any more; what was sent is given up.
        Exception: what reading the content raised, unchanged.
    """
    upload = retrying(
        f"upload of {content.path!r}",
        lambda: blobs.create_upload(digest=digest, size_bytes=content.size_bytes),
        wait=wait,
    )
    if upload.state == UploadState.UPLOAD_STATE_COMMITTED:
        advance(content.size_bytes)
        return True
    sending = _Sending(store, blobs, content, digest, upload.id, advance, wait)
    try:
        sending.run()
    except (StoreError, PermissionDeniedError) as error:
        store.pause(error)
    except CorruptDataError as error:
        sending.give_up()
        raise changed_meanwhile(content, error) from error
    except (ConflictError, NotFoundError, PreconditionError) as error:
        _log.debug("upload of %r begins again through the server: %s", content.path, error)
    except BaseException:
        sending.give_up()
        raise
    else:
        return True
    sending.give_up()
    sending.take_back()
    return False


@dataclass(frozen=True)
class _Piece:
    """A part: its number from 1 on, and where it is."""

    number: int
    start: int
    size: int


class _StoppedError(Exception):
    """Another part could not be sent."""


class _Sending:
    """The parts of one upload."""

    def __init__(
        self,
        store: SignedStore,
        blobs: BlobClient,
        content: Content,
        digest: str,
        upload_id: str,
        advance: Callable[[int], None],
        wait: Callable[[float], object] | None,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._content = content
        self._digest = digest
        self._upload_id = upload_id
        self._advance = advance
        self._wait = wait
        self._epoch = 0
        self._told = 0
        self._checksums: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def run(self) -> None:
        """Send all parts and commit."""
        pieces = list(self._pieces())
        self._epoch = self._grant([]).write_epoch
        todo = pieces
        for attempt in range(1, _COMMITS + 1):
            self._send(todo)
            try:
                self._commit(b"".join(self._checksums[piece.number] for piece in pieces))
            except PreconditionError:
                if attempt == _COMMITS:
                    raise
                # The store has not all of what it said it has.
                kept = set(self._grant([]).kept_parts)
                todo = [piece for piece in pieces if piece.number not in kept]
            else:
                return

    def give_up(self) -> None:
        """Let the server discard what was sent."""
        with contextlib.suppress(ArgosyError):  # the lease of the upload ends it when this cannot
            self._blobs.abort_upload(self._upload_id, _PATIENCE_SECONDS)

    def take_back(self) -> None:
        """Say that nothing has been sent."""
        self._advance(-self._told)

    def _pieces(self) -> Iterator[_Piece]:
        size = self._content.size_bytes
        step = self._store.part_bytes(size)
        for number, start in enumerate(range(0, size, step), 1):
            yield _Piece(number, start, min(step, size - start))

    def _send(self, pieces: Sequence[_Piece]) -> None:
        """Send parts, several at once; the first that fails ends the others."""
        count = max(min(-(-len(pieces) // PARTS_AT_ONCE), _PARTS_A_CALL), 1)
        batches = [pieces[at : at + count] for at in range(0, len(pieces), count)]
        pool = ThreadPoolExecutor(PARTS_AT_ONCE, thread_name_prefix="argosy-parts")
        futures = [pool.submit(copy_context().run, self._send_batch, batch) for batch in batches]
        try:
            _first_failure(futures)
        except BaseException as error:
            self._stopped.set()
            # Who presses Ctrl-C does not wait for a store that does not answer.
            pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
            raise
        pool.shutdown()

    def _send_batch(self, pieces: Sequence[_Piece]) -> None:
        described = [self._describe(piece) for piece in pieces]
        puts = self._grant(described).write_puts
        for piece, part, how in zip(pieces, described, puts, strict=True):
            self._send_piece(piece, part, how)

    def _send_piece(self, piece: _Piece, part: UploadPart, how: SignedPut) -> None:
        backoff = Backoff(f"part {piece.number} of {self._content.path!r}", FEW_ATTEMPTS, self._wait)
        is_new = True
        while True:
            sent = _Count()
            try:
                self._store.put(how, self._chunks(piece, sent))
            except StoreError as error:
                self._tell(-sent.bytes)
                self._check_going()
                if error.is_refusal and is_new:
                    is_new = False
                elif self._store.worth_another_try(error):
                    backoff.pause_anyhow(error)
                else:
                    raise
                # A store that refuses early may break the connection before it can be heard why.
                (how,) = self._grant([part]).write_puts
            else:
                return

    def _grant(self, parts: Sequence[UploadPart]) -> CreateTransferGrantsResponse:
        def ask() -> CreateTransferGrantsResponse:
            return self._blobs.create_transfer_grants(
                method=_SIGNED, write_upload_id=self._upload_id, write_epoch=self._epoch, write_parts=parts
            )

        return retrying(f"grants of {self._content.path!r}", ask, wait=self._wait)

    def _describe(self, piece: _Piece) -> UploadPart:
        digest, checksums = sha256(), PieceChecksums()
        for chunk in self._cut(piece):
            self._check_going()
            digest.update(chunk)
            checksums.update(chunk)
        with self._lock:
            self._checksums[piece.number] = checksums.value()
        return UploadPart(number=piece.number, size_bytes=piece.size, sha256=digest.digest())

    def _chunks(self, piece: _Piece, sent: _Count) -> Iterator[memoryview]:
        for chunk in self._cut(piece):
            self._check_going()
            yield chunk
            sent.bytes += len(chunk)
            self._tell(len(chunk))

    def _cut(self, piece: _Piece) -> Iterator[memoryview]:
        left = piece.size
        for chunk in self._content.chunks(piece.start, _CHUNK_BYTES):
            view = memoryview(chunk).cast("B")[:left]
            yield view
            left -= len(view)
            if not left:
                return

    def _tell(self, count: int) -> None:
        with self._lock:
            self._told += count
        self._advance(count)

    def _check_going(self) -> None:
        if self._stopped.is_set():
            raise _StoppedError

    def _commit(self, checksums: bytes) -> None:
        size = self._content.size_bytes
        backoff = Backoff(f"commit of {self._content.path!r}", wait=self._wait)
        while True:
            try:
                self._blobs.commit_upload(
                    self._upload_id, self._digest, size, checksums, self._store.commit_seconds(size)
                )
            except (ConflictError, CorruptDataError, NotFoundError, PermissionDeniedError, PreconditionError):
                raise
            except ArgosyError as error:
                backoff.pause(error)
            else:
                return


class _Count:
    """How much of a part has been handed over."""

    bytes = 0


def _first_failure(futures: Sequence[Future[None]]) -> None:
    """Return when all have gone well, raise what the first one raised that failed."""
    pending = set(futures)
    while pending:
        # A signal that comes just before a wait begins is heard when it ends.
        done, pending = wait(pending, timeout=_LISTENING_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            error = future.exception()
            if error is not None and not isinstance(error, _StoppedError):
                raise error
