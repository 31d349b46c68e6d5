"""A real channel that counts the bytes of blobs that come through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest


class MovedBytes:
    """What came through the channels opened since.

    Attributes:
        count: bytes of the answers of ReadBlob.
        calls: how many times ReadBlob was called.
        others: which other streams were opened.
    """

    def __init__(self) -> None:
        self.count = 0
        self.calls = 0
        self.others: list[str] = []

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]  # all of it starts again


class _CountedCall:
    """A call of ReadBlob; passes everything on."""

    def __init__(self, call: Any, moved: MovedBytes) -> None:
        self._call = call
        self._moved = moved

    def __iter__(self) -> _CountedCall:
        return self

    def __next__(self) -> Any:
        message = next(self._call)
        self._moved.count += len(message.chunk)
        return message

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


class CountingChannel:
    """Passes every call on to a channel."""

    def __init__(self, channel: grpc.Channel, moved: MovedBytes) -> None:
        self._channel = channel
        self._moved = moved

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        call = self._channel.unary_stream(method, *args, **kwargs)
        name = method.rpartition("/")[2]

        def counted(*call_args: Any, **call_kwargs: Any) -> Any:
            if name != "ReadBlob":
                self._moved.others.append(name)
                return call(*call_args, **call_kwargs)
            self._moved.calls += 1
            return _CountedCall(call(*call_args, **call_kwargs), self._moved)

        return counted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


def count_moved_bytes(monkeypatch: pytest.MonkeyPatch) -> MovedBytes:
    """Count from now on, in every connection this process opens."""
    from argosy.transport import connection

    moved = MovedBytes()
    for name in ("open_server_channel", "open_embedded_channel"):
        opened = getattr(connection, name)
        monkeypatch.setattr(
            connection,
            name,
            lambda where, opened=opened, **options: CountingChannel(opened(where, **options), moved),
        )
    return moved
