"""A channel to three servers that gives each call to another one, so that whatever one keeps to itself is missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc


class AlternatingChannel(grpc.Channel):
    """A call goes to a server that got neither the last call of all nor the last one of its method."""

    def __init__(self, channels: Sequence[grpc.Channel]) -> None:
        self._channels = channels
        self._last = 0

    def turn(self, last_of_method: int) -> int:
        """Return which server gets the next call of a method."""
        others = {self._last, last_of_method}
        self._last = next(number for number in range(len(self._channels)) if number not in others)
        return self._last

    def _in_turn(self, kind: str, *arguments: Any, **options: Any) -> Any:
        return _InTurn(self, [getattr(channel, kind)(*arguments, **options) for channel in self._channels])

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        return self._in_turn("unary_unary", *arguments, **options)

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        return self._in_turn("unary_stream", *arguments, **options)

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        return self._in_turn("stream_unary", *arguments, **options)

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        return self._in_turn("stream_stream", *arguments, **options)

    def subscribe(self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool = False) -> None:
        self._channels[0].subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        self._channels[0].unsubscribe(callback)

    def close(self) -> None:
        for channel in self._channels:
            channel.close()

    def __enter__(self) -> AlternatingChannel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _InTurn:
    """One method, of all servers."""

    def __init__(self, channel: AlternatingChannel, methods: Sequence[Any]) -> None:
        self._channel = channel
        self._methods = methods
        self._last = 0

    def _next(self) -> Any:
        self._last = self._channel.turn(self._last)
        return self._methods[self._last]

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._next()(*arguments, **options)

    def with_call(self, *arguments: Any, **options: Any) -> Any:
        return self._next().with_call(*arguments, **options)

    def future(self, *arguments: Any, **options: Any) -> Any:
        return self._next().future(*arguments, **options)
