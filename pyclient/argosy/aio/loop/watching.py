"""Watches for event loops that go on, whatever happens to their connection: nothing is missed, nothing comes twice.

On a server a watch is a stream of ``grpc.aio`` and takes no thread. In the embedded store it is a thread that waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc

from argosy.aio.loop.questions import Opening
from argosy.errors import ArgosyError, EventLoopError, UnavailableError
from argosy.transport.rpc.error_mapping import to_exception
from argosy.transport.rpc.retry import FEW_ATTEMPTS, Backoff
from argosy.transport.watching import FOREVER, Watching, answer_seconds, goes_on, unanswered

if TYPE_CHECKING:
    from argosy.aio.loop.way import Way
    from argosy.transport.connection import Connection
    from argosy.transport.rpc.calls import ReceivingStream

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
        self._unread: list[M] = []

    async def begin(self) -> M | None:
        """Return the first message, with which the store answers; ``None`` when it was closed.

        Raises:
            DeadlineError: it does not answer in time.
            ArgosyError: the watch cannot begin.
        """
        await self._way.open()  # a server that is not there is told at once
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
        if timeout is None:
            return await self._read_in_turn()
        # Not ``wait_for``: before Python 3.12 it swallows a cancellation that comes together with a message.
        reading = asyncio.create_task(self._read_in_turn())
        try:
            await asyncio.wait([reading], timeout=timeout)
            reading.cancel()
            await asyncio.wait([reading])
        except asyncio.CancelledError:
            if not reading.cancel():
                self._put_back(reading)
            raise
        return None if reading.cancelled() else reading.result()

    def close(self) -> None:
        """End the watch; a task that waits for a message gets ``None``. Closing twice is fine."""
        self.is_closed = True
        self._closing.set()
        self._drop()

    async def _read_in_turn(self) -> M | None:
        async with self._turn:
            return self._unread.pop() if self._unread else await self._read()

    def _put_back(self, reading: asyncio.Task[M | None]) -> None:
        """Keep for the next task what was read at the moment at which this one was cancelled."""
        if not reading.cancelled() and reading.exception() is None and (message := reading.result()) is not None:
            self._unread.append(message)

    async def _read(self) -> M | None:
        while not self.is_closed:
            try:
                message = await self._next()
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
        message = await self._source.read()
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
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait([closing], timeout=seconds)
        finally:
            closing.cancel()

    def _drop(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            self._abandon.detach()
            source.close()


class _Stream(Generic[M]):
    """A stream of a server. A read goes on when the task that waits for it is cancelled, and is for the next one."""

    def __init__(self, opening: Opening, check_open: Callable[[], None]) -> None:
        self._calls = opening.calls
        self._check_open = check_open
        self._call: Any = opening.method(opening.request)
        self._pending: asyncio.Task[Any] | None = None
        self._pending_since = 0.0
        self._is_closed = False

    async def read(self) -> M | None:
        """Return the next message, ``None`` at the end."""
        if self._pending is None:
            self._pending, self._pending_since = asyncio.create_task(self._call.read()), time.monotonic()
            self._pending.add_done_callback(_forget)
        pending = self._pending
        await asyncio.wait([pending], timeout=self._seconds_left())
        if not pending.done():
            raise self._calls.stalled()
        self._pending = None
        if pending.cancelled():
            if self._is_closed:
                return None
            self._check_open()  # closing the channel cancels its calls, too
            raise UnavailableError(f"a stream of {self._calls.address} was cancelled")
        try:
            message = pending.result()
        except grpc.RpcError as error:
            raise to_exception(error, self._calls.address) from None
        return None if message is grpc.aio.EOF else message

    def close(self) -> None:
        """End the call; who waits for a message gets ``None``."""
        self._is_closed = True
        self._call.cancel()

    def _seconds_left(self) -> float | None:
        idle = self._calls.idle_timeout
        return None if idle is None else max(0.0, self._pending_since + idle - time.monotonic())


class _WaitingThread(Generic[M]):
    """A thread that waits for a watch of the embedded store, one message at a time and only when one is wanted."""

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


def _forget(reading: asyncio.Task[Any]) -> None:
    """Take note of the end of a read that nobody may wait for any more."""
    if not reading.cancelled():
        reading.exception()


def _soon(loop: asyncio.AbstractEventLoop, close: Callable[[], None]) -> None:
    """Close on the event loop: memory may be collected in any thread, whatever that is doing."""
    with contextlib.suppress(RuntimeError):  # the loop is closed, and has closed everything before
        loop.call_soon_threadsafe(close)
