"""What there is once for each event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class PerLoop(Generic[V]):
    """Finds what belongs to the running event loop; what belonged to closed ones is let go with the next new one."""

    def __init__(self, make: Callable[[], V]) -> None:
        """Know none yet; ``make`` makes one."""
        self._make = make
        self._lock = threading.Lock()
        self._found: dict[asyncio.AbstractEventLoop, V] = {}

    def here(self) -> V:
        """Return that of the running event loop, making it at first.

        Raises:
            RuntimeError: no event loop runs in this thread.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._found:
                self._found = {other: value for other, value in self._found.items() if not other.is_closed()}
                self._found[loop] = self._make()
            return self._found[loop]
