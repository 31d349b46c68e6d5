"""The last events of a store, kept in memory for all who watch it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from argosy_server.api.watching.messages import Entry
from argosy_server.domain.event import BEGINNING, Position

MAX_ENTRIES = 4096
MAX_BYTES = 16 << 20
ENTRY_BYTES = 2048
"""What an entry counts without the metadata of its version."""


class RecentEvents:
    """Every event after ``start`` up to ``head``. A reader before ``start`` has to ask the database.

    Not safe for threads: the hub's lock guards it.
    """

    def __init__(self) -> None:
        """Begin at the beginning, with nothing."""
        self.start = BEGINNING
        self.head = BEGINNING
        self._entries: list[Entry] = []
        self._positions: list[Position] = []
        self._bytes = 0

    def restart(self, head: Position) -> None:
        """Forget everything, and go on after ``head``."""
        self.start = self.head = head
        self._entries, self._positions, self._bytes = [], [], 0

    def extend(self, entries: Sequence[Entry], head: Position) -> None:
        """Take what was read after ``head`` as it was, up to the new ``head``; forget the oldest of too many."""
        for entry in entries:
            self._entries.append(entry)
            self._positions.append(entry.event.position)
            self._bytes += _size(entry)
        self.head = head
        if len(self._entries) > MAX_ENTRIES or self._bytes > MAX_BYTES:
            self._forget_half()

    def after(self, position: Position, project: str, limit: int) -> tuple[list[Entry], Position] | None:
        """Return the next entries of a project, and where their reader is then; ``None`` before ``start``."""
        if position < self.start:
            return None
        first = bisect_right(self._positions, position)
        found: list[Entry] = []
        for entry in self._entries[first:]:
            if entry.event.project == project:
                if len(found) == limit:
                    return found, found[-1].event.position
                found.append(entry)
        return found, max(position, self.head)

    def _forget_half(self) -> None:
        while self._entries and (len(self._entries) > MAX_ENTRIES // 2 or self._bytes > MAX_BYTES // 2):
            count = max(len(self._entries) // 4, 1)
            self.start = self._positions[count - 1]
            self._bytes -= sum(map(_size, self._entries[:count]))
            del self._entries[:count], self._positions[:count]


def _size(entry: Entry) -> int:
    metadata = entry.version.metadata if entry.version else {}
    # Once as it is and once as it is sent.
    return ENTRY_BYTES + 2 * sum(len(key) + len(text) for key, text in metadata.items())
