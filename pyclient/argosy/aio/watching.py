"""Watches for event loops that go on, whatever happens to their connection: nothing is missed, nothing comes twice.

On a server a watch is a stream of ``grpc.aio`` and takes no thread. In the embedded store it is a thread that waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc

from argosy.aio.questions import Opening
from argosy.errors import ArgosyError, EventLoopError, UnavailableError
from argosy.transport.error_mapping import to_exception
from argosy.transport.retry import FEW_ATTEMPTS, Backoff
from argosy.transport.watching import FOREVER, Watching, answer_seconds, goes_on, unanswered

if TYPE_CHECKING:
    from argosy.aio.way import Way
    from argosy.transport.calls import ReceivingStream
    from argosy.transport.connection import Connection

M = TypeVar("M")
Start = Callable[["Connection", "M | None"], "ReceivingStream[M]"]


class LoopWatching(Generic[M]):
    """The messages of a watch, one after the other, until it has ended or was closed. Tasks that read take turns.

    Attributes:
        is_closed: whether it was closed, or has ended.
        last: the message read last, ``None`` before the first.
    """

    def __init__(self, way: Way, what: str, start: Start[M], *, ends: bool) -> None:
        """Watch nothing yet.

        Args:
            way: the way to the store.
            what: names the watch in the log.
            start: starts the call that goes on after the message read last. It must not lead back to this watch, which
                then ends its call as soon as nobody has it any more.
            ends: whether the end of the stream is the end of the watch.
        """
        self.is_closed = False
        self.last: M | None = None
        self._way = way
        self._what = what
        self._start = start
        self._ends = ends
        self._source: _Stream[M] | _WaitingThread[M] | None = None
        self._abandon: weakref.finalize[..., LoopWatching[M]]
        self._turn = asyncio.Lock()
        self._closing = asyncio.Event()
        self._backoff = Backoff(what, FEW_ATTEMPTS)

    async def begin(self) -> M | None:
        """Return the first message, with which the store answers; ``None`` when it was closed.

        Raises:
            DeadlineError: it does not answer in time.
            ArgosyError: the watch cannot begin.
        """
        message = await self.read(answer_seconds(self._way.config))
        if message is None and not self.is_closed:
            raise unanswered(self._what, self._way.config)
        return message

    async def read(self, timeout: float | None = None) -> M | None:
        """Return the next message; ``None`` when the watch has ended or was closed, or after ``timeout`` seconds.

        When the task is cancelled nothing is lost: the next read goes on where the last one ended.

        Raises:
            ArgosyError: the watch cannot go on; once it has begun, an unreachable server is no reason.
        """
        try:
            return await asyncio.wait_for(self._read_in_turn(), timeout)
        except asyncio.TimeoutError as error:
            if isinstance(error, ArgosyError):
                raise
            return None

    def close(self) -> None:
        """End the watch; a task that waits for a message gets ``None``. Closing twice is fine."""
        self.is_closed = True
        self._closing.set()
        self._drop()

    async def _read_in_turn(self) -> M | None:
        async with self._turn:
            return await self._read()

    async def _read(self) -> M | None:
        while not self.is_closed:
            try:
                message = await self._next()
            except asyncio.CancelledError:
                if self._closing.is_set():
                    return None
                raise
            except ArgosyError as error:
                self._drop()
                if isinstance(error, EventLoopError) or not goes_on(error):
                    raise
                await self._pause(self._backoff.next_pause(error))
                continue
            if message is None:
                self.close()
                return None
            if self.last is None:
                # Whoever has begun to watch wants to go on when a server comes back, however late.
                self._backoff = Backoff(self._what, FOREVER)
            self._backoff.progressed()
            self.last = message
            return message
        return None

    async def _next(self) -> M | None:
        if self._source is None:
            self._source = await self._opened()
            # The event loop and the thread hold what they wait for, also when nobody else does.
            self._abandon = weakref.finalize(self, _soon, asyncio.get_running_loop(), self._source.close)
            self._abandon.atexit = False
        source = self._source
        try:
            message = await source.read()
        except asyncio.CancelledError:
            if not source.survives_cancelling:
                self._drop()
            raise
        if message is None and not self._ends and not self.is_closed:
            raise UnavailableError(f"{self._what} was ended by the store")
        return message

    async def _opened(self) -> _Stream[M] | _WaitingThread[M]:
        endpoint = await self._way.open()
        start, last = self._start, self.last
        if endpoint.channel is not None:
            return _Stream(await self._way.opening(lambda connection: start(connection, last)), endpoint.check_open)
        connection = await self._way.in_thread(lambda connection, _: connection)

        def go_on(newer: M | None) -> ReceivingStream[M]:
            return start(connection, last if newer is None else newer)

        return _WaitingThread(Watching(self._what, go_on, ends=self._ends), endpoint.closers)

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt, but no longer than the watch is wanted."""
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except asyncio.TimeoutError:
            return

    def _drop(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            self._abandon.detach()
            source.close()


class _Stream(Generic[M]):
    """A stream of a server."""

    survives_cancelling = False

    def __init__(self, opening: Opening, check_open: Callable[[], None]) -> None:
        self._calls = opening.calls
        self._check_open = check_open
        self._call: Any = opening.method(opening.request)

    async def read(self) -> M | None:
        """Return the next message, ``None`` at the end."""
        try:
            message = await asyncio.wait_for(self._call.read(), self._calls.idle_timeout)
        except asyncio.TimeoutError:
            raise self._calls.stalled() from None
        except grpc.RpcError as error:
            raise to_exception(error, self._calls.address) from None
        except asyncio.CancelledError:
            self._check_open()  # closing the channel cancels its calls, too
            raise
        return None if message is grpc.aio.EOF else message

    def close(self) -> None:
        """End the call."""
        self._call.cancel()


class _WaitingThread(Generic[M]):
    """A thread that waits for a watch of the embedded store, one message at a time and only when one is wanted."""

    survives_cancelling = True

    def __init__(self, watching: Watching[M], closers: set[Callable[[], None]]) -> None:
        self._watching = watching
        self._closers = closers
        self._loop = asyncio.get_running_loop()
        self._wanted = threading.Semaphore(0)
        self._pending: asyncio.Future[M | None] | None = None
        closers.add(self.close)
        threading.Thread(target=self._run, name="argosy-aio-watch", daemon=True).start()

    async def read(self) -> M | None:
        """Return the next message, ``None`` at the end."""
        if self._pending is None:
            self._pending = self._loop.create_future()
            self._wanted.release()
        await asyncio.wait([self._pending])
        pending, self._pending = self._pending, None
        return pending.result()

    def close(self) -> None:
        """End the watch and its thread; who waits for a message does not wait for the thread."""
        self._closers.discard(self.close)
        self._watching.close()
        self._wanted.release()
        self._settle(None, None)

    def _run(self) -> None:
        while not self._watching.is_closed:
            self._wanted.acquire()
            try:
                settle = partial(self._settle, self._watching.read(), None)
            except Exception as error:
                settle = partial(self._settle, None, error)
            try:
                self._loop.call_soon_threadsafe(settle)
            except RuntimeError:  # the loop is closed; nobody waits
                return

    def _settle(self, message: M | None, error: Exception | None) -> None:
        if self._pending is None or self._pending.done():
            return
        if error is not None:
            self._pending.set_exception(error)
        else:
            self._pending.set_result(message)


def _soon(loop: asyncio.AbstractEventLoop, close: Callable[[], None]) -> None:
    """Close on the event loop: memory may be collected in any thread, whatever that is doing."""
    with contextlib.suppress(RuntimeError):  # the loop is closed, and has closed everything before
        loop.call_soon_threadsafe(close)
