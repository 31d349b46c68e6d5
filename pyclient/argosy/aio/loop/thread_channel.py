"""A channel of the event loop, as threads see it: the transfer engine takes it for any other channel.

So there is one engine, with its resuming, verifying and retrying; all that differs is where its bytes come and go.
Requests are written one by one, never given to gRPC as an iterator: one that raises would look like a clean end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import grpc

from argosy.aio.loop.broken_stream import as_broken
from argosy.aio.loop.operation import Operation
from argosy.transport.channels.replicas import on_one_replica

_CLEANS_UP = "/AbortUpload"
"""The one call that is also made for work which is not wanted any more."""


class ThreadChannel(grpc.Channel):
    """Makes the calls of one operation on the event loop of ``channel``, for the threads that work for it."""

    def __init__(self, channel: grpc.aio.Channel, operation: Operation) -> None:
        """Use ``channel``, which stays somebody else's to close."""
        self._channel = channel
        self._operation = operation

    def on_one_replica(self) -> ThreadChannel:
        """Return a channel that stays with one of several servers; itself where there is but one."""
        channel = on_one_replica(self._channel)
        return self if channel is self._channel else ThreadChannel(channel, self._operation)

    def unary_unary(self, method: str, *codecs: Any, **options: Any) -> Any:
        """Return what calls a method with one request and one response."""
        call = self._channel.unary_unary(method, *codecs, **options)
        return _UnaryUnary(call, self._operation, also_ended=method.endswith(_CLEANS_UP))

    def unary_stream(self, method: str, *codecs: Any, **options: Any) -> Any:
        """Return what calls a method with one request and a stream of responses."""
        call = self._channel.unary_stream(method, *codecs, **options)
        return lambda request: _IncomingStream(call, request, self._operation)

    def stream_unary(self, method: str, *codecs: Any, **options: Any) -> Any:
        """Return what calls a method with a stream of requests and one response."""
        return _StreamUnary(self._channel.stream_unary(method, *codecs, **options), self._operation)

    def stream_stream(self, method: str, *_: Any, **__: Any) -> NoReturn:
        """Refuse: no method of the contract has streams in both directions."""
        raise NotImplementedError(f"{method}: streams in both directions are not supported")

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> NoReturn:
        """Refuse: nobody asks."""
        raise NotImplementedError("a channel of an event loop tells its state there")

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> NoReturn:
        """Refuse: nobody asks."""
        raise NotImplementedError("a channel of an event loop tells its state there")

    def close(self) -> None:
        """Do nothing: the channel is closed on its event loop."""

    def __enter__(self) -> ThreadChannel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _UnaryUnary:
    def __init__(self, call: Any, operation: Operation, *, also_ended: bool) -> None:
        self._call = call
        self._operation = operation
        self._also_ended = also_ended

    def __call__(self, request: Any, timeout: float | None = None, *, wait_for_ready: bool = False) -> Any:
        async def make() -> Any:
            return await self._call(request, timeout=timeout, wait_for_ready=wait_for_ready)

        return self._operation.on_loop(make, also_ended=self._also_ended)


class _CancellableCall:
    """A call that any thread may cancel, as the watchdog does; whoever waits for it gets a status then."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._call: Any = None
        self._cancelled = False

    def cancel(self) -> bool:
        """End the call; what is asked for afterwards is CANCELLED."""
        self._cancelled = True
        if self._call is not None:
            self._operation.soon_on_loop(self._call.cancel)
        return True

    async def _or_cancelled(self, waiting: Any) -> Any:
        """Wait, and tell the end of the call from the end of the task that waits for it."""
        try:
            return await waiting
        except asyncio.CancelledError:
            if self._cancelled and not self._operation.ended:
                raise _cancelled_error() from None
            raise


class _IncomingStream(_CancellableCall):
    def __init__(self, call: Any, request: Any, operation: Operation) -> None:
        super().__init__(operation)

        async def start() -> Any:
            return call(request)

        self._call = operation.on_loop(start)

    def __iter__(self) -> _IncomingStream:
        return self

    def __next__(self) -> Any:
        message = self._operation.on_loop(self._read)
        if message is grpc.aio.EOF:
            raise StopIteration
        return message

    async def _read(self) -> Any:
        return await self._or_cancelled(self._call.read())


class _StreamUnary:
    def __init__(self, call: Any, operation: Operation) -> None:
        self._call = call
        self._operation = operation

    def future(self, requests: Iterable[Any]) -> _OutgoingCall:
        """Return the call, which begins when its result is asked for."""
        return _OutgoingCall(self._call, requests, self._operation)


class _OutgoingCall(_CancellableCall):
    def __init__(self, call: Any, requests: Iterable[Any], operation: Operation) -> None:
        super().__init__(operation)
        self._start_call = call
        self._requests = requests

    def result(self) -> Any:
        """Send the requests and return the response.

        Raises:
            RpcError: how the call ended, unless it ended well.
        """
        self._operation.on_loop(self._start)
        for message in self._requests:
            if self._cancelled or not self._operation.on_loop(lambda: self._write(message)):  # noqa: B023 - at once
                break
        return self._operation.on_loop(self._finish)

    async def _start(self) -> None:
        self._call = self._start_call()

    async def _write(self, message: Any) -> bool:
        """Hand a message over; return whether the call goes on."""
        try:
            await self._or_cancelled(self._call.write(message))
        except (grpc.RpcError, asyncio.InvalidStateError):
            return False  # its status tells why
        return True

    async def _finish(self) -> Any:
        if self._cancelled:
            self._call.cancel()
            raise _cancelled_error()
        try:
            await self._or_cancelled(self._call.done_writing())
        except grpc.RpcError:
            if self._cancelled:
                raise
        try:
            return await self._or_cancelled(self._call)
        except grpc.RpcError as error:
            raise as_broken(error) from None


def _cancelled_error() -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.CANCELLED, nothing, nothing, "cancelled on this side")
