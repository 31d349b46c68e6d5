"""One stream to a client that watches. Sending waits for the client, and every thread may end the stream."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc

from argosy_server.api.messages.error_status import ErrorStatus, status_of

_log = logging.getLogger("argosy_server.calls")


class WatchStream:
    """The answering side of a non-blocking call.

    Attributes:
        waiting_since: when the message began to wait for the client that is on its way, by the monotonic clock.
    """

    def __init__(self, method: str, context: grpc.ServicerContext, send: Callable[[Any], None]) -> None:
        """Answer a call.

        Args:
            method: names it in the log.
            context: the call's.
            send: sends a message, and waits until the client takes it; ``None`` ends the call.
        """
        self.waiting_since: float | None = None
        self._method = method
        self._context = context
        self._send = send
        self._ending = threading.Lock()
        self._ended = False
        self._started = time.perf_counter()

    def on_close(self, callback: Callable[[], None]) -> bool:
        """Have ``callback`` called once the call has ended, whoever ended it; ``False`` when it has ended already."""
        return self._context.add_callback(callback)

    def send(self, message: Any) -> bool:
        """Send a message and wait until the client takes it; ``False`` when the call has ended.

        Only one thread at a time may send.
        """
        if self._ended or not self._context.is_active():
            return False
        self.waiting_since = time.monotonic()
        try:
            self._send(message)
        finally:
            self.waiting_since = None
        return self._context.is_active()

    def finish(self, status: ErrorStatus | None = None) -> None:
        """End the call, with OK unless told otherwise; a client that takes nothing hears of it when it does again."""
        with self._ending:
            if self._ended:
                return
            self._ended = True
        if status is not None:
            self._context.set_code(status.code)
            self._context.set_details(status.message)
            self._context.set_trailing_metadata(status.trailing_metadata)
        self._log(status)
        self._send(None)

    def fail(self, error: BaseException) -> None:
        """End the call with the status of what was raised."""
        status = status_of(error, f"its log has the details at the end of {self._method}")
        if status.code is grpc.StatusCode.INTERNAL:
            _log.error("a watch failed", exc_info=error, extra={"method": self._method})
        self.finish(status)

    def cut(self) -> None:
        """Break the call off, so that nobody waits for the client any longer."""
        self._context.cancel()

    def _log(self, status: ErrorStatus | None) -> None:
        level = logging.DEBUG if status is None else logging.INFO
        if _log.isEnabledFor(level):
            milliseconds = round((time.perf_counter() - self._started) * 1000, 2)
            facts = {"method": self._method, "code": "OK" if status is None else status.code.name, "ms": milliseconds}
            _log.log(level, "call", extra=facts if status is None else {**facts, "reason": status.reason})
