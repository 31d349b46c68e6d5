"""A channel to several servers of one store, for threads: each call goes to one of those that answer.

A call with one request is repeated by another server when the first is away; all of them may be, by their request_id.
A stream that breaks is not: whoever reads or writes it knows where it goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import grpc

from argosy.errors import ArgosyError
from argosy.transport.channels.replica_lane import Method, ReplicaLane
from argosy.transport.channels.replicas import OTHERS_SECONDS, PATIENCE_SECONDS, Attempts, Replica, Replicas
from argosy.v1.blob_service_pb2 import GetCapabilitiesResponse

Greet = Callable[[grpc.Channel, str], GetCapabilitiesResponse]
OpenChannel = Callable[[str, bool], grpc.Channel]


class _Ways:
    """What all channels to the same servers share: the servers, a connection to each, and who greets them."""

    def __init__(self, server: str, open_channel: OpenChannel, greet: Greet) -> None:
        self.replicas = Replicas(server, self._greet_after)
        self.changed = threading.Condition()
        self.closed = threading.Event()
        self._open_channel = open_channel
        self._greet = greet
        self._lock = threading.Lock()
        self._channels: dict[tuple[Replica, int], grpc.Channel] = {}

    def channel(self, replica: Replica, lane: int) -> grpc.Channel:
        """Return the connection of a lane to a server; every lane but the first has one of its own."""
        with self._lock:
            found = self._channels.get((replica, lane))
            if found is None:
                if self.closed.is_set():
                    raise ValueError("Cannot invoke RPC on closed channel!")  # as gRPC does
                found = self._channels[replica, lane] = self._open_channel(replica.address, lane == 0)
            return found

    def choose(self, attempts: Attempts, preferred: Replica | None) -> Replica:
        """Return the server for the next attempt of a call, once there is one.

        Raises:
            RpcError: there is none.
        """
        while True:
            replica = self.replicas.choose(attempts.tried, preferred)
            if replica is not None and attempts.may_go_to(replica):
                return replica
            seconds = attempts.seconds_to_wait()
            if seconds <= 0 or self.closed.is_set():
                raise self.replicas.none_left(attempts.last)
            with self.changed:
                self.changed.wait_for(lambda: self.closed.is_set() or self.replicas.have_ready, seconds)

    def close(self) -> None:
        self.closed.set()
        with self._lock:
            channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            channel.close()
        self._tell()

    def _greet_after(self, replica: Replica, seconds: float) -> None:
        threading.Thread(
            target=self._keep_greeting, args=(replica, seconds), name="argosy-greeting", daemon=True
        ).start()

    def _keep_greeting(self, replica: Replica, seconds: float) -> None:
        while not self.closed.wait(seconds):
            try:
                is_ready = self.replicas.greeted(replica, self._greet(self.channel(replica, 0), replica.address))
            except ArgosyError as error:
                is_ready = False
                self.replicas.unanswered(replica, error)
            except ValueError:
                if self.closed.is_set():  # the channel was closed under the call
                    return
                raise
            self._tell()
            if is_ready:
                return
            seconds = replica.next_pause()

    def _tell(self) -> None:
        with self.changed:
            self.changed.notify_all()


class ReplicaChannel(ReplicaLane[_Ways], grpc.Channel):
    """Makes calls on the servers of a list; made by :func:`open_replicas`, which closes it when it cannot be used."""

    @property
    def capabilities(self) -> GetCapabilitiesResponse:
        """What the first server that answered announced."""
        assert self._ways.replicas.capabilities is not None, "one has answered"
        return self._ways.replicas.capabilities

    def unary_unary(self, method: str, *codecs: Any, **options: Any) -> Any:
        """Return what calls a method with one request and one response."""
        return _UnaryUnary(self, lambda channel: channel.unary_unary(method, *codecs, **options))

    def unary_stream(self, method: str, *codecs: Any, **options: Any) -> Any:
        """Return what calls a method with one request and a stream of responses."""
        made = Method(self, lambda channel: channel.unary_stream(method, *codecs, **options))
        return lambda request: _Incoming(self, made, request)

    def stream_unary(self, method: str, *codecs: Any, **options: Any) -> Any:
        """Return what calls a method with a stream of requests and one response."""
        return _StreamUnary(self, lambda channel: channel.stream_unary(method, *codecs, **options))

    def stream_stream(self, method: str, *_: Any, **__: Any) -> Any:
        """Refuse: no method of the contract has streams in both directions."""
        raise NotImplementedError(f"{method}: streams in both directions are not supported")

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> None:
        """Refuse: each server has a state of its own."""
        raise NotImplementedError("a channel to several servers has no state of its own")

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Refuse: each server has a state of its own."""
        raise NotImplementedError("a channel to several servers has no state of its own")

    def close(self) -> None:
        """Close all connections, those of other channels to these servers, too."""
        self._ways.close()

    def __enter__(self) -> ReplicaChannel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def choose(self, attempts: Attempts) -> Replica:
        """Return the server for the next attempt of a call.

        Raises:
            RpcError: none answers.
        """
        return self._chosen(self._ways.choose(attempts, self._preferred))


