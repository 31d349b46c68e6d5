"""Keeps a run alive: renews its lease from a thread and hears whether the run shall stop.

It asks at least every second, so that a run hears soon that somebody wants it to stop. The thread needs the
interpreter now and then: code that holds it for longer than the whole lease (a C extension that never releases it)
makes the run look abandoned.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from argosy.errors import ArgosyError, ConflictError, NotFoundError, PreconditionError, RunCancelledError
from argosy.v1.pipeline_pb2 import Run

RENEWALS_PER_LEASE = 3
LONGEST_INTERVAL = 1.0

_log = logging.getLogger(__name__)


class Lease:
    """Renews while it is entered; :meth:`check` raises once the run may not go on."""

    def __init__(self, renew: Callable[[], Run], seconds: float, on_stop: Callable[[], object] | None = None) -> None:
        """Remember how to renew.

        Args:
            renew: asks the service for another period; called from a thread.
            seconds: length of the period.
            on_stop: called from that thread, once, when the run may not go on.
        """
        self.seconds = seconds
        self._renew = renew
        self._on_stop = on_stop
        self._interval = min(seconds / RENEWALS_PER_LEASE, LONGEST_INTERVAL)
        self._ends = time.monotonic() + seconds
        self._done = threading.Event()
        self._lost: ArgosyError | None = None
        self._cancelled = False
        self._thread = threading.Thread(target=self._keep, name="argosy-run-lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()

    def remaining(self) -> float:
        """Return the seconds for which the run lives on if the service is away."""
        return self._ends - time.monotonic()

    def check(self) -> None:
        """Return if the run may start another step.

        Raises:
            ConflictError: the lease expired and the run is abandoned, or another process resumed it.
            ArgosyError: the run was ended by somebody else.
            RunCancelledError: the run was asked to stop.
        """
        if self._lost is not None:
            raise self._lost
        if self._cancelled:
            raise RunCancelledError("the run was asked to stop and did so before its next step")

    def _keep(self) -> None:
        while not self._done.wait(self._interval) and self._lost is None:
            stopped = self._cancelled
            self._renew_once()
            if self._on_stop is not None and not stopped and (self._cancelled or self._lost is not None):
                self._on_stop()

    def _renew_once(self) -> None:
        began = time.monotonic()
        try:
            self._cancelled = self._renew().cancel_requested or self._cancelled
            self._ends = began + self.seconds
        except (ConflictError, PreconditionError, NotFoundError) as error:
            self._lost = error
        except Exception:  # the service may be back before the lease is over; if it is not, it will say so
            _log.debug("the lease of a run could not be renewed; trying again", exc_info=True)
