"""Uploads in parts that are not finished: what a store has of a location before it is an object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from argosy_server.adapters.blobs.s3.bucket import Bucket

MIB = 1 << 20
PART_BYTES = 8 * MIB
LEVEL = 1000
"""So many parts have the same size, then it doubles: 10,000 of them, the most there may be, hold 8 TiB."""


@dataclass(frozen=True)
class KeptPart:
    """A part the store has.

    Attributes:
        number: its place, from 1 on.
        size: its bytes.
        tag: the store's mark of its content (ETag): another content has another mark.
        written: when it was taken.
    """

    number: int
    size: int
    tag: str
    written: datetime | None = None


@dataclass(frozen=True)
class Unfinished:
    """An upload in parts.

    Attributes:
        key: of the object to be.
        id: what the store calls the upload.
        begun: when.
    """

    key: str
    id: str
    begun: datetime


def part_size(number: int, first: int) -> int:
    """Return the bytes of a part, of which only the last one may have fewer.

    Args:
        number: its place, from 1 on.
        first: the size of the first parts.
    """
    size: int = first << ((number - 1) // LEVEL)
    return size


def unfinished_below(bucket: Bucket, prefix: str) -> Iterator[Unfinished]:
    """Yield the unfinished uploads of all keys that begin with ``prefix``."""
    for page in bucket.pages("list_multipart_uploads", Prefix=prefix):
        for one in page.get("Uploads", []):
            yield Unfinished(one["Key"], one["UploadId"], one["Initiated"])


def unfinished_of(bucket: Bucket, key: str) -> list[Unfinished]:
    """Return the unfinished uploads of one key; seldom more than one."""
    return [one for one in unfinished_below(bucket, key) if one.key == key]


def parts_of(bucket: Bucket, upload: Unfinished) -> list[KeptPart]:
    """Return the parts that come one after the other from the first one on; none of an upload that is gone."""
    found: list[KeptPart] = []
    try:
        for page in bucket.pages("list_parts", Key=upload.key, UploadId=upload.id):
            for one in page.get("Parts", []):
                if one["PartNumber"] != len(found) + 1:
                    return found
                found.append(KeptPart(one["PartNumber"], one["Size"], one["ETag"], one.get("LastModified")))
    except FileNotFoundError:
        return []
    return found


def begin(bucket: Bucket, key: str, **facts: str) -> str:
    """Begin an upload in parts of a key that was never used before; return what the store calls it.

    Args:
        bucket: where.
        key: of the object to be.
        facts: what else is said of it.
    """
    attempts = 0

    def once() -> str:
        nonlocal attempts
        attempts += 1
        return str(bucket.once("create_multipart_upload", Key=key, **facts)["UploadId"])

    upload_id = bucket.patiently(once)
    if attempts > 1:
        # One whose answer was lost may have begun as well: parts could be sent to either, and nobody would ever end it.
        for other in unfinished_of(bucket, key):
            if other.id != upload_id:
                abort(bucket, key, other.id)
    return upload_id


def join(bucket: Bucket, key: str, upload_id: str, parts: Sequence[KeptPart]) -> str:
    """Make the object of exactly these parts, as they were when they got their tags; return its tag. Asks once.

    Raises:
        BotoCoreError, ClientError: the upload is gone, a part is another one by now, and the like.
    """
    listed = [{"PartNumber": part.number, "ETag": part.tag} for part in parts]
    answer = bucket.once("complete_multipart_upload", Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed})
    return str(answer.get("ETag", ""))


def abort(bucket: Bucket, key: str, upload_id: str) -> None:
    """Throw the parts of an upload away; that it is gone already is fine."""
    try:
        bucket.ask("abort_multipart_upload", Key=key, UploadId=upload_id)
    except FileNotFoundError:
        return