def open_replicas(server: str, seconds: float, open_channel: OpenChannel, greet: Greet) -> ReplicaChannel:
    """Greet the servers of a list; return a channel to them once one has answered.

    Args:
        server: the list, as ``ClientConfig.server``.
        seconds: how long to wait for the first answer.
        open_channel: opens a channel to an address, over a connection it may share or one of its own.
        greet: makes the first call on a channel to an address.

    Raises:
        UnavailableError: none answers.
        ConfigurationError: they serve different stores, or none of them can be used.
    """
    ways = _Ways(server, open_channel, greet)
    try:
        _make_contact(ways, seconds)
    except BaseException:
        ways.close()
        raise
    return ReplicaChannel(ways)


def _make_contact(ways: _Ways, seconds: float) -> None:
    replicas = ways.replicas
    began = time.monotonic()
    replicas.greet_all()

    with ways.changed:
        ways.changed.wait_for(lambda: replicas.capabilities is not None or replicas.were_all_greeted, seconds)
        if replicas.capabilities is None:  # all refused; one that is just starting is waited for
            left = min(began + seconds, time.monotonic() + PATIENCE_SECONDS) - time.monotonic()
            ways.changed.wait_for(lambda: replicas.capabilities is not None, max(0.0, left))
        if replicas.capabilities is not None:
            ways.changed.wait_for(lambda: replicas.were_all_greeted, OTHERS_SECONDS)
    replicas.use()


class _UnaryUnary(Method[ReplicaChannel]):
    def __call__(self, request: Any, timeout: float | None = None, *, wait_for_ready: bool = False) -> Any:
        attempts = Attempts(timeout, wait_for_ready)
        while True:
            replica = self._way.choose(attempts)
            cut_short, since = self._way.has_others(replica, attempts), replica.times_ready
            try:
                answer = self.on(replica)(request, timeout=attempts.seconds_to_take(cut_short))
            except grpc.RpcError as error:
                if not self._way.is_away(replica, error, since, cut_short=cut_short):
                    raise
                attempts.failed(replica, error)
            else:
                replica.answered()
                return answer


class _Incoming:
    """A stream of responses; it begins on another server when the first has not said anything."""

    def __init__(self, way: ReplicaChannel, method: Method[ReplicaChannel], request: Any) -> None:
        self._way = way
        self._method = method
        self._request = request
        self._attempts = Attempts(None, wait_for_ready=False)
        self._cancelled = False
        self._begun = False
        self._begin_on(way.choose(self._attempts))

    def __iter__(self) -> _Incoming:
        return self

    def __next__(self) -> Any:
        while True:
            try:
                message = next(self._call)
            except grpc.RpcError as error:
                if self._cancelled or not self._begins_elsewhere(error):
                    raise
                continue
            except StopIteration:
                self._replica.answered()
                raise
            if not self._begun:
                self._begun = True
                self._replica.answered()
            return message

    def cancel(self) -> bool:
        """End the call."""
        self._cancelled = True
        cancelled: bool = self._call.cancel()
        return cancelled

    def _begin_on(self, replica: Replica) -> None:
        self._replica, self._since = replica, replica.times_ready
        self._call = self._method.on(replica)(self._request)

    def _begins_elsewhere(self, error: grpc.RpcError) -> bool:
        other = self._way.other_after(error, self._replica, self._since, self._attempts)
        if other is None or self._begun:
            return False
        self._begin_on(other)
        if self._cancelled:  # meanwhile, by another thread
            self._call.cancel()
        return True


class _StreamUnary(Method[ReplicaChannel]):
    def __call__(self, requests: Iterable[Any]) -> Any:
        return self.future(requests).result()

    def future(self, requests: Iterable[Any]) -> _Outgoing:
        """Begin the call."""
        replica = self._way.choose(Attempts(None, wait_for_ready=False))
        since = replica.times_ready
        return _Outgoing(self._way, replica, since, self.on(replica).future(requests))


class _Outgoing:
    """A stream of requests under way."""

    def __init__(self, way: ReplicaChannel, replica: Replica, since: int, call: Any) -> None:
        self._way = way
        self._replica = replica
        self._since = since
        self._call = call
        self._cancelled = False

    def result(self) -> Any:
        """Return the response.

        Raises:
            RpcError: how the call ended, unless it ended well.
        """
        try:
            answer = self._call.result()
        except grpc.RpcError as error:
            if not self._cancelled:
                self._way.is_away(self._replica, error, self._since)
            raise
        self._replica.answered()
        return answer

    def cancel(self) -> bool:
        """End the call."""
        self._cancelled = True
        cancelled: bool = self._call.cancel()
        return cancelled
