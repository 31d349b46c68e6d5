"""A TCP proxy that counts, and can hold its breath; the bytes stay in the kernel, so it costs little."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

PIECE = 256 << 10
F_SETPIPE_SZ = 1031


class CountingProxy:
    """Passes connections on to a server; counts what goes up, from clients to the server.

    Attributes:
        up: bytes passed to the server so far.
        reached: set when as many went up as :meth:`hold_at` said.
    """

    def __init__(self, upstream: str) -> None:
        """Listen, and pass on to ``grpc://host:port``."""
        self.up = 0
        self.reached = threading.Event()
        self._upstream = upstream
        self._hold_at: int | None = None
        self._released = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"grpc://127.0.0.1:{self._listener.getsockname()[1]}"

    def hold_at(self, size: int) -> None:
        """Pass on this many bytes more, then nothing until :meth:`release`."""
        self._hold_at = self.up + size

    def release(self, upstream: str) -> None:
        """Go on; new connections lead to ``upstream``."""
        self._upstream = upstream
        self._released.set()

    def close(self) -> None:
        """Take no more connections; those that are open end with their clients."""
        self._released.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        address = urlsplit(self._upstream)
        with client:
            try:
                server = socket.create_connection((address.hostname or "", address.port or 0))
            except OSError:  # the server is away: the client sees its connection end
                return
            with server:
                down = threading.Thread(target=_pump, args=(server, client, lambda _: None), daemon=True)
                down.start()
                _pump(client, server, self._count)
                down.join()

    def _count(self, moved: int) -> None:
        self.up += moved
        if self._hold_at is not None and self.up >= self._hold_at:
            self._hold_at = None
            self.reached.set()
            self._released.wait()


def _pump(source: socket.socket, target: socket.socket, count: Callable[[int], None]) -> None:
    """Move bytes until one of both ends, then end both."""
    with _pipe() as (out, into), contextlib.suppress(OSError):
        while moved := os.splice(source.fileno(), into, PIECE):
            left = moved
            while left:
                left -= os.splice(out, target.fileno(), left)
            count(moved)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    out, into = os.pipe()
    fcntl.fcntl(into, F_SETPIPE_SZ, PIECE)
    try:
        yield out, into
    finally:
        os.close(out)
        os.close(into)


@contextlib.contextmanager
def counting(upstream: str) -> Iterator[CountingProxy]:
    """Run a proxy for the time of a ``with`` block."""
    proxy = CountingProxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()
