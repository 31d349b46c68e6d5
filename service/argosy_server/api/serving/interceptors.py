"""What surrounds every call of our own services on a server: request id, log, draining, errors as statuses.

Health checks and reflection pass untouched. Handlers keep their serializers and attributes.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc

from argosy_server.api.messages.chunk_codec import decode_write_upload, encode_read_blob
from argosy_server.api.messages.error_status import ErrorStatus, draining_status, status_of
from argosy_server.api.serving.call_tracker import CallTracker
from argosy_server.api.serving.idle_watchdog import IdleWatchdog
from argosy_server.api.serving.request_id import REQUEST_ID
from argosy_server.api.watching.messages import encode_response
from argosy_server.domain.errors import DomainError
from argosy_server.domain.identifiers import is_id

OUR_METHODS = "/argosy."
CODECS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "/argosy.v1.BlobService/WriteUpload": {"request_deserializer": decode_write_upload},
    "/argosy.v1.BlobService/ReadBlob": {"response_serializer": encode_read_blob},
    "/argosy.v1.ArtifactService/WatchArtifacts": {"response_serializer": encode_response},
}
_log = logging.getLogger("argosy_server.calls")
Behavior = Callable[..., Any]


class _WireStatus(grpc.Status):
    """What ``abort_with_status`` takes."""

    def __init__(self, status: ErrorStatus) -> None:
        self.code = status.code
        self.details = status.message
        self.trailing_metadata = status.trailing_metadata


class CallInterceptor(grpc.ServerInterceptor):
    """Wraps each handler of our services, once."""

    def __init__(self, tracker: CallTracker, pools: dict[str, ThreadPoolExecutor], watchdog: IdleWatchdog) -> None:
        """Take what counts the calls, and the thread pools of handlers that must not use the common one.

        Args:
            tracker: counts calls and knows whether the server drains.
            pools: kind of handler (``stream_unary``, ``unary_stream``), or method, to its own pool.
            watchdog: cuts streams whose client stands still.
        """
        self._tracker = tracker
        self._pools = pools
        self._watchdog = watchdog
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the wrapped handler of a method, ``None`` when there is no such method."""
        method = handler_call_details.method
        if not method.startswith(OUR_METHODS):
            return continuation(handler_call_details)
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._wrapped.setdefault(method, self._wrap(method, handler))
        return wrapped

    def _wrap(self, method: str, handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
        kind = _kind(handler)
        behavior: Behavior = getattr(handler, kind)
        if getattr(behavior, "experimental_non_blocking", False):
            return _replaced(method, handler, kind, self._begun(method, behavior))
        if handler.request_streaming:
            behavior = self._watched(behavior)
        guarded = (self._streamed if handler.response_streaming else self._answered)(method, behavior)
        pool = self._pools.get(method) or self._pools.get(kind)
        if pool is not None:
            guarded.experimental_thread_pool = pool  # type: ignore[attr-defined]  # how gRPC is told
        return _replaced(method, handler, kind, guarded)

    def _begun(self, method: str, behavior: Behavior) -> Behavior:
        """Guard the begin of a call that goes on without a thread; its end is no concern of ours."""

        @functools.wraps(behavior)
        def begin(request: Any, context: grpc.ServicerContext, send: Callable[[Any], None]) -> None:
            call = _Call(method, request, context, self._tracker)
            try:
                behavior(request, context, send)
            except BaseException as error:
                call.refuse(error)
            finally:
                call.end()

        return begin

    def _watched(self, behavior: Behavior) -> Behavior:
        def messages(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            while True:
                with self._watchdog.waiting(context):
                    message = next(requests, None)
                if message is None:
                    return
                yield message

        @functools.wraps(behavior)
        def answer(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            return behavior(messages(requests, context), context)

        return answer

    def _answered(self, method: str, behavior: Behavior) -> Behavior:
        @functools.wraps(behavior)
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            call = _Call(method, request, context, self._tracker)
            try:
                response = behavior(request, context)
            except BaseException as error:
                call.refuse(error)
            else:
                call.log("OK", logging.DEBUG)
                return response
            finally:
                call.end()

        return answer

    def _streamed(self, method: str, behavior: Behavior) -> Behavior:
        @functools.wraps(behavior)
        def stream(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            call = _Call(method, request, context, self._tracker)
            try:
                with contextlib.closing(behavior(request, context)) as responses:
                    for response in responses:
                        with self._watchdog.waiting(context):
                            yield response
            except GeneratorExit:
                call.log("CANCELLED", logging.INFO)
                raise
            except BaseException as error:
                call.refuse(error)
            else:
                call.log("OK", logging.DEBUG)
            finally:
                call.end()

        return stream


class _Call:
    """One call from its begin to its end."""

    def __init__(self, method: str, request: Any, context: grpc.ServicerContext, tracker: CallTracker) -> None:
        """Count the call in, or turn it away."""
        self._method = method
        self._context = context
        self._tracker = tracker
        self._started = time.perf_counter()
        self._request_id = _request_id(request)
        if not tracker.enter():
            context.abort_with_status(_WireStatus(draining_status()))
        REQUEST_ID.set(self._request_id)

    def end(self) -> None:
        """Count the call out."""
        # Not ``reset``: a stream the client left may be closed from another thread.
        REQUEST_ID.set("")
        self._tracker.leave()

    def refuse(self, error: BaseException) -> NoReturn:
        """Answer with the status of what was raised."""
        if isinstance(error, grpc.RpcError) or not self._context.is_active():
            # The client went away: its stream broke, or it cancelled.
            self.log("CANCELLED", logging.INFO)
            self._context.abort(grpc.StatusCode.CANCELLED, "the client went away")
        status = status_of(error, f"its log has the details under request id {self._request_id}")
        if not isinstance(error, DomainError) and status.code is grpc.StatusCode.INTERNAL:
            self.log(status.code.name, logging.ERROR, error)
        elif status.code is grpc.StatusCode.DATA_LOSS:
            self.log(status.code.name, logging.CRITICAL, reason=status.reason, detail=status.message)
        else:
            self.log(status.code.name, logging.INFO, reason=status.reason, detail=status.message)
        self._context.abort_with_status(_WireStatus(status))

    def log(self, code: str, level: int, error: BaseException | None = None, **more: str) -> None:
        """Write the line of this call."""
        if _log.isEnabledFor(level):
            milliseconds = round((time.perf_counter() - self._started) * 1000, 2)
            facts = {"method": self._method, "code": code, "ms": milliseconds, **more}
            _log.log(level, "call", exc_info=error, extra=facts)


def _request_id(request: Any) -> str:
    """Return the id the caller gave its intention, else a new one; streams do not show theirs before they begin."""
    given = getattr(request, "request_id", "")
    return given if is_id(given) else os.urandom(8).hex()


def _replaced(
    method: str, handler: grpc.RpcMethodHandler[Any, Any], kind: str, guarded: Behavior
) -> grpc.RpcMethodHandler[Any, Any]:
    # grpc's own handlers are named tuples.
    replaced: grpc.RpcMethodHandler[Any, Any] = handler._replace(  # type: ignore[attr-defined]
        **{kind: guarded}, **CODECS.get(method, {})
    )
    return replaced


def _kind(handler: grpc.RpcMethodHandler[Any, Any]) -> str:
    request = "stream" if handler.request_streaming else "unary"
    return f"{request}_{'stream' if handler.response_streaming else 'unary'}"
