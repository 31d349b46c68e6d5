"""Writing one object: a small one by one request, a larger one in parts that are sent while the next one fills.

A part the store has taken is there for ever, also when this process dies: a later writer, in any process, finds it by
the key of the object. Bytes that do not fill a part yet are in memory only. The object is made of exactly the parts
this writer knows, by the store's marks of their content: a part that another writer has sent in the meantime, one that
was given up but is still alive, makes that fail.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from hashlib import md5
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from argosy_server.adapters.blobs.s3 import multipart
from argosy_server.adapters.blobs.s3.body import sent
from argosy_server.adapters.blobs.s3.bucket import JOIN_SECONDS, Bucket
from argosy_server.adapters.blobs.s3.multipart import KeptPart
from argosy_server.domain.errors import DomainError, StorageUnavailable

WINDOW_BYTES = 4 * multipart.PART_BYTES
"""What may be on its way of one object, beside the part that fills: with it memory is bounded."""
_MD5 = re.compile(r'"[0-9a-f]{32}"')
_JOINED = re.compile(r'"[0-9a-f]{32}-[0-9]+"')
"""The marks of objects made of parts, where those of parts are MD5 sums."""
_log = logging.getLogger(__name__)


class S3Writer:
    """Writes one object of a location that no other object ever had."""

    readable = False
    """What is not finished cannot be read."""

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        part_bytes: int,
        remember: Callable[[Sequence[KeptPart]], None],
        upload_id: str | None = None,
        parts: Sequence[KeptPart] = (),
        known: int = 0,
    ) -> None:
        """Begin, or go on.

        Args:
            bucket: where the object shall be.
            key: what it shall be called.
            part_bytes: bytes of the first parts; later ones are larger.
            remember: told at the end which parts are left to a later writer.
            upload_id: what to go on with.
            parts: its parts to go on after.
            known: how many of their bytes a writer of this process sent.
        """
        self.known = known
        self._bucket = bucket
        self._key = key
        self._part_bytes = part_bytes
        self._remember = remember
        self._upload_id = upload_id
        self._lock = threading.Lock()
        self._parts = {part.number: part for part in parts}
        self._size = sum(part.size for part in parts)
        self._next = len(self._parts) + 1
        self._is_ended = bool(parts) and parts[-1].size < multipart.part_size(len(parts), part_bytes)
        self._buffer = bytearray()
        self._sending: deque[Future[None]] = deque()
        self._put_tried = False
        self._finished = False

    def boundary_after(self, size: int) -> int:
        """Return the next place where a later writer could go on."""
        place, number = 0, 1
        while place <= size:
            place += multipart.part_size(number, self._part_bytes)
            number += 1
        return place

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        view = memoryview(data).cast("B")
        if view.nbytes and self._is_ended:
            with self._lock:
                self._parts.pop(self._next - 1, None)  # a later writer goes on before it
            raise StorageUnavailable(
                f"the last part of {self._key} was sent, nothing can follow it; ask GetUpload and go on"
            )
        while view.nbytes:
            room = multipart.part_size(self._next, self._part_bytes) - len(self._buffer)
            if not room:
                self._send()  # not before more follows: what fits in one part is no object of parts
                continue
            self._buffer += view[:room]
            self._size += min(room, view.nbytes)
            view = view[room:]

    def mark(self) -> int:
        """Wait for the first of the parts on their way, and return how many bytes are in parts the store has."""
        with self._lock:
            first = next((future for future in self._sending if not future.done()), None)
        if first is not None:
            wait([first])
        return sum(part.size for part in self._taken())

    def suspend(self) -> int:
        """Leave the parts the store has to a later writer."""
        if self._finished:
            return self._size
        self._settle()
        taken = self._taken()
        self._remember(taken)
        return sum(part.size for part in taken)

    def salvage(self) -> int:
        """Do the same: a part the store has is whole, whatever became of others."""
        return self.suspend()

    def finish(self) -> None:
        """Make the object."""
        if self._finished:
            return
        if self._upload_id is None and self._next == 1:
            self._put()
        else:
            self._send()
            while self._sending:
                self._await_first()
            self._join()
        self._finished = True
        self._remember([])

    def discard(self) -> None:
        """Throw away what was sent, unless the object is finished."""
        if self._finished:
            return
        self._settle()
        try:
            if self._upload_id is not None:
                # Never the object: a later writer may have made it of these parts.
                multipart.abort(self._bucket, self._key, self._upload_id)
            elif self._put_tried:
                self._bucket.ask("delete_object", Key=self._key)
        except DomainError as error:
            # The error that led here is the one to tell; the sweep removes what is left.
            _log.warning("what was sent of %s could not be removed: %s", self._key, error)
        finally:
            self._remember([])

    def _put(self) -> None:
        body = memoryview(self._buffer)
        self._put_tried = True  # from here on there may be an object
        self._bucket.patiently(lambda: self._bucket.once("put_object", Key=self._key, **sent(self._bucket, body)))

    def _send(self) -> None:
        """Send what has filled, as soon as less is on its way."""
        if not self._buffer:
            return
        if self._upload_id is None:
            self._upload_id = multipart.begin(self._bucket, self._key)
        most = max(1, WINDOW_BYTES // len(self._buffer))
        while len(self._sending) >= most or (self._sending and self._sending[0].done()):
            self._await_first()
        self._bucket.slots.acquire()
        future = self._bucket.pool.submit(self._send_part, self._next, memoryview(self._buffer))
        future.add_done_callback(lambda _: self._bucket.slots.release())
        with self._lock:
            self._sending.append(future)
        self._next += 1
        self._buffer = bytearray()

    def _await_first(self) -> None:
        self._sending[0].result()
        with self._lock:
            self._sending.popleft()

    def _send_part(self, number: int, body: memoryview) -> None:
        def once() -> dict[str, Any]:
            facts = {"Key": self._key, "UploadId": self._upload_id, "PartNumber": number}
            return self._bucket.once("upload_part", **facts, **sent(self._bucket, body))

        try:
            answer = self._bucket.patiently(once)
        except FileNotFoundError as error:
            raise self._gone() from error
        with self._lock:
            self._parts[number] = KeptPart(number, body.nbytes, answer["ETag"])

    def _join(self) -> None:
        parts = self._taken()
        expected = joined_tag(parts)
        attempts = 0

        def once() -> str:
            nonlocal attempts
            attempts += 1
            if attempts > 1 and expected is not None and self._tag_of_object() == expected:
                return expected  # only the answer was lost
            return multipart.join(self._bucket, self._key, str(self._upload_id), parts)

        try:
            tag = self._bucket.patiently(once, JOIN_SECONDS)
        except FileNotFoundError as error:
            raise self._gone() from error
        if expected is not None and _JOINED.fullmatch(tag) and tag != expected:
            raise StorageUnavailable(f"the store made {self._key} of other parts than were sent; try again")

    def _tag_of_object(self) -> str:
        try:
            return str(self._bucket.once("head_object", Key=self._key).get("ETag", ""))
        except (BotoCoreError, ClientError):
            return ""

    def _taken(self) -> list[KeptPart]:
        with self._lock:
            found: list[KeptPart] = []
            while (part := self._parts.get(len(found) + 1)) is not None:
                found.append(part)
            return found

    def _settle(self) -> None:
        """Let what is on its way arrive or fail; what is in memory only goes."""
        self._buffer = bytearray()
        for future in self._sending:
            with suppress(Exception):
                future.result()
        with self._lock:
            self._sending.clear()

    def _gone(self) -> StorageUnavailable:
        return StorageUnavailable(
            f"what was sent of {self._key} is gone, or was put together by a later writer; ask GetUpload and go on"
        )


class FinishedObject:
    """What goes on with an object that is whole: nothing can follow."""

    readable = True
    known = 0

    def __init__(self, key: str, size: int) -> None:
        """Take what the store says of it."""
        self._key = key
        self._size = size
        self._refused = False

    def boundary_after(self, size: int) -> None:
        """Return nothing: a later writer goes on at the end."""
        return

    def write(self, data: bytes | memoryview) -> None:
        """Refuse bytes."""
        if len(data):
            self._refused = True
            raise StorageUnavailable(f"{self._key} is finished, nothing can follow it; ask GetUpload and begin again")

    def mark(self) -> int:
        """Return the size."""
        return self._size

    def suspend(self) -> int:
        """Leave the object to a later writer."""
        return self._size

    def salvage(self) -> int:
        """Leave the object to a later writer, unless it is of no use, as more bytes came; then the sweep takes it."""
        return 0 if self._refused else self._size

    def finish(self) -> None:
        """Do nothing."""

    def discard(self) -> None:
        """Do nothing: the sweep takes what nothing refers to."""


def joined_tag(parts: Sequence[KeptPart]) -> str | None:
    """Return the mark an object of these parts has, as most stores make it; ``None`` where they make them otherwise."""
    if not all(_MD5.fullmatch(part.tag) for part in parts):
        return None
    sums = b"".join(bytes.fromhex(part.tag.strip('"')) for part in parts)
    return f'"{md5(sums, usedforsecurity=False).hexdigest()}-{len(parts)}"'
