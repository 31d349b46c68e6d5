"""Going on after a break: how long to wait, and when to give up."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from argosy.errors import ArgosyError, DeadlineError, ServiceError, UnavailableError
from argosy.transport.rpc.caller_patience import patience_here

ATTEMPTS = 8
"""How often a transfer is tried without a single byte of progress."""
FEW_ATTEMPTS = 4
"""How often a small call is tried: long enough for a server that restarts, for which somebody waits."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
_NAP = 0.25
_SAID_BY_GRPC = frozenset({"INTERNAL", "UNKNOWN", "RESOURCE_EXHAUSTED"})
"""Codes that gRPC or a proxy gives a transfer it broke, without a reason then."""
R = TypeVar("R")
_log = logging.getLogger("argosy.transport")


class Backoff:
    """The pauses of one transfer: exponential, of random length, and from the start again after progress.

    Random, so that the clients of a server that comes back do not all come at the same moment; but never so short that
    all attempts are over before a server could have started again. A step of a run, which can wait for longer, counts
    seconds instead of attempts.
    """

    def __init__(self, what: str, attempts: int = ATTEMPTS, wait: Callable[[float], object] | None = None) -> None:
        """Begin.

        Args:
            what: names the transfer in the log.
            attempts: how many may fail one after the other without progress.
            wait: waits for so many seconds; what it raises ends the transfer.
        """
        self._what = what
        self._patience = patience_here() if attempts <= ATTEMPTS else 0.0
        self._failed_since: float | None = None
        self._wait = wait or (napping if self._patience else time.sleep)
        self._attempts = attempts
        self._failed = 0

    def progressed(self) -> None:
        """Say that something arrived since the last failure."""
        self._failed = 0
        self._failed_since = None

    def pause(self, error: ArgosyError) -> None:
        """Wait before a transfer goes on.

        Raises:
            ArgosyError: ``error`` itself, when another attempt would not help or there were enough.
        """
        if not worth_going_on(error):
            raise error
        self.pause_anyhow(error)

    def pause_anyhow(self, error: ArgosyError) -> None:
        """Wait before the next attempt, whatever the error is; the caller knows that another attempt may help.

        Raises:
            ArgosyError: ``error`` itself, when there were enough.
        """
        self._wait(self.next_pause(error))

    def next_pause(self, error: ArgosyError) -> float:
        """Count a failure; return how many seconds to wait before the next attempt, for callers that wait themselves.

        Raises:
            ArgosyError: ``error`` itself, when there were enough.
        """
        self._failed += 1
        self._failed_since = self._failed_since or time.monotonic()
        if self._is_over(time.monotonic() - self._failed_since):
            _log.debug("%s: gave up after %d attempts without progress: %s", self._what, self._failed, error)
            raise error
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failed, 10))
        seconds = random.uniform(longest / 2, longest)  # noqa: S311 - no secret
        _log.debug("%s: attempt %d failed (%s); again in %.2f s", self._what, self._failed, error, seconds)
        return seconds

    def _is_over(self, seconds: float) -> bool:
        return seconds >= self._patience if self._patience else self._failed >= self._attempts


def napping(seconds: float) -> None:
    """Sleep in short naps: a step that is stopped hears of it between two of them."""
    while seconds > 0:
        time.sleep(min(seconds, _NAP))
        seconds -= _NAP


def worth_retrying(error: ArgosyError) -> bool:
    """Tell whether a simple call that ended like this may go well the next time."""
    return isinstance(error, (UnavailableError, DeadlineError))


def worth_going_on(error: ArgosyError) -> bool:
    """Tell whether a transfer or a watch that ended like this goes on a moment later.

    Besides what helps simple calls that is a message which was cut in its middle, which proxies and gRPC itself tell by
    codes of their own, and a server with too many calls at once. No such status with a reason of the service is meant:
    that is a defect, or a full disk.
    """
    if worth_retrying(error):
        return True
    if not isinstance(error, ServiceError):
        return False
    return error.reason == "TOO_MUCH" or (not error.reason and error.code in _SAID_BY_GRPC)


def retrying(
    what: str, call: Callable[[], R], attempts: int = ATTEMPTS, wait: Callable[[float], object] | None = None
) -> R:
    """Make a call that changes nothing the second time until it goes well.

    Args:
        what: names it in the log.
        call: makes the call.
        attempts: how many may fail; with few of them somebody is waiting, and a deadline that passed is told at once.
        wait: as for :class:`Backoff`.

    Raises:
        ArgosyError: another attempt would not help, or there were enough.
    """
    if patience_here():  # the calls themselves are repeated then
        return call()
    backoff = Backoff(what, attempts, wait)
    while True:
        try:
            return call()
        except ArgosyError as error:
            if not worth_repeating(error, attempts):
                raise
            backoff.pause_anyhow(error)


def worth_repeating(error: ArgosyError, attempts: int) -> bool:
    """Tell whether a call that failed like this is made again; with few attempts somebody is waiting for its answer."""
    return worth_retrying(error) and not (attempts < ATTEMPTS and isinstance(error, DeadlineError))
