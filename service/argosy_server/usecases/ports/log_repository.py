"""What the use cases ask of the database about what steps printed."""

from __future__ import annotations

from typing import Protocol

from argosy_server.domain.step_log import LogPart, LogPosition


class LogRepository(Protocol):
    """The logs of step runs, in parts."""

    def current_attempt(self, project: str, step_run_id: str) -> tuple[int, str]:
        """Return the number and the token of the current attempt, or of the last one.

        Raises:
            RunNotFound: no such step run in this project.
        """
        ...

    def last(self, project: str, step_run_id: str, attempt: int) -> LogPart | None:
        """Return and lock the last part of an attempt."""
        ...

    def content(self, project: str, step_run_id: str, part: LogPart) -> bytes:
        """Return the content of a part."""
        ...

    def add(self, project: str, step_run_id: str, part: LogPart, content: bytes) -> None:
        """Insert a part; one that is there already stays as it is."""
        ...

    def replace(self, project: str, step_run_id: str, old: LogPart, part: LogPart, content: bytes) -> None:
        """Put a longer part in the place of one, unless another writer has done so."""
        ...

    def drop_between(self, project: str, step_run_id: str, attempt: int, start: int, end: int) -> None:
        """Remove the parts of an attempt that start at byte ``start`` or later and end at ``end`` or earlier."""
        ...

    def following(self, project: str, step_run_id: str, position: LogPosition, limit: int) -> list[LogPart]:
        """Return the parts that have lines behind a position, in order."""
        ...
