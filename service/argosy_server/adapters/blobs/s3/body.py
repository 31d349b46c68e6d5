"""Bytes as the body of a request."""

from __future__ import annotations

import base64
import os
import zlib
from typing import Any

from argosy_server.adapters.blobs.s3.bucket import Bucket

LITTLE = 64 << 10
READ_BYTES = 512 << 10


class Body:
    """A file of bytes in memory, read without copying them.

    Who sends it asks for 16 KiB at a time, each of which would cost a system call and the wait for the interpreter's
    lock, and gets more: it sends whatever it gets. All at once would be faster still, but a single call may not take
    longer than the timeout of a connection, which a slow network needs for less.
    """

    def __init__(self, content: memoryview) -> None:
        """Begin before the first byte."""
        self._content = content
        self._place = 0

    def __len__(self) -> int:
        return self._content.nbytes

    def read(self, size: int = -1) -> memoryview:
        """Return the next bytes: all when ``size`` is negative, and more than little when little is asked for."""
        if size < 0:
            size = self._content.nbytes
        elif size <= LITTLE:
            size = READ_BYTES
        data = self._content[self._place : self._place + size]
        self._place += data.nbytes
        return data

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._content.nbytes}[whence]
        self._place = origin + place
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place


def sent(bucket: Bucket, content: memoryview) -> dict[str, Any]:
    """Return the parameters of a request that sends bytes; the store refuses them when they change on the way."""
    facts: dict[str, Any] = {"Body": Body(content), "ContentLength": content.nbytes}
    if bucket.checks_parts:
        # Told before the body: the library would put it behind, in chunks that it cuts and copies.
        facts["ChecksumCRC32"] = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
    return facts
