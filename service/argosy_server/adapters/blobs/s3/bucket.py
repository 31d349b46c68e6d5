"""One bucket of a store that speaks the S3 protocol, and how it is asked: patiently, but not for ever.

Credentials, region and endpoint come from the standard chain alone (environment, profiles, roles). The library is
botocore, whose calls block: each runs in the thread that needs it, so hashing, copying and the network of many
transfers go on side by side, which one event loop for all of them would not allow.
"""

from __future__ import annotations

import logging
import math
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from argosy_server.adapters.blobs.locations import check_location, is_prefix
from argosy_server.adapters.blobs.s3.failures import MISSING_CODES, code_of, is_transient, is_unreachable, refusal
from argosy_server.adapters.blobs.told_url import told_url
from argosy_server.domain.errors import StorageUnavailable

CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
PATIENCE_SECONDS = 12.0
"""How long after its beginning a request is begun again; with one more that is slow, less than clients wait."""
NOBODY_SECONDS = 4.0
"""The same while nothing takes the connection: another server may reach the store, and clients come again anyway."""
JOIN_SECONDS = 45.0
"""The same for putting parts together, to which a store may take long to answer."""
START_SECONDS = 5.0
"""The same when a server starts: whoever mistyped something shall not wait."""
LONGEST_PAUSE = 4.0
TRANSFERS = 16
"""Parts of all uploads that are sent at once."""
PARTS_ON_THE_WAY = 32
"""The same with those that wait for a thread; they are in memory."""
CONNECTIONS = 128
_SCHEMES = frozenset({"s3", "s3a"})
_BUCKET = re.compile(r"(?!(\d+\.){3}\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MARKS = {
    "list_objects_v2": {"NextContinuationToken": "ContinuationToken"},
    "list_multipart_uploads": {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"},
    "list_parts": {"NextPartNumberMarker": "PartNumberMarker"},
}
"""What a page tells of where it ends, and how the next one is asked for."""
_OF_NOTHING = frozenset({"CreateMultipartUpload", "ListMultipartUploads", "ListObjectsV2", "PutObject"})
"""Requests for which nothing has to be there but the bucket."""
T = TypeVar("T")


class Bucket:
    """A bucket and a prefix in it. May be used by any thread, and after a fork."""

    def __init__(self, url: str) -> None:
        """Read a URL; nothing is asked yet.

        Raises:
            ValueError: it is malformed, or has credentials in it, which are not repeated.
        """
        self.name, self.prefix = _parse(url)
        self.url = f"s3://{self.name}/{self.prefix}".rstrip("/")
        self.patience = PATIENCE_SECONDS
        self._lock = threading.Lock()
        self.slots = threading.BoundedSemaphore(PARTS_ON_THE_WAY)
        self._clients: dict[tuple[int, float], Any] = {}
        self._pools: dict[int, ThreadPoolExecutor] = {}
        self._checks_parts: bool | None = None

    def key(self, location: str) -> str:
        """Return the key of the object of a location.

        Raises:
            ValueError: it is none.
        """
        return self.key_of_name(check_location(location))

    def key_of_name(self, name: str) -> str:
        """Return the key of something that is no location."""
        return f"{self.prefix}/{name}" if self.prefix else name

    @property
    def checks_parts(self) -> bool:
        """Whether what is sent needs a checksum of ours: over HTTP the signature covers it anyway."""
        if self._checks_parts is None:
            asked = _session().get_config_variable("request_checksum_calculation")
            is_secure = self._client("put_object").meta.endpoint_url.startswith("https:")
            self._checks_parts = is_secure and asked != "when_required"
        return self._checks_parts

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Threads that send parts."""
        with self._lock:
            pid = os.getpid()
            if pid not in self._pools:
                self._pools[pid] = ThreadPoolExecutor(TRANSFERS, thread_name_prefix="s3")
            return self._pools[pid]

    def ask(self, operation: str, *, patience: float | None = None, **facts: Any) -> dict[str, Any]:
        """Make one request to this bucket, again and again while what it meets may pass.

        Args:
            operation: as botocore names it.
            patience: how many seconds after its beginning it may be begun again.
            facts: its parameters, without the bucket.

        Raises:
            FileNotFoundError: the object, or the unfinished upload, is not there.
            StorageUnavailable, StorageFull: the store refuses, or cannot be reached.
        """
        return self.patiently(lambda: self.once(operation, **facts), patience)

    def once(self, operation: str, **facts: Any) -> dict[str, Any]:
        """Make one request once.

        Raises:
            BotoCoreError, ClientError: from botocore.
        """
        answer: dict[str, Any] = getattr(self._client(operation), operation)(Bucket=self.name, **facts)
        return answer

    def patiently(self, request: Callable[[], T], patience: float | None = None) -> T:
        """Do something that makes requests, again and again while what it meets may pass; raises as :meth:`ask`."""
        pauses = Pauses(self.patience if patience is None else patience)
        while True:
            try:
                return request()
            except (BotoCoreError, ClientError) as error:
                most = NOBODY_SECONDS if is_unreachable(error) else math.inf
                if not (is_transient(error) and pauses.pause(most)):
                    raise self._refusal(error) from error

    def pages(self, operation: str, **facts: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages of a listing, each asked for as :meth:`ask` does."""
        marks: dict[str, Any] = {}
        while True:
            page = self.ask(operation, **facts, **marks)
            yield page
            if not page.get("IsTruncated"):
                return
            marks = {asked: page[told] for told, asked in _MARKS[operation].items() if page.get(told)}

    def is_there(self) -> bool:
        """Tell whether there is such a bucket, by a question whose answer says what else is wrong; raises as `ask`."""

        def once() -> bool:
            try:
                self.once("list_objects_v2", Prefix=self.key_of_name(""), MaxKeys=1)
            except ClientError as error:
                if code_of(error) == "NoSuchBucket":
                    return False
                raise
            return True

        return self.patiently(once)

    def _client(self, operation: str) -> Any:
        read_seconds = JOIN_SECONDS if operation == "complete_multipart_upload" else READ_SECONDS
        with self._lock:
            key = (os.getpid(), read_seconds)
            if key not in self._clients:
                self._clients[key] = _open_client(read_seconds, self.url)
            return self._clients[key]

    def _refusal(self, error: Exception) -> Exception:
        if isinstance(error, ClientError):
            code = code_of(error)
            if code in MISSING_CODES and error.operation_name not in _OF_NOTHING:
                return FileNotFoundError(f"{code} in {self.url}")
        return refusal(error, self.url)


class Pauses:
    """The pauses between attempts: of random length, or all who were refused together would come back together."""

    def __init__(self, patience: float) -> None:
        """Begin.

        Args:
            patience: how many seconds from now, or from the last progress, there may be further attempts.
        """
        self._patience = patience
        self.progressed()

    def progressed(self) -> None:
        """Begin anew."""
        self._since = time.monotonic()
        self._longest = 0.2

    def pause(self, most: float = math.inf) -> bool:
        """Wait, and return whether to try again; ``False`` at once when the patience, or ``most``, would be over."""
        seconds = random.uniform(0, self._longest)  # noqa: S311  # no secret
        self._longest = min(2 * self._longest, LONGEST_PAUSE)
        if time.monotonic() + seconds > self._since + min(self._patience, most):
            return False
        time.sleep(seconds)
        return True


def _session() -> Any:
    """Return a session that reads the settings as they are now, but the descriptions of the services once."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _loader())
    return session


@cache
def _loader() -> Any:
    return botocore.loaders.create_loader()


def _open_client(read_seconds: float, url: str) -> Any:
    """Return a client of botocore; nothing is asked yet.

    Raises:
        StorageUnavailable: the settings contradict each other.
    """
    # What these log at debug are signatures, and all they are made from; at info, where they found the settings.
    for name in ("botocore", "urllib3"):
        quiet = logging.getLogger(name)
        quiet.setLevel(max(quiet.level, logging.WARNING))
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": 1},  # `patiently` knows how long clients wait
        max_pool_connections=CONNECTIONS,
        # What is sent has the checksums of `body`; what is read is compared with those of our own.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        client = _session().create_client("s3", config=config)
    except (BotoCoreError, ValueError) as error:
        text = str(error) if "@" not in str(error) else type(error).__name__
        raise StorageUnavailable(f"blobs in {url} cannot be reached: {text}; correct the AWS settings") from error
    if urlsplit(client.meta.endpoint_url).username is not None:
        raise StorageUnavailable(
            "AWS_ENDPOINT_URL holds credentials, which would be logged; take them out and set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    return client


def _parse(url: str) -> tuple[str, str]:
    """Return bucket and prefix.

    Raises:
        ValueError: the URL is malformed.
    """
    scheme, _, rest = url.partition("://")
    if "@" in rest or ":" in rest:
        # A secret may hold a slash, so it may be anywhere; it is not repeated.
        raise ValueError(
            f"the {scheme} URL of the blobs holds credentials or a port; write s3://BUCKET/PREFIX, and set "
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL or a profile instead"
        )
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    is_url = scheme in _SCHEMES and not any(sign in rest for sign in "?#")
    if not (is_url and _BUCKET.fullmatch(bucket) and is_prefix(prefix)):
        raise ValueError(
            f"{told_url(url)} is no URL of a bucket; write s3://BUCKET or s3://BUCKET/PREFIX; names of buckets are 3 "
            "to 63 small letters, digits, '-' and single '.', begin and end with a letter or digit, and are no IP "
            "address; no part of a prefix is '.' or '..'"
        )
    return bucket, prefix
