"""The object store behind a server, for clients that move large files to and from it themselves.

It may be out of their reach, or refuse what the server signed. Then everything goes through the server again, and for
some minutes nobody tries.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from argosy.config import ClientConfig
from argosy.transport.bypass.store_error import StoreError
from argosy.transport.content_hash import PIECE_BYTES
from argosy.v1.blob_service_pb2 import GetCapabilitiesResponse
from argosy.v1.transfer_grants_pb2 import SignedPut

if TYPE_CHECKING:
    from argosy.transport.bypass.signed_http import StoreHttp, StoreRange

PAUSE_SECONDS = 300.0
"""How long nobody tries a store that could not be reached."""
GREETING_SECONDS = 5.0
"""How long a store may take for its first word, before anything is sent to it."""
_VERIFIED_A_SECOND = 16 << 20
"""Bytes a server reads back at least before it publishes them."""
_log = logging.getLogger("argosy.transport")


class SignedStore:
    """What is known of the object store of one connection. Shared by threads.

    Attributes:
        min_bytes: files below it go through the server.
    """

    def __init__(self, capabilities: GetCapabilitiesResponse, config: ClientConfig) -> None:
        """Contact nothing yet."""
        offered = capabilities.signed_transfers
        self.min_bytes = offered.min_bytes
        self._part_bytes = max(offered.part_bytes // PIECE_BYTES, 2) * PIECE_BYTES
        self._max_parts = max(offered.max_parts, 1)
        self._config = config
        self._http: StoreHttp | None = None
        self._lock = threading.Lock()
        self._greeting = threading.Lock()
        self._paused_until = 0.0
        self._reached = False

    @classmethod
    def of(cls, capabilities: GetCapabilitiesResponse, config: ClientConfig) -> SignedStore | None:
        """Return the store a server offers, ``None`` when there is none or it is not wanted."""
        if config.signed_transfers == "off" or not capabilities.HasField("signed_transfers"):
            return None
        return cls(capabilities, config)

    def takes(self, size_bytes: int) -> bool:
        """Tell whether a file of this size should pass the server by just now."""
        return size_bytes >= self.min_bytes and time.monotonic() >= self._paused_until

    def part_bytes(self, size_bytes: int) -> int:
        """Return the size of all parts but the last of a file."""
        smallest = -(-size_bytes // self._max_parts)
        return self._part_bytes * max(-(-smallest // self._part_bytes), 1)

    def commit_seconds(self, size_bytes: int) -> float:
        """Return how long the commit of a file may take, which the server reads back meanwhile."""
        return self._config.unary_deadline + size_bytes / _VERIFIED_A_SECOND

    def put(self, how: SignedPut, chunks: Iterable[bytes | memoryview]) -> None:
        """Send a part.

        Raises:
            StoreError: the store cannot be reached, or did not take it.
            Exception: what ``chunks`` raises, unchanged.
        """
        self._check_secrecy(how.url)
        self._greet(how.url)
        self._connections().put(how.url, how.headers, chunks)
        self._reached = True

    def get(self, url: str, start: int, stop: int) -> StoreRange:
        """Ask for a range of an object.

        Raises:
            StoreError: the store cannot be reached, or does not give it.
        """
        self._check_secrecy(url)
        self._greet(url)
        answer = self._connections().get(url, start, stop)
        self._reached = True
        return answer

    def worth_another_try(self, error: StoreError) -> bool:
        """Tell whether the request that failed may go well a moment later.

        A store that was never reached is not waited for, nor is one that was waited for in vain.
        """
        return error.may_pass and not error.was_silent and (self._reached or error.was_there)

    def pause(self, error: Exception) -> None:
        """Let everything go through the server for a while, because of this."""
        self._reached = False
        if time.monotonic() < self._paused_until:  # by another part of the same file
            return
        _log.info("large files go through the server for %g s: %s", PAUSE_SECONDS, error)
        self._paused_until = time.monotonic() + PAUSE_SECONDS

    def _check_secrecy(self, url: str) -> None:
        """Refuse to move in the open what the connection to the server would encrypt."""
        if self._config.server.startswith("grpcs:") and not url.startswith("https:"):
            raise StoreError("the object store is not reached by HTTPS, as the server is by TLS", was_there=False)

    def _greet(self, url: str) -> None:
        """See whether the store says anything, unless it has: a silent one would cost as long as a transfer may stand.

        Raises:
            StoreError: it cannot be reached, or is silent; for a while everything goes through the server.
        """
        with self._greeting:
            if self._reached:
                return
            if time.monotonic() < self._paused_until:  # another part waited for it
                raise StoreError("the object store could not be reached a moment ago", was_there=False)
            seconds = min(GREETING_SECONDS, self._config.idle_timeout)
            try:
                self._connections().greet(url, seconds)
            except StoreError as error:
                if error.was_there and not error.was_silent:
                    return  # the connection broke: what is to be sent is tried again when it does so, too
                self.pause(error)
                raise
            self._reached = True

    def _connections(self) -> StoreHttp:
        with self._lock:
            if self._http is None:
                # Slow to import, and most programs never need it.
                from argosy.transport.bypass.signed_http import StoreHttp

                self._http = StoreHttp(self._config.connect_timeout, self._config.idle_timeout)
            return self._http
