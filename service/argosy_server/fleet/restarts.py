"""How long to wait before a worker that ended by itself is started anew."""

from __future__ import annotations

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
HEALTHY_SECONDS = 60.0
"""Who answered for so long did not fail by what it was started with."""
MOST_FAILURES = 5
"""So often one after the other; nobody else has to be left, or it goes on for ever."""


class Restarts:
    """The failures of one worker, one after the other."""

    def __init__(self) -> None:
        """Begin with none."""
        self.failures = 0

    @property
    def is_hopeless(self) -> bool:
        """Whether starting it once more will hardly help."""
        return self.failures >= MOST_FAILURES

    def pause_after(self, lived: float) -> float:
        """Count a failure and return the seconds to wait: the more failures, the more.

        Args:
            lived: seconds for which it answered.
        """
        self.failures = 1 if lived >= HEALTHY_SECONDS else self.failures + 1
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (self.failures - 1))
