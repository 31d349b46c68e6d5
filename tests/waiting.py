"""Waiting for what happens elsewhere: as soon as it has, however long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 90.0
"""More than anything takes on the slowest machine, and less than a test may."""


def wait_until(holds: Callable[[], object], what: str) -> None:
    """Return once a condition holds; ``what`` is what did not come if it never does."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)
