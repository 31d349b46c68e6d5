"""What transfers tell of how far they are. Who shows it stands elsewhere."""

from __future__ import annotations


class Progress:
    """Takes what a transfer tells, from any thread, and does nothing with it; others show it."""

    def expect(self, total_bytes: int) -> None:
        """Say how many bytes there are in all, before the first of them."""

    def advance(self, count: int) -> None:
        """Say that ``count`` bytes more are done; it is negative when some have to be sent again."""


UNSEEN = Progress()
