"""HTTP with an object store by signed URLs, none of which is ever logged or part of an error.

urllib3 logs what it requests, and names it in its exceptions. So it is told another target, ``/``; the connection alone
learns the real one, when it sends the request.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from argosy.transport.bypass.store_error import StoreError

_TARGET = "argosy-target"
"""Not sent: where the connection finds the target of a request."""
_CONNECTIONS = 64
_CHUNK_BYTES = 1 << 20
_SILENT = (TimeoutError, ReadTimeoutError)
_NOT_THERE = (ConnectTimeoutError, NewConnectionError, ProxyError, SSLError)


class StoreHttp:
    """Connections to object stores, kept for the next request. Used by any thread.

    Certificates are those the system trusts (``SSL_CERT_FILE``), proxies those of the environment (``HTTPS_PROXY``).
    """

    def __init__(self, connect_seconds: float, idle_seconds: float) -> None:
        """Open nothing yet.

        Args:
            connect_seconds: how long connecting may take.
            idle_seconds: how long a transfer may stand still.
        """
        self._timeout = urllib3.Timeout(connect=connect_seconds, read=idle_seconds)
        self._pools = {
            "http": _pool_class(HTTPConnectionPool, HTTPConnection, idle_seconds),
            "https": _pool_class(HTTPSConnectionPool, HTTPSConnection, idle_seconds),
        }
        self._managers: dict[str, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def greet(self, url: str, seconds: float) -> None:
        """Ask the store for a word, whichever: who refuses is there. Nothing of a URL but its host is sent.

        Raises:
            StoreError: it cannot be reached, or says nothing for so many seconds.
        """
        timeout = urllib3.Timeout(connect=seconds, read=seconds)
        # Not kept: stores differ in what they send after an answer to this.
        self._request("HEAD", url, {"Connection": "close"}, timeout=timeout, target="/").close()

    def put(self, url: str, headers: Mapping[str, str], chunks: Iterable[bytes | memoryview]) -> None:
        """Send chunks, as many bytes as the headers say.

        Raises:
            StoreError: the store cannot be reached, or did not take them.
            Exception: what ``chunks`` raises, unchanged.
        """
        body = _Body(chunks)
        try:
            with self._request("PUT", url, headers, body) as answer:
                answer.drain_conn()
        except BaseException:
            if body.error is not None:
                raise body.error from None
            raise
        if answer.status != 200:
            raise _refusal("PUT", url, answer.status)

    def get(self, url: str, start: int, stop: int) -> StoreRange:
        """Ask for the bytes ``start`` to ``stop`` (exclusive) of an object.

        Raises:
            StoreError: the store cannot be reached, or does not give them.
        """
        # An encoding on the way would be undone by nobody.
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        answer = self._request("GET", url, headers)
        if answer.status != 206:
            answer.close()
            raise _refusal("GET", url, answer.status)
        return StoreRange(answer, _place(url))

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any = None,
        *,
        timeout: urllib3.Timeout | None = None,
        target: str = "",
    ) -> urllib3.BaseHTTPResponse:
        parts = urlsplit(url)
        target = target or f"{parts.path}?{parts.query}"
        with _told(_place(url)):
            return self._manager(parts.scheme, parts.hostname or "").request(
                method,
                f"{parts.scheme}://{parts.netloc}/",
                headers={**headers, _TARGET: target},
                body=body,
                timeout=timeout or self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )

    def _manager(self, scheme: str, host: str) -> urllib3.PoolManager:
        proxy = "" if proxy_bypass(host) else getproxies().get(scheme, "")
        with self._lock:
            manager = self._managers.get(proxy)
            if manager is None:
                options: dict[str, Any] = {"maxsize": _CONNECTIONS, "num_pools": 4}
                manager = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
                manager.pool_classes_by_scheme = self._pools
                self._managers[proxy] = manager
        return manager


class StoreRange:
    """The bytes of a range, as they arrive."""

    def __init__(self, answer: urllib3.BaseHTTPResponse, place: str) -> None:
        """Take over an answer whose status was looked at."""
        self._answer = answer
        self._place = place

    def read(self) -> bytes:
        """Return the next bytes, ``b""`` at the end.

        Raises:
            StoreError: the connection broke, or the store sent less than it said.
        """
        with _told(self._place):
            return self._answer.read(_CHUNK_BYTES)

    def close(self) -> None:
        """Give the connection back, or break it when there is more to come; also while another thread reads."""
        if self._answer.closed:
            return
        with contextlib.suppress(ValueError, OSError):  # there is nothing to shut down any more
            self._answer.shutdown()
        self._answer.close()

    def __enter__(self) -> StoreRange:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Body(Iterator["bytes | memoryview"]):
    """Chunks on their way out. What their source raises is kept: urllib3 would take it for an error of the network."""

    def __init__(self, chunks: Iterable[bytes | memoryview]) -> None:
        self.error: BaseException | None = None
        self._chunks = iter(chunks)

    def __next__(self) -> bytes | memoryview:
        try:
            return next(self._chunks)
        except StopIteration:
            raise
        except BaseException as error:
            self.error = error
            raise


def _pool_class(pool: type[HTTPConnectionPool], connection: type[HTTPConnection], idle_seconds: float) -> type[Any]:
    """Return a class of pools whose connections find the target of a request where it was hidden."""

    class Veiled(connection):  # type: ignore[misc,valid-type]  # one for HTTP, one for HTTPS
        def connect(self) -> None:
            super().connect()
            # Otherwise the time to connect is also how long sending may stand still.
            self.sock.settimeout(idle_seconds)

        def request(
            self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None, **options: Any
        ) -> None:
            shown = dict(headers or {})
            super().request(method, url.removesuffix("/") + shown.pop(_TARGET, "/"), body, shown, **options)

    return type("VeiledPool", (pool,), {"ConnectionCls": Veiled})


@contextlib.contextmanager
def _told(place: str) -> Iterator[None]:
    """Raise :class:`StoreError` for whatever urllib3 raises in the block, without what it tells."""
    try:
        yield
    except (HTTPError, OSError) as error:
        reason = type(error.__cause__ or error).__name__
        was_there = not isinstance(error, _NOT_THERE)
        # Sending that stands still is told as a connection that broke, with the reason inside.
        was_silent = was_there and any(isinstance(each, _SILENT) for each in (error, *error.args))
        raise StoreError(
            f"the object store at {place} cannot be reached ({reason})", was_there=was_there, was_silent=was_silent
        ) from None


def _refusal(method: str, url: str, status: int) -> StoreError:
    return StoreError(f"the object store at {_place(url)} answered {method} with {status}", status)


def _place(url: str) -> str:
    """Return of a URL what may be told."""
    return urlsplit(url).netloc.rpartition("@")[2]
