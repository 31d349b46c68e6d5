"""Brings the files of versions to the store in the fewest round trips, and only those it does not have.

A small version travels inside the request that creates it. The files of others are hashed first, one question for
all of them tells which are missing, and of these the small ones go together and the large ones each by an upload of
its own, several at once. On the same file system as the store large files are written there, once, while they are
hashed; only where the store knows their size is it asked before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from blake3 import blake3

from argosy.errors import InvalidRequestError
from argosy.transport.bypass.direct_files import DirectFiles
from argosy.transport.clients.blob_client import with_one_replica
from argosy.transport.connection import Connection
from argosy.transport.content import Content
from argosy.transport.content_hash import digest_of, digest_text
from argosy.transport.progress import UNSEEN, Progress
from argosy.transport.rpc.error_mapping import raise_item
from argosy.transport.rpc.retry import retrying
from argosy.transport.upload.signed_upload import send_by_parts
from argosy.transport.upload.upload_session import send_blob
from argosy.v1.artifact_pb2 import NewArtifactFile
from argosy.v1.blob_pb2 import NewBlob

SMALL_BYTES = 256 << 10
"""Files below it travel together."""
LISTENING_SECONDS = 0.5
"""How long Ctrl-C may go unheard."""
UPLOADS_AT_ONCE = 4
_HASH_BYTES = 8 << 20
_CHUNK_BYTES = 1 << 20
"""Where a server tells no size."""
T = TypeVar("T")


@dataclass(frozen=True)
class _Hashed:
    """Content with its digest."""

    content: Content
    digest: str


def upload_files(
    connection: Connection,
    groups: Sequence[Sequence[Content]],
    *,
    inline_bytes: int | None = None,
    progress: Progress = UNSEEN,
) -> list[list[NewArtifactFile]]:
    """Make the files of one or more versions ready to be named in one request that creates these.

    Memory stays at a few chunks, whatever the sizes.

    Args:
        connection: the store.
        groups: the files of each version.
        inline_bytes: how many bytes that request may hold; by default what the server allows for one version.
        progress: told how many bytes have been handed over, or need not be.

    Returns:
        One list for each version, with an entry for each file in the order given.

    Raises:
        InvalidRequestError: more files than a version may have; nothing was sent.
        CorruptDataError: a file changed while it was sent.
        ArgosyError: the store refused an upload or was lost; what was sent is given up.
        Exception: what reading a file raised, unchanged.
    """
    for group in groups:
        _check_count(connection, len(group))
    contents = [content for group in groups for content in group]
    room = connection.capabilities.max_inline_bytes if inline_bytes is None else inline_bytes
    inline = _choose_inline(groups, room, connection.capabilities.max_inline_bytes)
    progress.expect(_size(contents))
    sent = _Sender(connection, progress).send([content for content in contents if id(content) not in inline])
    files: list[list[NewArtifactFile]] = []
    for group in groups:
        files.append([])
        for content in group:
            if id(content) in inline:
                whole = _whole(content)
                digest = digest_text(blake3(whole))
                files[-1].append(NewArtifactFile(path=content.path, inline_content=whole, inline_digest=digest))
                progress.advance(content.size_bytes)
            else:
                files[-1].append(NewArtifactFile(path=content.path, digest=sent[id(content)]))
    return files


class _GivenUpError(Exception):
    """Another file of the same request could not be sent."""


class _Sender:
    """Sends what the store does not have of the files of one request."""

    def __init__(self, connection: Connection, progress: Progress) -> None:
        self._connection = connection
        self._blobs = connection.blobs
        self._progress = progress
        self._given_up = threading.Event()
        direct = connection.direct
        self._direct = direct if direct is not None and direct.writes else None

    def send(self, contents: Sequence[Content]) -> dict[int, str]:
        """Return the digest of each content, by its ``id()``, once the store has all of them."""
        if not contents:
            return {}
        written: list[Content] = []
        hashed: list[_Hashed] = []
        for content in contents:
            if self._direct is not None and content.size_bytes >= SMALL_BYTES:
                written.append(content)
            else:
                hashed.append(_hashed(content))
        digests = {id(item.content): item.digest for item in hashed}
        if self._direct is not None:
            digests.update(self._write_files(self._direct, written))
        missing = self._missing(hashed)
        small = [item for item in missing if item.content.size_bytes < SMALL_BYTES]
        for batch in self._batches(small):
            self._send_batch(batch)
        self._each([item for item in missing if item.content.size_bytes >= SMALL_BYTES], self._send_large)
        return digests

    def _missing(self, hashed: Sequence[_Hashed]) -> list[_Hashed]:
        """Return what the store does not have, each digest once."""
        by_digest = {item.digest: item for item in hashed}
        missing: list[_Hashed] = []
        for part in _parts(list(by_digest), self._connection.capabilities.max_digests):
            answer = retrying("question for missing blobs", partial(self._blobs.find_missing_blobs, part))
            missing += [by_digest[digest] for digest in answer.missing_digests]
        sent = {id(item) for item in missing}
        for item in hashed:
            if id(item) not in sent:
                self._advance(item.content.size_bytes)
        return missing

    def _batches(self, items: Sequence[_Hashed]) -> Iterator[list[_Hashed]]:
        capabilities = self._connection.capabilities
        batch: list[_Hashed] = []
        size = 0
        for item in items:
            full = len(batch) == capabilities.max_batch_items
            if batch and (full or size + item.content.size_bytes > capabilities.max_batch_bytes):
                yield batch
                batch, size = [], 0
            batch.append(item)
            size += item.content.size_bytes
        if batch:
            yield batch

    def _send_batch(self, batch: Sequence[_Hashed]) -> None:
        new = [NewBlob(digest=item.digest, content=_whole(item.content)) for item in batch]
        statuses = retrying(f"batch of {len(new)} blobs", lambda: self._blobs.batch_upload_blobs(new))
        for item, status in zip(batch, statuses, strict=True):
            raise_item(status, f"file {item.content.path!r}")
            self._advance(item.content.size_bytes)

    def _send_large(self, item: _Hashed) -> None:
        signed = self._connection.signed
        if (
            signed is not None
            and signed.takes(item.content.size_bytes)
            and send_by_parts(signed, self._blobs, item.content, item.digest, self._advance, self._wait)
        ):
            return
        chunk_bytes = self._connection.capabilities.preferred_chunk_bytes or _CHUNK_BYTES
        blobs = with_one_replica(self._blobs)
        send_blob(blobs, item.content, item.digest, chunk_bytes, self._advance, self._wait)

    def _write_files(self, direct: DirectFiles, contents: Sequence[Content]) -> dict[int, str]:
        """Write what the store does not have into its folder."""
        known = self._known_sizes({content.size_bytes for content in contents})
        maybe = [_hashed(content) for content in contents if content.size_bytes in known]
        digests = {id(item.content): item.digest for item in maybe}
        new = [content for content in contents if id(content) not in digests]

        def write(content: Content) -> None:
            digests[id(content)] = self._write(direct, content)

        self._each([*new, *(item.content for item in self._missing(maybe))], write)
        return digests

    def _known_sizes(self, sizes: Iterable[int]) -> set[int]:
        known: set[int] = set()
        for part in _parts(sorted(sizes), self._connection.capabilities.max_digests):
            ask = partial(self._blobs.find_missing_blobs, [], part)
            known.update(retrying("question for known sizes", ask).known_sizes)
        return known

    def _write(self, direct: DirectFiles, content: Content) -> str:
        digest = direct.write(self._blobs, content, self._advance)
        if digest is None:  # the folder is out of reach after all
            item = _hashed(content)
            self._send_large(item)
            return item.digest
        return digest

    def _advance(self, count: int) -> None:
        """Tell the progress; it is also where uploads beside one that failed notice that they are not wanted."""
        if self._given_up.is_set():
            raise _GivenUpError
        self._progress.advance(count)

    def _wait(self, seconds: float) -> None:
        """Wait between two attempts, but no longer than the upload is wanted."""
        if self._given_up.wait(seconds):
            raise _GivenUpError

    def _each(self, items: Sequence[T], send: Callable[[T], None]) -> None:
        if len(items) < 2:
            for item in items:
                send(item)
            return
        pool = ThreadPoolExecutor(min(len(items), UPLOADS_AT_ONCE), thread_name_prefix="argosy-upload")
        try:
            for future in [pool.submit(copy_context().run, send, item) for item in items]:
                # A signal that comes just before a wait begins is heard when it ends.
                while wait([future], timeout=LISTENING_SECONDS).not_done:
                    pass
                future.result()
        except BaseException as error:
            self._given_up.set()
            # Who presses Ctrl-C does not wait for a store that does not answer.
            pool.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
            raise
        pool.shutdown()


def _check_count(connection: Connection, count: int) -> None:
    limit = connection.capabilities.max_files
    if count > limit:
        raise InvalidRequestError(
            f"the value consists of {count} files; a version has at most {limit}: pack them into fewer",
            reason="LIMIT_EXCEEDED",
        )


def _choose_inline(groups: Sequence[Sequence[Content]], room: int, room_each: int) -> set[int]:
    """Return the contents, by ``id()``, that travel inside the request: those of the versions that fit as a whole.

    Of others nothing does, for what the store has already would be sent again.
    """
    chosen: set[int] = set()
    for size, group in sorted(((_size(group), group) for group in groups), key=lambda entry: entry[0]):
        if size > min(room, room_each):
            break
        room -= size
        chosen.update(id(content) for content in group)
    return chosen


def _size(contents: Iterable[Content]) -> int:
    return sum(content.size_bytes for content in contents)


def _whole(content: Content) -> bytes:
    return b"".join(content.chunks())


def _hashed(content: Content) -> _Hashed:
    return _Hashed(content, digest_of(content.chunks(0, _HASH_BYTES), content.size_bytes))


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
