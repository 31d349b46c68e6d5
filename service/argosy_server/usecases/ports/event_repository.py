"""What the use cases ask of the database about what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from argosy_server.domain.event import Event, EventFact, Position


class EventRepository(Protocol):
    """What changed, in an order in which nothing ever appears before what was read already."""

    def append(self, project: str, kind: str, facts: Mapping[str, EventFact]) -> None:
        """Write an event row: kind such as ``version_created``, and ids and names that matter."""
        ...

    def append_many(self, project: str, many: Sequence[tuple[str, Mapping[str, EventFact]]]) -> None:
        """Do as :meth:`append` for some kinds and facts, in this order."""
        ...

    def after(self, position: Position, limit: int, project: str = "") -> list[Event]:
        """Return the next events after a position, in order; what may still be preceded by others is left out.

        Args:
            position: where the reader is.
            limit: at most this many.
            project: only of this project; ``""`` means of all.
        """
        ...

    def newest(self) -> Position:
        """Return the position of the newest event that :meth:`after` may return, also when it was forgotten since."""
        ...

    def forgotten(self) -> Position:
        """Return the position of the newest event that was forgotten: whoever is before it has missed something."""
        ...

    def epoch(self) -> str:
        """Return a UUID of the order that positions are of: of another order they mean nothing.

        A database that was restored elsewhere has another one than it had before.
        """
        ...

    def remove_older_than(self, age: timedelta) -> int:
        """Forget events older than ``age``, remember how far, and return how many they were."""
        ...
