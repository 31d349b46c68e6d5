"""A channel to several servers of one store, for an event loop; see ``transport/channels/replica_channel.py``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any, NoReturn, cast

import grpc

from argosy.aio.loop.broken_stream import as_broken
from argosy.aio.loop.questions import answered, asking
from argosy.config import ClientConfig
from argosy.errors import ArgosyError
from argosy.transport.channels.forks import forget_loop_channel
from argosy.transport.channels.open_channel import open_loop_channel
from argosy.transport.channels.replica_lane import Method, ReplicaLane
from argosy.transport.channels.replicas import OTHERS_SECONDS, PATIENCE_SECONDS, Attempts, Replica, Replicas
from argosy.transport.connection import first_calls, greet
from argosy.v1.blob_service_pb2 import GetCapabilitiesResponse


class _Ways:
    """What all channels to the same servers share: the servers, a connection to each, and who greets them."""

    def __init__(self, config: ClientConfig) -> None:
        self.replicas = Replicas(config.server, self._greet_after)
        self.closed = False
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._channels: dict[tuple[Replica, int], grpc.aio.Channel] = {}
        self._greetings: set[asyncio.Task[None]] = set()
        self._waiters: set[asyncio.Future[None]] = set()

    def channel(self, replica: Replica, lane: int) -> grpc.aio.Channel:
        """Return the connection of a lane to a server; every lane but the first has one of its own."""
        found = self._channels.get((replica, lane))
        if found is None:
            if self.closed:
                raise grpc.aio.UsageError("Channel is closed.")  # as gRPC does
            found = self._channels[replica, lane] = open_loop_channel(
                replica.address, idle_timeout=self._config.idle_timeout, shared=lane == 0, is_replica=True
            )
        return found

    async def choose(self, attempts: Attempts, preferred: Replica | None) -> Replica:
        """Return the server for the next attempt of a call, once there is one.

        Raises:
            RpcError: there is none.
        """
        while True:
            replica = self.replicas.choose(attempts.tried, preferred)
            if replica is not None and attempts.may_go_to(replica):
                return replica
            if self.closed:
                raise asyncio.CancelledError  # as gRPC ends the calls of a channel that is closed
            seconds = attempts.seconds_to_wait()
            if seconds <= 0:
                raise self.replicas.none_left(attempts.last)
            await self._change(seconds)

    async def wait_for(self, holds: Callable[[], bool], seconds: float) -> None:
        """Return once a condition holds, at the latest after so many seconds."""
        ends = self._loop.time() + seconds
        while not holds() and not self.closed and (left := ends - self._loop.time()) > 0:
            await self._change(left)

    async def close(self) -> None:
        self.closed = True
        self._tell()
        for greeting in list(self._greetings):
            greeting.cancel()
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close()
            forget_loop_channel(channel)
        if self._greetings:
            await asyncio.wait(list(self._greetings))

    def _greet_after(self, replica: Replica, seconds: float) -> None:
        greeting = self._loop.create_task(self._keep_greeting(replica, seconds), name="argosy-greeting")
        self._greetings.add(greeting)
        greeting.add_done_callback(self._greetings.discard)

    async def _keep_greeting(self, replica: Replica, seconds: float) -> None:
        config = replace(self._config, server=replica.address)
        is_ready = False
        while not is_ready:
            await asyncio.sleep(seconds)
            try:
                is_ready = self.replicas.greeted(replica, await self._greet(replica, config))
            except ArgosyError as error:
                self.replicas.unanswered(replica, error)
            self._tell()
            seconds = 0.0 if is_ready else replica.next_pause()

    async def _greet(self, replica: Replica, config: ClientConfig) -> GetCapabilitiesResponse:
        calls = asking(first_calls(config))
        # The typed clients only take the methods of a channel, which both kinds have alike.
        channel = cast("grpc.Channel", self.channel(replica, 0))
        return await answered(calls, lambda: greet(channel, config, calls))

    async def _change(self, seconds: float) -> None:
        """Return when something has changed, at the latest after so many seconds."""
        waiter = self._loop.create_future()
        self._waiters.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=seconds)
        finally:
            self._waiters.discard(waiter)

    def _tell(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class LoopReplicaChannel(ReplicaLane[_Ways], grpc.aio.Channel):
    """Makes calls on the servers of a list."""

    @classmethod
    def to(cls, config: ClientConfig) -> LoopReplicaChannel:
        """Return a channel to the servers of a configuration; nothing is connected yet."""
        return cls(_Ways(config))

    async def make_contact(self, seconds: float) -> GetCapabilitiesResponse:
        """Greet the servers; return what they announce once one has answered, within so many seconds.

        Raises:
            UnavailableError: none answers.
            ConfigurationError: they serve different stores, or none of them can be used.
        """
        ways, replicas = self._ways, self._ways.replicas
        began = asyncio.get_running_loop().time()
        replicas.greet_all()

        def one_answered() -> bool:
            return replicas.capabilities is not None

        await ways.wait_for(lambda: one_answered() or replicas.were_all_greeted, seconds)
        if not one_answered():  # all refused; one that is just starting is waited for
            left = began + seconds - asyncio.get_running_loop().time()
            await ways.wait_for(one_answered, min(left, PATIENCE_SECONDS))
        if one_answered():
            await ways.wait_for(lambda: replicas.were_all_greeted, OTHERS_SECONDS)
        return replicas.use()

    def unary_unary(self, method: str, *codecs: Any, **options: Any) -> Any:
        """Return what calls a method with one request and one response."""
        return _UnaryUnary(self, lambda channel: channel.unary_unary(method, *codecs, **options))

    def unary_stream(self, method: str, *codecs: Any, **options: Any) -> Any:
        """Return what calls a method with one request and a stream of responses."""
        made = Method(self, lambda channel: channel.unary_stream(method, *codecs, **options))
        return lambda request: _Incoming(self, made, request)

    def stream_unary(self, method: str, *codecs: Any, **options: Any) -> Any:
        """Return what calls a method with a stream of requests and one response."""
        made = Method(self, lambda channel: channel.stream_unary(method, *codecs, **options))
        return lambda: _Outgoing(self, made)

    def stream_stream(self, method: str, *_: Any, **__: Any) -> NoReturn:
        """Refuse: no method of the contract has streams in both directions."""
        raise NotImplementedError(f"{method}: streams in both directions are not supported")

    def get_state(self, try_to_connect: bool = False) -> NoReturn:
        """Refuse: each server has a state of its own."""
        raise NotImplementedError("a channel to several servers has no state of its own")

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> NoReturn:
        """Refuse: each server has a state of its own."""
        raise NotImplementedError("a channel to several servers has no state of its own")

    async def channel_ready(self) -> NoReturn:
        """Refuse: each server has a state of its own."""
        raise NotImplementedError("a channel to several servers has no state of its own")

    async def close(self, grace: float | None = None) -> None:
        """Close all connections, those of other channels to these servers, too."""
        await self._ways.close()

    async def __aenter__(self) -> LoopReplicaChannel:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def choose(self, attempts: Attempts) -> Replica:
        """Return the server for the next attempt of a call.

        Raises:
            RpcError: none answers.
        """
        return self._chosen(await self._ways.choose(attempts, self._preferred))

    def is_away(self, replica: Replica, error: grpc.RpcError, since: int, *, cut_short: bool = False) -> bool:
        """Tell whether a call ended because its server is away; the next one goes to another then."""
        return not self._ways.closed and super().is_away(replica, error, since, cut_short=cut_short)


class _UnaryUnary(Method[LoopReplicaChannel]):
    async def __call__(self, request: Any, timeout: float | None = None, *, wait_for_ready: bool | None = None) -> Any:
        attempts = Attempts(timeout, bool(wait_for_ready))
        while True:
            replica = await self._way.choose(attempts)
            cut_short, since = self._way.has_others(replica, attempts), replica.times_ready
            try:
                answer = await self.on(replica)(request, timeout=attempts.seconds_to_take(cut_short))
            except grpc.RpcError as error:
                if not self._way.is_away(replica, error, since, cut_short=cut_short):
                    raise
                attempts.failed(replica, error)
            else:
                replica.answered()
                return answer


class _Incoming:
    """A stream of responses; it begins on another server when the first has not said anything."""

    def __init__(self, way: LoopReplicaChannel, method: Method[LoopReplicaChannel], request: Any) -> None:
        self._way = way
        self._method = method
        self._request = request
        self._attempts = Attempts(None, wait_for_ready=False)
        self._cancelled = False
        self._begun = False
        self._replica: Replica | None = None
        self._since = 0
        self._call: Any = None

    async def read(self) -> Any:
        """Return the next response, ``grpc.aio.EOF`` at the end."""
        if self._replica is None:
            self._begin_on(await self._way.choose(self._attempts))
        while not self._cancelled:
            try:
                message = await self._call.read()
            except grpc.RpcError as error:
                if not self._begins_elsewhere(error):
                    raise
            else:
                self._note_answer(message)
                return message
        raise asyncio.CancelledError

    def cancel(self) -> bool:
        """End the call."""
        self._cancelled = True
        return self._call is None or bool(self._call.cancel())

    def _begin_on(self, replica: Replica) -> None:
        self._replica, self._since = replica, replica.times_ready
        if not self._cancelled:
            self._call = self._method.on(replica)(self._request)

    def _note_answer(self, message: Any) -> None:
        assert self._replica is not None, "it has begun"
        if not self._begun or message is grpc.aio.EOF:
            self._begun = True
            self._replica.answered()

    def _begins_elsewhere(self, error: grpc.RpcError) -> bool:
        assert self._replica is not None, "it has begun"
        if self._cancelled:
            return False
        other = self._way.other_after(error, self._replica, self._since, self._attempts)
        if other is None or self._begun:
            return False
        self._begin_on(other)
        return True


class _Outgoing:
    """A stream of requests, which begins with the first of them."""

    def __init__(self, way: LoopReplicaChannel, method: Method[LoopReplicaChannel]) -> None:
        self._way = way
        self._method = method
        self._cancelled = False
        self._replica: Replica | None = None
        self._since = 0
        self._call: Any = None

    async def write(self, message: Any) -> None:
        """Hand a request over."""
        await (await self._begun()).write(message)

    async def done_writing(self) -> None:
        """Say that there are no more."""
        await (await self._begun()).done_writing()

    def cancel(self) -> bool:
        """End the call."""
        self._cancelled = True
        return self._call is None or bool(self._call.cancel())

    def __await__(self) -> Generator[Any, None, Any]:
        return self._response().__await__()

    async def _begun(self) -> Any:
        if self._call is None:
            replica = await self._way.choose(Attempts(None, wait_for_ready=False))
            if self._cancelled:
                raise asyncio.CancelledError
            self._replica, self._since = replica, replica.times_ready
            self._call = self._method.on(replica)()
        return self._call

    async def _response(self) -> Any:
        call = await self._begun()
        assert self._replica is not None, "it has begun"
        try:
            answer = await call
        except grpc.RpcError as error:
            if not self._cancelled:
                self._way.is_away(self._replica, as_broken(error), self._since)
            raise
        self._replica.answered()
        return answer
