"""Switches the way to the store off and on, at the channel: below it stays whatever answers, above it all of Argosy."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import grpc

_REASON = "it is switched off by argosy.testing"


class SwitchedOffError(grpc.RpcError):
    """The status of a call while the server is away, as gRPC gives it."""

    def code(self) -> grpc.StatusCode:
        """Return UNAVAILABLE."""
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        """Return why."""
        return _REASON

    def initial_metadata(self) -> tuple[()]:
        """Return nothing."""
        return ()

    def trailing_metadata(self) -> tuple[()]:
        """Return nothing: nobody was there to send it."""
        return ()


class ServerSwitch:
    """Lets calls pass, or refuses them; those under way are cut when it goes off. Threads may share it."""

    def __init__(self) -> None:
        """Let all pass."""
        self._lock = threading.Lock()
        self._is_armed = self._is_away = False
        self._passing = 0
        self._under_way: set[SwitchedCall] = set()

    @contextlib.contextmanager
    def away(self, *, after: int = 0) -> Iterator[None]:
        """Refuse calls in the block.

        Args:
            after: so many calls pass before.

        Raises:
            ValueError: it is switched off already, or ``after`` is negative.
        """
        if after < 0:
            raise ValueError(f"after={after} is the number of calls that pass; it is 0 or more")
        with self._lock:
            if self._is_armed:
                raise ValueError("the server is switched off by an outer block already; end that one first")
            self._is_armed, self._passing = True, after
        try:
            if not after:
                self._go_away()
            yield
        finally:
            with self._lock:
                self._is_armed = self._is_away = False

    def check(self) -> None:
        """Count a call that is about to begin.

        Raises:
            SwitchedOffError: the server is away.
        """
        with self._lock:
            if not self._is_armed:
                return
            if self._passing:
                self._passing -= 1
                return
        self._go_away()
        raise SwitchedOffError(_REASON)

    def passing(self, messages: Iterable[Any]) -> Iterator[Any]:
        """Return the messages of a call that is made in this thread, until the server goes away."""
        for message in messages:
            if self._is_away:
                raise SwitchedOffError(_REASON)
            yield message

    def began(self, call: SwitchedCall) -> None:
        """Take note of a call that can be cut."""
        with self._lock:
            self._under_way.add(call)

    def ended(self, call: SwitchedCall) -> None:
        """Forget a call."""
        with self._lock:
            self._under_way.discard(call)

    def _go_away(self) -> None:
        with self._lock:
            self._is_away = True
            calls, self._under_way = self._under_way, set()
        for call in calls:
            call.cut()


class SwitchedChannel(grpc.Channel):
    """A channel whose calls ask a switch before they begin."""

    def __init__(self, channel: grpc.Channel, switch: ServerSwitch) -> None:
        """Put the switch around a channel."""
        self._channel = channel
        self._switch = switch

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Return what calls a method with one request and one response."""
        return _Unary(self._channel.unary_unary(*args, **kwargs), self._switch)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Return what calls a method with one request and a stream of responses."""
        return _Receiving(self._channel.unary_stream(*args, **kwargs), self._switch)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Return what calls a method with a stream of requests and one response."""
        return _Sending(self._channel.stream_unary(*args, **kwargs), self._switch)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Return what calls a method with streams in both directions, of which the contract has none."""
        return _Receiving(self._channel.stream_stream(*args, **kwargs), self._switch)

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> None:
        """Tell how the connection below is."""
        self._channel.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Tell it no more."""
        self._channel.unsubscribe(callback)

    def close(self) -> None:
        """Close the channel below."""
        self._channel.close()

    def __enter__(self) -> SwitchedChannel:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


class _Method:
    def __init__(self, method: Any, switch: ServerSwitch) -> None:
        self._method = method
        self._switch = switch


class _Unary(_Method):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._switch.check()
        return self._method(*args, **kwargs)

    def with_call(self, *args: Any, **kwargs: Any) -> Any:
        self._switch.check()
        return self._method.with_call(*args, **kwargs)

    def future(self, *args: Any, **kwargs: Any) -> Any:
        self._switch.check()
        return self._method.future(*args, **kwargs)


class _Receiving(_Method):
    def __call__(self, *args: Any, **kwargs: Any) -> SwitchedCall | _RefusedStream:
        try:
            self._switch.check()
        except SwitchedOffError:
            return _RefusedStream(_REASON)
        return SwitchedCall(self._method(*args, **kwargs), self._switch)


class _RefusedStream(SwitchedOffError):
    """A stream that nobody answers: as those of gRPC it begins, and says so where it is read."""

    def __iter__(self) -> _RefusedStream:
        return self

    def __next__(self) -> Any:
        raise self

    def cancel(self) -> bool:
        """Change nothing, since it has ended."""
        return False


class _Sending(_Method):
    def __call__(self, requests: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        self._switch.check()
        return self._method(self._switch.passing(requests), *args, **kwargs)

    def future(self, requests: Iterable[Any], *args: Any, **kwargs: Any) -> SwitchedCall:
        self._switch.check()
        return SwitchedCall(self._method.future(requests, *args, **kwargs), self._switch)


class SwitchedCall:
    """A call under way; once it is cut it ends as with a server that went away."""

    def __init__(self, call: Any, switch: ServerSwitch) -> None:
        """Take over a call that has begun."""
        self._call = call
        self._switch = switch
        self._is_cut = False
        switch.began(self)

    def cut(self) -> None:
        """End it; whoever waits for it is told that the server is away."""
        self._is_cut = True
        self._call.cancel()

    def __iter__(self) -> SwitchedCall:
        return self

    def __next__(self) -> Any:
        return self._told(self._call.__next__)

    def result(self, timeout: float | None = None) -> Any:
        """Return the response."""
        return self._told(lambda: self._call.result(timeout))

    def cancel(self) -> Any:
        """End the call for the caller's own reasons."""
        self._switch.ended(self)
        return self._call.cancel()

    def code(self) -> Any:
        """Return how it ended."""
        return grpc.StatusCode.UNAVAILABLE if self._is_cut else self._call.code()

    def details(self) -> Any:
        """Return why it ended so."""
        return _REASON if self._is_cut else self._call.details()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def _told(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except StopIteration:
            self._switch.ended(self)
            raise
        except (grpc.RpcError, grpc.FutureCancelledError):
            self._switch.ended(self)
            if self._is_cut:
                raise SwitchedOffError(_REASON) from None
            raise
