"""Signals as something to wait for."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Sequence


class Terminal:
    """The terminal a process was started from, if any. When it is closed the kernel says so by SIGHUP."""

    def __init__(self) -> None:
        """Look for it. Who was started to ignore SIGHUP, as by ``nohup``, shall outlive it."""
        self._counts = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN and _has_terminal()

    @property
    def was_closed(self) -> bool:
        """Whether there was one that counts, and is no more."""
        return self._counts and not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


class SignalInbox:
    """Gathers signals, whichever thread the kernel gives them to. For the main thread."""

    def __init__(self, numbers: Sequence[signal.Signals]) -> None:
        """Take the signals from what they did before."""
        self._numbers = numbers
        self._readable, self._writable = socket.socketpair()
        self._readable.setblocking(False)
        self._writable.setblocking(False)
        signal.set_wakeup_fd(self._writable.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)

    def fileno(self) -> int:
        """Return the descriptor, for ``selectors``: readable once one came."""
        return self._readable.fileno()

    def wait(self) -> None:
        """Wait until one comes."""
        while not self.take():
            select.select([self._readable], [], [])

    def take(self) -> list[signal.Signals]:
        """Return those that came since."""
        try:
            data = self._readable.recv(4096)
        except BlockingIOError:
            return []
        return [signal.Signals(number) for number in data if number in self._numbers]

    def close(self) -> None:
        """Give the signals back what the system does by default: they end the process at once."""
        signal.set_wakeup_fd(-1)
        for number in self._numbers:
            signal.signal(number, signal.SIG_DFL)
        self._readable.close()
        self._writable.close()
