"""Why a call is refused before any use case hears of it; all other refusals are those of the domain."""

from __future__ import annotations

from argosy_server.api.messages.message_limit import MAX_MESSAGE_BYTES


class MessageTooLarge(Exception):
    """A message is larger than the receive limit."""

    def __init__(self, size: int) -> None:
        """Name both sizes in bytes."""
        super().__init__(f"received message larger than max ({size} vs. {MAX_MESSAGE_BYTES}); send smaller pieces")
        self.size = size


class TooManyWatchers(Exception):
    """Nobody else can watch this server."""

    def __init__(self, limit: int) -> None:
        """Name the limit."""
        super().__init__(
            f"{limit} watch this server already, and no more can; close watches that nobody needs, "
            "or start the server with a larger --max-watchers"
        )
        self.limit = limit


class Draining(Exception):
    """The server is shutting down."""
