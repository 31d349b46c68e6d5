"""Which bytes of a blob are wanted."""

from __future__ import annotations

from dataclasses import dataclass

from argosy_server.domain.errors import InvalidField, ReadPastEnd


@dataclass(frozen=True)
class ByteRange:
    """Bytes ``start`` to ``stop`` (exclusive) of a blob."""

    start: int
    stop: int

    @classmethod
    def parse(cls, offset: int, limit: int, size: int) -> ByteRange:
        """Clamp ``limit`` (0 = all that follow) to a blob of ``size`` bytes.

        Raises:
            InvalidField: a number is negative.
            ReadPastEnd: ``offset`` lies beyond the end; the end itself is fine and gives no bytes.
        """
        if offset < 0:
            raise InvalidField("offset", f"{offset} is negative; the first byte is 0")
        if limit < 0:
            raise InvalidField("limit", f"{limit} is negative; 0 means all that follow")
        if offset > size:
            raise ReadPastEnd(f"offset {offset} lies beyond the end, the blob has {size} bytes", size=size)
        return cls(offset, size if limit == 0 else min(size, offset + limit))

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.stop - self.start
