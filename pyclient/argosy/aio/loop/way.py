"""What every part of the asyncio ``Client`` stands on: settings, and the way from its event loop to the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any, TypeVar, cast

import grpc

from argosy.aio.loop.endpoint import Endpoint, enter, leave
from argosy.aio.loop.operation import Operation
from argosy.aio.loop.questions import AskingCalls, Opening, Question, answered, asking
from argosy.aio.loop.thread_channel import ThreadChannel
from argosy.config import ClientConfig
from argosy.errors import EventLoopError
from argosy.transport.connection import Connection, address_of, calls_for, connect, connection_over

R = TypeVar("R")
_TAKEN_AT_ONCE = 50


class Way:
    """The way of one client to one project of a store, for one event loop: the first that uses it.

    Attributes:
        config: the settings.
    """

    def __init__(self, config: ClientConfig) -> None:
        """Connect nothing yet."""
        self.config = config
        self._loop: asyncio.AbstractEventLoop | None = None
        self._endpoint: Endpoint | None = None
        self._asking: tuple[AskingCalls, Connection] | None = None
        self._closed = False

    async def open(self) -> Endpoint:
        """Return the endpoint, connecting at first.

        Raises:
            EventLoopError: it belongs to another event loop, was closed, or cannot be: see ``transport.forks``.
            UnavailableError: the store cannot be reached.
        """
        self._check_loop()
        if self._endpoint is None:
            self._check_open()
            endpoint = await enter(self.config)
            if self._closed or self._endpoint is not None:
                await leave(self.config)  # a client counts once
            else:
                self._endpoint = endpoint
        self._check_open()
        assert self._endpoint is not None
        return self._endpoint

    async def close(self) -> None:
        """Leave the endpoint; what is under way on it ends when nobody else uses it. Closing twice is fine."""
        self._check_loop()
        self._closed = True
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            await leave(self.config)

    async def ask(self, code: Callable[[Connection], R]) -> R:
        """Run code that makes a few simple calls, and has to do the same each time it is run; no thread waits.

        Raises:
            ArgosyError: what the code raises.
        """
        endpoint = await self.open()
        if endpoint.channel is None:
            return await self.in_thread(lambda connection, _: code(connection))
        calls, connection = self._asking_over(endpoint.channel, endpoint)
        return await answered(calls, partial(code, connection), partial(self._answer, calls, endpoint))

    async def opening(self, code: Callable[[Connection], object]) -> Opening:
        """Return which stream code would start; only where the store is a server.

        Raises:
            ArgosyError: what the code raises.
        """
        endpoint = await self.open()
        assert endpoint.channel is not None
        calls, connection = self._asking_over(endpoint.channel, endpoint)
        return calls.opening(partial(code, connection))

    async def in_thread(self, work: Callable[[Connection, Operation], R], *, is_transfer: bool = False) -> R:
        """Run work in a thread, which sees a connection like any other; when this task is cancelled, the work ends.

        Raises:
            ArgosyError: what the work raises.
        """
        endpoint = await self.open()

        def do(operation: Operation) -> R:
            return work(self._connection(endpoint, operation), operation)

        return await endpoint.in_thread(do, is_transfer=is_transfer)

    async def iterate(self, make: Callable[[Connection], Iterator[R]]) -> AsyncGenerator[R, None]:
        """Yield what an iterator yields, taken from it in threads, a few at a time.

        Raises:
            ArgosyError: what making or reading it raises.
        """
        endpoint = await self.open()
        operation = Operation(asyncio.get_running_loop())
        iterator = await endpoint.in_thread(lambda _: make(self._connection(endpoint, operation)), operation=operation)
        while True:
            taken = await endpoint.in_thread(lambda _: list(islice(iterator, _TAKEN_AT_ONCE)), operation=operation)
            for item in taken:
                yield item
            if len(taken) < _TAKEN_AT_ONCE:
                return

    def _connection(self, endpoint: Endpoint, operation: Operation) -> Connection:
        if endpoint.channel is None:
            return connect(self.config)
        channel = ThreadChannel(endpoint.channel, operation)
        more = partial(endpoint.more_channels, operation=operation)
        signed = endpoint.signed if self.config.signed_transfers == "auto" else None
        return connection_over(channel, endpoint.capabilities, self.config, endpoint.direct, more, signed=signed)

    def _asking_over(self, channel: grpc.aio.Channel, endpoint: Endpoint) -> tuple[AskingCalls, Connection]:
        if self._asking is None:
            calls = asking(calls_for(self.config))
            # The typed clients only take the methods of a channel, which both kinds have alike.
            way = cast("grpc.Channel", channel)
            self._asking = calls, connection_over(way, endpoint.capabilities, self.config, None, _none, calls)
        return self._asking

    async def _answer(self, calls: AskingCalls, endpoint: Endpoint, question: Question) -> Any:
        endpoint.check_open()
        try:
            return await calls.call(question)
        except asyncio.CancelledError:
            endpoint.check_open()  # closing the channel cancels its calls, too
            raise

    def _check_open(self) -> None:
        if self._closed:
            raise EventLoopError(f"the asyncio client of {address_of(self.config)} was closed; make a new one")

    def _check_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            raise EventLoopError(
                f"this asyncio client of {address_of(self.config)} belongs to another event loop, where it was used "
                "first; make one in each event loop"
            )


def _none(_: ClientConfig) -> list[grpc.Channel]:
    return []
