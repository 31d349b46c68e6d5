"""Reading a range of an object.

One request asks for exactly the range. The next bytes come into the buffers of the system while those before are looked
at, which is all the reading ahead there is. Where an answer ends before the length it told, or breaks, or stands still,
the rest is asked for anew.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from argosy_server.adapters.blobs.s3.bucket import Bucket, Pauses
from argosy_server.adapters.blobs.s3.failures import code_of, is_transient, refusal
from argosy_server.domain.errors import BlobCorrupt, StorageUnavailable

READ_BYTES = 1 << 20
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_log = logging.getLogger(__name__)


def read_range(bucket: Bucket, location: str, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes ``start`` to ``stop`` of a location in pieces of at most 1 MiB.

    Raises:
        FileNotFoundError: there is no object.
        BlobCorrupt: the object has fewer bytes.
        StorageUnavailable: the store refuses, cannot be reached, or breaks off again and again.
    """
    key = bucket.key(location)
    pauses = Pauses(bucket.patience)
    while start < stop:
        body, size = _open(bucket, key, start, stop)
        begun = start
        with closing(body):
            try:
                while start < min(stop, size) and (data := body.read(min(READ_BYTES, min(stop, size) - start))):
                    yield data
                    start += len(data)
            except BotoCoreError as error:
                if not is_transient(error):
                    raise refusal(error, bucket.url) from error
                _log.debug("%s broke off at byte %d of %s: %s", bucket.url, start, location, type(error).__name__)
        if start >= size < stop:
            raise BlobCorrupt(f"location {location} ends at byte {size}, {stop} were stored")
        if start > begun:
            pauses.progressed()
        if start < stop and not pauses.pause():
            raise StorageUnavailable(
                f"blobs in {bucket.url} cannot be reached: answers end before they are complete; try again, and look "
                "at the store and the network if it lasts"
            )


def _open(bucket: Bucket, key: str, start: int, stop: int) -> tuple[Any, int]:
    """Return what gives the bytes, and how many the whole object has."""

    def once() -> dict[str, Any] | None:
        try:
            return bucket.once("get_object", Key=key, Range=f"bytes={start}-{stop - 1}")
        except ClientError as error:
            if code_of(error) in ("InvalidRange", "416"):
                return None  # it has no such bytes
            raise

    answer = bucket.patiently(once)
    if answer is None:
        return _Nothing(), int(bucket.ask("head_object", Key=key)["ContentLength"])
    told = _RANGE.fullmatch(answer.get("ContentRange", ""))
    if told is None or int(told[1]) != start:
        answer["Body"].close()
        raise StorageUnavailable(f"the store of {bucket.url} does not give ranges of objects; use another one")
    return answer["Body"], int(told[3])


class _Nothing:
    def read(self, size: int) -> bytes:
        return b""

    def close(self) -> None:
        return
