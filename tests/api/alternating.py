"""A channel to several servers that gives each call to the next one, so that whatever one keeps to itself is missed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import grpc


class AlternatingChannel(grpc.Channel):
    """Calls of one logical operation go to different servers, in turn."""

    def __init__(self, channels: Sequence[grpc.Channel]) -> None:
        self._turns = itertools.cycle(range(len(channels)))
        self._channels = channels

    def _in_turn(self, kind: str, *arguments: Any, **options: Any) -> Any:
        return _InTurn(
            [getattr(channel, kind)(*arguments, **options) for channel in self._channels], lambda: next(self._turns)
        )

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

    def __init__(self, methods: Sequence[Any], turn: Callable[[], int]) -> None:
        self._methods = methods
        self._turn = turn

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._methods[self._turn()](*arguments, **options)

    def with_call(self, *arguments: Any, **options: Any) -> Any:
        return self._methods[self._turn()].with_call(*arguments, **options)

    def future(self, *arguments: Any, **options: Any) -> Any:
        return self._methods[self._turn()].future(*arguments, **options)
