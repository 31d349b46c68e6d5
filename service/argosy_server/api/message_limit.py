"""The limit of one message, the same over a network and in-process."""

from __future__ import annotations

MAX_MESSAGE_BYTES = 4 << 20
"""What a server receives at most in one message; gRPC's own default, so that every client knows it."""


class MessageTooLarge(Exception):
    """A message is larger than the receive limit."""

    def __init__(self, size: int) -> None:
        """Name both sizes in bytes."""
        super().__init__(f"received message larger than max ({size} vs. {MAX_MESSAGE_BYTES}); send smaller pieces")
        self.size = size
