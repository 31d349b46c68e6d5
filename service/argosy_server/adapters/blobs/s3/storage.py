"""A bucket of a store that speaks the S3 protocol: AWS, MinIO, Ceph, versitygw and many more.

Nothing about an upload under way is kept but in the store itself and in the database, so any replica goes on with what
another one began. What was sent of an unfinished upload cannot be read; it has a size, though, and a time, and it is
listed and deleted like an object, so that the sweep takes what nobody goes on with.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from botocore.exceptions import ClientError

from argosy_server.adapters.blobs.locations import check_store_id
from argosy_server.adapters.blobs.s3 import multipart
from argosy_server.adapters.blobs.s3.bucket import PATIENCE_SECONDS, START_SECONDS, Bucket
from argosy_server.adapters.blobs.s3.failures import code_of
from argosy_server.adapters.blobs.s3.multipart import KeptPart, Unfinished
from argosy_server.adapters.blobs.s3.reader import read_range
from argosy_server.adapters.blobs.s3.writer import FinishedObject, S3Writer
from argosy_server.domain.errors import StorageUnavailable
from argosy_server.usecases.ports import BlobWriter

STORE_ID = "store-id"
"""Name of the object that says whose bytes these are; it is no location."""
REMEMBERED = 256
"""Of so many broken uploads this process remembers the parts it sent."""
LET_GO_SECONDS = 3.0
"""How long to wait for a writer of this process whose client is gone."""


class S3Storage:
    """Objects below one prefix of a bucket, as durable as the store makes them."""

    goes_on_after_finish = False

    def __init__(self, url: str, *, part_bytes: int = multipart.PART_BYTES) -> None:
        """Open the bucket, which must be there: one that is not is more likely misspelt than new.

        Args:
            url: ``s3://bucket/prefix``.
            part_bytes: bytes of the first parts of large objects; at least 5 MiB, which stores ask for.

        Raises:
            ValueError: the URL is malformed, or has credentials in it.
            StorageUnavailable: the bucket cannot be used; says why, and what to do.
        """
        self.bucket = Bucket(url)
        self._part_bytes = part_bytes
        self._let_go = threading.Condition()
        self._writing: set[str] = set()
        self._sent: OrderedDict[str, Sequence[KeptPart]] = OrderedDict()
        self._check()

    def open_writer(self, location: str) -> BlobWriter:
        """Begin to write a location."""
        key = self.bucket.key(location)
        with self._let_go:
            self._writing.add(key)
        return S3Writer(self.bucket, key, self._part_bytes, partial(self._remember, key))

    def resume_writer(self, location: str, size: int) -> BlobWriter | None:
        """Go on after the parts that have the first ``size`` bytes; ``None`` when no part ends there."""
        key = self.bucket.key(location)
        with self._let_go:
            # One whose client is gone knows what it sent; after a while it is left alone, for it can do no harm.
            self._let_go.wait_for(lambda: key not in self._writing, LET_GO_SECONDS)
        if size and self._size_of_object(key) == size:
            return FinishedObject(key, size)
        for upload in multipart.unfinished_of(self.bucket, key) if size else ():
            parts = _first(multipart.parts_of(self.bucket, upload), size)
            if parts:
                known = self._known(key, parts)
                remember = partial(self._remember, key)
                with self._let_go:
                    self._writing.add(key)
                return S3Writer(self.bucket, key, self._part_bytes, remember, upload.id, parts, known)
        return None

    def read(self, location: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes ``start`` to ``stop`` in pieces of at most 1 MiB."""
        return read_range(self.bucket, location, start, stop)

    def size(self, location: str) -> int | None:
        """Return the bytes of an object, or of the parts there are of it; ``None`` when there is nothing."""
        key = self.bucket.key(location)
        size = self._size_of_object(key)
        if size is not None:
            return size
        # Also tells a bucket that is gone from an object that is.
        sizes = [sum(part.size for part in parts) for _, parts in self._unfinished(key)]
        return max(sizes, default=None)

    def modified_at(self, location: str) -> datetime | None:
        """Return when the object was made, or the last of its parts taken; ``None`` when there is nothing."""
        key = self.bucket.key(location)
        try:
            made: datetime = self.bucket.ask("head_object", Key=key)["LastModified"]
        except FileNotFoundError:
            times = [part.written for _, parts in self._unfinished(key) for part in parts if part.written]
            return max([*times, *(upload.begun for upload, _ in self._unfinished(key))], default=None)
        return made

    def delete(self, location: str) -> None:
        """Remove a location, and what was sent of it; removing what is not there is fine."""
        key = self.bucket.key(location)
        # Parts first: put together in between they would be an object again.
        for upload in multipart.unfinished_of(self.bucket, key):
            multipart.abort(self.bucket, key, upload.id)
        self._delete_object(key)

    def locations(self) -> Iterator[str]:
        """Yield every location, those of unfinished uploads first."""
        root = self.bucket.key_of_name("")
        unfinished = {upload.key for upload in multipart.unfinished_below(self.bucket, root)}
        yield from (key.removeprefix(root) for key in sorted(unfinished))
        for page in self.bucket.pages("list_objects_v2", Prefix=root):
            for one in page.get("Contents", []):
                if one["Key"] not in unfinished and one["Key"] != root + STORE_ID:
                    yield one["Key"].removeprefix(root)

    def owner(self) -> str | None:
        """Return the id of the store the bucket was claimed for, ``None`` when nobody has claimed it."""
        key = self.bucket.key_of_name(STORE_ID)
        try:
            text: bytes = self.bucket.patiently(lambda: self.bucket.once("get_object", Key=key)["Body"].read())
        except FileNotFoundError:
            return None
        return check_store_id(text.decode(errors="replace"), f"{self.bucket.url}/{STORE_ID}")

    def claim(self, store_id: str) -> str:
        """Keep the id of a store unless there is one; return the one that counts."""
        owner = self.owner()
        if owner is not None:
            return owner
        facts = {"Key": self.bucket.key_of_name(STORE_ID), "Body": store_id.encode()}

        def put() -> None:
            try:
                self.bucket.once("put_object", **facts, IfNoneMatch="*")
            except ClientError as error:
                if code_of(error) in ("NotImplemented", "501"):
                    # When two claim it at once, the last one has it.
                    self.bucket.once("put_object", **facts)
                elif code_of(error) not in ("PreconditionFailed", "412"):  # another one was first
                    raise

        self.bucket.patiently(put)
        return self.owner() or store_id

    def _check(self) -> None:
        """Refuse what could not be used later, while somebody is there to correct it."""
        self.bucket.patience = START_SECONDS
        if not self.bucket.is_there():
            raise StorageUnavailable(
                f"there is no bucket {self.bucket.name}; create it, or correct the URL or AWS_ENDPOINT_URL"
            )
        self.bucket.patience = PATIENCE_SECONDS

    def _size_of_object(self, key: str) -> int | None:
        try:
            return int(self.bucket.ask("head_object", Key=key)["ContentLength"])
        except FileNotFoundError:
            return None

    def _delete_object(self, key: str) -> None:
        try:
            self.bucket.ask("delete_object", Key=key)
        except FileNotFoundError:
            return  # some stores say so

    def _unfinished(self, key: str) -> list[tuple[Unfinished, list[KeptPart]]]:
        return [(one, multipart.parts_of(self.bucket, one)) for one in multipart.unfinished_of(self.bucket, key)]

    def _remember(self, key: str, parts: Sequence[KeptPart]) -> None:
        """Take note that a writer has let go, and of the parts it left."""
        with self._let_go:
            self._writing.discard(key)
            self._let_go.notify_all()
            if parts:
                self._sent[key] = parts
            while len(self._sent) > REMEMBERED:
                self._sent.popitem(last=False)

    def _known(self, key: str, parts: Sequence[KeptPart]) -> int:
        """Return how many of the first bytes are those that writers of this process sent."""
        with self._let_go:
            sent = self._sent.pop(key, ())
        known = 0
        for mine, kept in zip(sent, parts, strict=False):
            if (mine.size, mine.tag) != (kept.size, kept.tag):
                break
            known += kept.size
        return known


def _first(parts: Sequence[KeptPart], size: int) -> Sequence[KeptPart]:
    """Return the parts that have exactly the first ``size`` bytes; none when there are no such."""
    place = 0
    for count, part in enumerate(parts, 1):
        place += part.size
        if place >= size:
            return parts[:count] if place == size else ()
    return ()
