"""A terminal for worker processes, so that what they print passes through this process on its way to the real one.

It is one, so that programs in the workers behave as on a terminal. What arrives is passed on byte for byte.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

_PIECE = 64 << 10
_FAREWELL = 1.0
"""Seconds to wait for what is on its way when the processes have ended."""


class ProcessOutput:
    """An open terminal; whatever is written to it is handed over."""

    def __init__(self, like: int, take: Callable[[bytes], object]) -> None:
        """Open it.

        Args:
            like: the descriptor of the real terminal, whose size it has.
            take: called from a thread with what was written.

        Raises:
            OSError: there are no more terminals.
        """
        import fcntl
        import termios

        self._leader, self.descriptor = os.openpty()
        controls = termios.tcgetattr(self.descriptor)
        controls[1] &= ~termios.OPOST  # the real terminal does that
        termios.tcsetattr(self.descriptor, termios.TCSANOW, controls)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, fcntl.ioctl(like, termios.TIOCGWINSZ, bytes(8)))
        self._take = take
        self._thread = threading.Thread(target=self._pass_on, name="argosy-process-output", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go of it; what processes that go on still write arrives as before."""
        os.close(self.descriptor)
        self._thread.join(_FAREWELL)

    def _pass_on(self) -> None:
        with contextlib.suppress(OSError):  # Linux: it has no writer any more
            while data := os.read(self._leader, _PIECE):
                self._take(data)
        os.close(self._leader)
