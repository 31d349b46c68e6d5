"""The way from one event loop to one store: opened by the first that needs it, closed by the last that leaves.

A channel of ``grpc.aio`` belongs to the event loop it was made in. So there is one for each address and loop, shared by
all clients there.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any, TypeVar

import grpc

from argosy.addresses import addresses_of
from argosy.aio.loop.operation import Operation, OperationEndedError
from argosy.aio.loop.per_loop import PerLoop
from argosy.aio.loop.replica_channel import LoopReplicaChannel
from argosy.aio.loop.thread_channel import ThreadChannel
from argosy.config import ClientConfig
from argosy.errors import EventLoopError
from argosy.transport.bypass.direct_files import DirectFiles
from argosy.transport.bypass.signed_store import SignedStore
from argosy.transport.channels.forks import forget_loop_channel
from argosy.transport.channels.open_channel import open_loop_channel
from argosy.transport.connection import EndpointKey, address_of, connect, direct_files, endpoint_key, greet
from argosy.v1.blob_service_pb2 import GetCapabilitiesResponse

T = TypeVar("T")
WORKERS = min(32, (os.cpu_count() or 1) + 4)
"""Threads for what takes moments: turning values into files and small files into values."""
TRANSFERS = 8
"""Threads for large transfers, one each; more of them wait, and keep nobody else waiting."""
_PATIENCE_SECONDS = 0.5
"""How long a cancelled task waits for its thread, which cannot be stopped while it computes."""
_TRANSFER_PATIENCE_SECONDS = 2.5
"""The same for a transfer, which gives its upload up meanwhile."""


class Endpoint:
    """A checked channel with the threads that work for it. Made by :func:`enter`.

    Attributes:
        channel: for calls on the event loop; ``None`` when the store is embedded, which has no use for one.
        capabilities: limits and versions the store announced.
        direct: the files of the store, where this process can reach them.
        signed: the object store behind the server, where large files may go to and come from past it.
        closed: whether it was closed.
        closers: end what has to end before it, called when it is closed.
    """

    def __init__(self, config: ClientConfig) -> None:
        """Open nothing yet."""
        self.channel: grpc.aio.Channel | None = None
        self.capabilities = GetCapabilitiesResponse()
        self.direct: DirectFiles | None = None
        self.signed: SignedStore | None = None
        self.closed = False
        self.closers: set[Callable[[], None]] = set()
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._more: list[grpc.aio.Channel] = []
        self._operations: set[Operation] = set()
        self._submitted: set[Future[Any]] = set()
        self._keeper = self._kept()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="argosy-aio")
        self._transfers = ThreadPoolExecutor(TRANSFERS, thread_name_prefix="argosy-aio-transfer")

    async def open(self) -> None:
        """Make the first contact.

        Raises:
            UnavailableError: the store cannot be reached.
            ConfigurationError: it is none of ours, or of another age.
        """
        await anext(self._keeper)
        config = self._config
        if config.is_embedded:
            self.capabilities = (await self.in_thread(lambda _: connect(config))).capabilities
            return
        if len(addresses_of(config.server)) > 1:
            self.channel = replicas = LoopReplicaChannel.to(config)
            self.capabilities = await replicas.make_contact(config.connect_timeout)
        else:
            self.channel = channel = open_loop_channel(config.server, idle_timeout=config.idle_timeout)
            self.capabilities = await self.in_thread(lambda operation: greet(ThreadChannel(channel, operation), config))
        self.signed = SignedStore.of(self.capabilities, replace(config, signed_transfers="auto"))
        if self.capabilities.HasField("direct_access"):
            self.direct = await self.in_thread(lambda _: direct_files(self.capabilities))

    async def in_thread(
        self, work: Callable[[Operation], T], *, is_transfer: bool = False, operation: Operation | None = None
    ) -> T:
        """Run work in a thread, in the context of this task; when the task is cancelled, what the work does ends.

        Args:
            work: what to do.
            is_transfer: whether it may take long.
            operation: what it is a part of; by default it is an operation of its own.

        Raises:
            EventLoopError: it was closed meanwhile.
            Exception: what the work raised.
        """
        self.check_open()
        operation = operation or Operation(self._loop)
        pool = self._transfers if is_transfer else self._workers
        submitted = pool.submit(contextvars.copy_context().run, work, operation)
        self._submitted.add(submitted)
        submitted.add_done_callback(self._submitted.discard)
        self._operations.add(operation)
        try:
            patience = _TRANSFER_PATIENCE_SECONDS if is_transfer else _PATIENCE_SECONDS
            return await _result_of(submitted, operation, patience)
        except OperationEndedError:
            raise EventLoopError(self._closed_message()) from None
        finally:
            self._operations.discard(operation)

    def more_channels(self, config: ClientConfig, operation: Operation) -> Sequence[grpc.Channel]:
        """Return, to a thread, as many more connections as large files are read over, opening them at first."""
        wanted = config.transfer_streams - 1
        if isinstance(self.channel, LoopReplicaChannel):
            return [ThreadChannel(channel, operation) for channel in self.channel.lanes(wanted)]

        async def found() -> list[grpc.aio.Channel]:
            while len(self._more) < wanted:
                self._more.append(open_loop_channel(config.server, idle_timeout=config.idle_timeout, shared=False))
            return self._more[:wanted]

        return [ThreadChannel(channel, operation) for channel in operation.on_loop(found)]

    def check_open(self) -> None:
        """Refuse what comes after the end.

        Raises:
            EventLoopError: it was closed.
        """
        if self.closed:
            raise EventLoopError(self._closed_message())

    async def close(self) -> None:
        """End what is under way, then everything. Closing twice is fine."""
        await self._keeper.aclose()

    async def _kept(self) -> AsyncGenerator[None, None]:
        """Live until it is closed, or the event loop ends its asynchronous generators: that is what it knows to end."""
        try:
            yield
        finally:
            await self._end()

    async def _end(self) -> None:
        self.closed = True
        for close in list(self.closers):
            close()
        for operation in list(self._operations):
            operation.end()
        for channel in [*([self.channel] if self.channel is not None else []), *self._more]:
            await channel.close()
            forget_loop_channel(channel)
        for pool in (self._workers, self._transfers):
            pool.shutdown(wait=False, cancel_futures=True)
        # Threads end by themselves now, unless a materializer computes, which nothing can stop.
        await self._loop.run_in_executor(None, _join, [self._workers, self._transfers], list(self._submitted))

    def _closed_message(self) -> str:
        return f"the asyncio client of {address_of(self._config)} was closed; make a new one"


async def _result_of(submitted: Future[T], operation: Operation, patience: float) -> T:
    """Wait for a thread; when the wait is cancelled, end what the thread does."""
    waiting = asyncio.wrap_future(submitted)
    try:
        await asyncio.wait([waiting])
    except asyncio.CancelledError:
        operation.end()
        if not submitted.cancel():
            await asyncio.wait([waiting], timeout=patience)
        waiting.add_done_callback(_forget)
        raise
    if submitted.cancelled():  # it was closed before a thread was free
        raise OperationEndedError
    return waiting.result()


def _forget(future: asyncio.Future[T]) -> None:
    """Take note of an exception that nobody waits for any more."""
    if not future.cancelled():
        future.exception()


def _join(pools: Sequence[ThreadPoolExecutor], work: Sequence[Future[Any]]) -> None:
    if wait(work, timeout=_TRANSFER_PATIENCE_SECONDS).not_done:
        return
    for pool in pools:
        pool.shutdown(wait=True)


class _Shared:
    """An endpoint, or the attempt to open it, with those that use it or wait for it."""

    def __init__(self) -> None:
        self.users = 0
        self.opening: asyncio.Task[Endpoint] | None = None


_places: PerLoop[dict[EndpointKey, _Shared]] = PerLoop(dict)


async def enter(config: ClientConfig) -> Endpoint:
    """Return the endpoint of this event loop for a store, to be left by :func:`leave`.

    Those that come while it is opened wait for that one attempt, and get its failure, too.

    Raises:
        UnavailableError: the store cannot be reached.
        ConfigurationError: it is none of ours, or of another age.
        EventLoopError: this process was forked from one that had used event loops.
    """
    shared = _places.here().setdefault(endpoint_key(config), _Shared())
    shared.users += 1
    try:
        opening = shared.opening
        if opening is None or (opening.done() and _failed(opening)):
            opening = shared.opening = asyncio.create_task(_opened(config))
        # Whoever gives up waiting does not end it for the others.
        await asyncio.wait([opening])
        return opening.result()
    except BaseException:
        await leave(config)
        raise


async def leave(config: ClientConfig) -> None:
    """Say that an endpoint is not needed any more; the last one closes it, or ends the attempt to open it."""
    places, key = _places.here(), endpoint_key(config)
    shared = places.get(key)
    if shared is None:
        return
    shared.users -= 1
    if shared.users == 0:
        del places[key]
        if shared.opening is not None:
            shared.opening.cancel()
            await asyncio.wait([shared.opening])
            if not _failed(shared.opening):
                await shared.opening.result().close()


def _failed(opening: asyncio.Task[Endpoint]) -> bool:
    return opening.cancelled() or opening.exception() is not None


async def _opened(config: ClientConfig) -> Endpoint:
    endpoint = Endpoint(config)
    try:
        await endpoint.open()
    except BaseException:
        await endpoint.close()
        raise
    return endpoint
