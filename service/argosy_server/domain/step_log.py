"""What steps print: entries, the parts they are kept in, and where a reader is."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from argosy_server.domain.errors import CursorExpired

ENTRY_BYTES = 32
"""What an entry counts besides its text, so that empty ones are not free."""
MAX_LINES = 1 << 48
"""Nobody prints so many; above it numbers of lines could leave the range of a column."""


class LogSource(Enum):
    """Where a piece of a log comes from."""

    STDOUT = "stdout"
    STDERR = "stderr"
    LOGGING = "logging"


@dataclass(frozen=True)
class LogEntry:
    """One line, or several that came together; ``level`` and ``logger`` only of what was logged."""

    time: datetime
    source: LogSource
    text: str
    level: str = ""
    logger: str = ""

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return self.text.count("\n") + 1

    @property
    def size(self) -> int:
        """How many bytes it counts."""
        return len(self.text.encode()) + ENTRY_BYTES


@dataclass(frozen=True)
class LogBatch:
    """Entries that stand together in one attempt, and how many lines are missing before them."""

    attempt: int
    entries: Sequence[LogEntry]
    dropped_lines: int = 0


@dataclass(frozen=True)
class LogPart:
    """What is known of a stored part of a log without its content.

    Attributes:
        attempt: the attempt that printed it.
        batch: number of the last batch in it.
        start: bytes of the attempt before it, those counted that were dropped since.
        size: its own bytes.
        first_line: number of its first line in the attempt; dropped ones have numbers too.
        next_line: number of the line after its last one.
        is_last: whether nothing follows in this attempt.
    """

    attempt: int
    batch: int
    start: int
    size: int
    first_line: int
    next_line: int
    is_last: bool

    @property
    def end(self) -> int:
        """The ``start`` of what follows."""
        return self.start + self.size


@dataclass(frozen=True)
class LogPosition:
    """How far a log was read: up to a line of an attempt."""

    attempt: int = 0
    line: int = 0

    def to_text(self, log: str) -> str:
        """Return it as an opaque text; ``log`` names the log it belongs to."""
        return base64.urlsafe_b64encode(f"{log} {self.attempt} {self.line}".encode()).decode()

    @classmethod
    def parse(cls, text: str, log: str) -> LogPosition:
        """Read what :meth:`to_text` wrote for the same log; an empty text is the beginning.

        Raises:
            CursorExpired: it is a position of another log, or none at all.
        """
        if not text:
            return cls()
        try:
            owner, attempt, line = base64.urlsafe_b64decode(text.encode()).decode().split(" ")
            position = cls(int(attempt), int(line))
        except (ValueError, binascii.Error):
            owner, position = "", cls()
        if owner != log or not 0 <= position.attempt < MAX_LINES or not 0 <= position.line <= MAX_LINES:
            raise CursorExpired("position is not of this log; start again without it")
        return position
