"""Large files straight from the object store, by ranges, where every reader has its own way back to the server.

What comes from the store was verified by nobody: only a whole file, held against its digest, may be used.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from argosy.errors import CorruptDataError, PermissionDeniedError
from argosy.transport.bypass.signed_store import SignedStore
from argosy.transport.bypass.store_error import StoreError
from argosy.transport.clients.blob_client import BlobClient
from argosy.transport.clients.chunk_codec import IncomingChunk
from argosy.transport.download.blob_file import BlobFile
from argosy.transport.download.byte_lanes import ByteStream
from argosy.transport.download.receive import receive_into
from argosy.transport.rpc.retry import FEW_ATTEMPTS
from argosy.v1.artifact_pb2 import ArtifactFile
from argosy.v1.blob_service_pb2 import ReadBlobResponse
from argosy.v1.transfer_grants_pb2 import TransferMethod

if TYPE_CHECKING:
    from argosy.transport.bypass.signed_http import StoreRange

_log = logging.getLogger("argosy.transport")


def receive_from_store(
    store: SignedStore,
    lanes: Sequence[BlobClient],
    file: ArtifactFile,
    target: memoryview,
    advance: Callable[[int], None],
) -> None:
    """Fill ``target`` with a file, verified, from the object store; from the server what that does not give.

    Args:
        store: the object store.
        lanes: ways to the server; as many ranges come from the store at once.
        file: path, digest and size that must come true.
        target: as long as the file.
        advance: told how many bytes more have arrived; a negative number when all of it comes again.

    Raises:
        CorruptDataError: the bytes do not match the recorded digest or size; ``target`` must not be used.
        ArgosyError: neither can be reached any more.
    """
    url = _Url(lanes[0])
    ways = [SignedLane(store, lane, url) for lane in lanes]
    told = 0

    def tell(count: int) -> None:
        nonlocal told
        told += count
        advance(count)

    try:
        receive_into(ways, file, target, tell)
    except CorruptDataError as error:
        # The server looks for itself: it sends what is right, or hears of the damage and repairs it one day.
        _log.warning("what the object store sent is wrong, so the server is asked: %s", error)
        advance(-told)
        receive_into(lanes, file, target, advance)


def stream_from_store(
    store: SignedStore, blobs: BlobClient, file: ArtifactFile, advance: Callable[[int], None]
) -> BlobFile:
    """Return a file as a stream that is to be read from its first byte to its last, verified at its end."""
    return _WholeFile(blobs, SignedLane(store, blobs, _Url(blobs)), file, advance)


class _WholeFile(BlobFile):
    """Reads from the object store; of damage it lets the server know."""

    def __init__(self, blobs: BlobClient, lane: SignedLane, file: ArtifactFile, advance: Callable[[int], None]) -> None:
        super().__init__(lane, file, advance)
        self._server = blobs

    def _corrupt(self, what: str) -> CorruptDataError:
        with self._server.read_blob(self._file.digest) as messages:  # raises what the server finds wrong with it
            for _ in messages:
                continue
        return super()._corrupt(what)


class _Url:
    """The signed URL of one blob, asked for when it is needed. Shared by threads."""

    def __init__(self, blobs: BlobClient) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._text = ""

    def text(self, digest: str) -> str:
        """Return the URL; ``""`` when the blob is not kept in the store.

        Raises:
            ArgosyError: the server does not give it.
        """
        with self._lock:
            if not self._text:
                answer = self._blobs.create_transfer_grants(
                    read_digests=[digest], method=TransferMethod.TRANSFER_METHOD_SIGNED_URL
                )
                (self._text,) = answer.read_urls
            return self._text

    def forget(self, text: str) -> None:
        """Ask for another one the next time, unless that has happened since ``text`` was returned."""
        with self._lock:
            if self._text == text:
                self._text = ""


class SignedLane:
    """A way to blobs past the server, which leads through the server as long as the store is out of reach."""

    def __init__(self, store: SignedStore, blobs: BlobClient, url: _Url) -> None:
        """Use ``store`` by ``url``, or ``blobs``."""
        self._store = store
        self._blobs = blobs
        self._url = url
        self._failures = 0
        self._refusals = 0

    def read_blob(self, digest: str, *, offset: int = 0, limit: int = 0) -> ByteStream:
        """Stream a range of a blob; it is opened, and fails, where it is read."""
        return _Stream(self, digest, offset, limit)

    def open(self, digest: str, offset: int, limit: int) -> ByteStream:
        """Begin to read a range from wherever it comes now.

        Raises:
            StoreError: the store does not give it; what is asked for next comes from wherever it can.
            ArgosyError: as the server says.
        """
        if limit and self._store.takes(self._store.min_bytes):
            try:
                url = self._url.text(digest)
            except PermissionDeniedError as error:  # it was started again, with other settings
                self._store.pause(error)
                url = ""
            if url:
                return self._get(url, offset, offset + limit)
        return self._blobs.read_blob(digest, offset=offset, limit=limit)

    def _get(self, url: str, start: int, stop: int) -> ByteStream:
        try:
            answer = self._store.get(url, start, stop)
        except StoreError as error:
            self.failed(url, error)
            raise
        return _Range(self, url, answer)

    def progressed(self) -> None:
        """Take note that bytes came."""
        self._failures = self._refusals = 0

    def failed(self, url: str, error: StoreError) -> None:
        """Decide whether the store is tried again after this."""
        self._failures += 1
        if error.is_refusal and not self._refusals:
            self._refusals += 1
            self._url.forget(url)
        elif self._failures >= FEW_ATTEMPTS or not self._store.worth_another_try(error):
            self._store.pause(error)


class _Stream:
    """A range that is opened when it is read, so that whoever reads meets all errors in one place."""

    def __init__(self, lane: SignedLane, digest: str, offset: int, limit: int) -> None:
        self._open = partial(lane.open, digest, offset, limit)
        self._source: ByteStream | None = None

    def __iter__(self) -> Iterator[ReadBlobResponse | IncomingChunk]:
        return self

    def __next__(self) -> ReadBlobResponse | IncomingChunk:
        if self._source is None:
            self._source = self._open()
        return next(self._source)

    def close(self) -> None:
        if self._source is not None:
            self._source.close()

    def __enter__(self) -> ByteStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Range:
    """Messages with the chunks of one range, as the server would stream them."""

    def __init__(self, lane: SignedLane, url: str, answer: StoreRange) -> None:
        self._lane = lane
        self._url = url
        self._answer = answer

    def __iter__(self) -> Iterator[IncomingChunk]:
        return self

    def __next__(self) -> IncomingChunk:
        try:
            data = self._answer.read()
        except StoreError as error:
            self._lane.failed(self._url, error)
            raise
        if not data:
            raise StopIteration
        self._lane.progressed()
        return IncomingChunk(memoryview(data))

    def close(self) -> None:
        self._answer.close()

    def __enter__(self) -> _Range:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
