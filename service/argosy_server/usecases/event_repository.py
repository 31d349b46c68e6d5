"""What the use cases ask of the database about what changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol


class EventRepository(Protocol):
    """What changed, in order, for watchers to come."""

    def append(self, project: str, kind: str, payload: Mapping[str, str]) -> None:
        """Write an event row: kind such as ``version_created``, and ids and names that matter."""
        ...

    def remove_older_than(self, age: timedelta) -> int:
        """Forget events older than ``age`` and return how many."""
        ...
