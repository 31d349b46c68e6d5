"""What an upload sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Content(Protocol):
    """Bytes that can be read from any place, any number of times."""

    @property
    def path(self) -> str:
        """Names it for people."""
        ...

    @property
    def size_bytes(self) -> int:
        """Length in bytes."""
        ...

    def chunks(self, start: int = 0, chunk_bytes: int = ...) -> Iterator[bytes | memoryview]:
        """Yield the content from ``start`` on, in pieces of at most ``chunk_bytes`` which never change."""
        ...
