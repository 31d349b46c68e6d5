"""Streams whose other side is alive but does nothing would hold their threads for ever; here they are cut."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

_log = logging.getLogger(__name__)


class IdleWatchdog:
    """Cancels streams that wait too long for their client: for its next message, or for it to take one.

    Keepalive notices peers that are gone, not those that stand still; a deadline would cut slow but steady transfers.
    """

    def __init__(self, patience: float) -> None:
        """Wait until :meth:`start`.

        Args:
            patience: seconds a stream may wait; it is cut within a quarter more.
        """
        self._patience = patience
        self._since: dict[grpc.ServicerContext, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching. May be called without :meth:`start`."""
        self._stopped.set()

    @contextmanager
    def waiting(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Let the block be cut when it takes too long; it does nothing but wait for the client of this call."""
        self._since[context] = time.monotonic()
        try:
            yield
        finally:
            del self._since[context]

    def _run(self) -> None:
        while not self._stopped.wait(self._patience / 4):
            oldest = time.monotonic() - self._patience
            for context, since in list(self._since.items()):
                if since < oldest:
                    _log.warning("a stream made no progress for %g seconds and is cut", self._patience)
                    context.cancel()
