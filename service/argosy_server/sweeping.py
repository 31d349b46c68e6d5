"""When a store is swept: by a server again and again, by an embedded store now and then; one process at a time."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path

from argosy_server.bootstrap import Application
from argosy_server.domain.errors import DomainError
from argosy_server.usecases.ports import Leadership

STOP_SECONDS = 5.0
OCCASION_EVERY = 3600.0
"""After so many seconds without a sweep there is one by an embedded store."""
OCCASION_DELAY = 30.0
"""So long it waits first: most programs have ended by then, and sweep at their end."""
_log = logging.getLogger(__name__)


class SweepThread:
    """Sweeps at once and then again and again while this process leads, until it is stopped.

    Every process over a store asks at each interval whether it may lead. Who leads does so until it ends, or until its
    connection to the database is lost; the next one to ask follows.
    """

    def __init__(self, application: Application, interval: float) -> None:
        """Start.

        Args:
            application: whose store is swept.
            interval: seconds between two sweeps, and between two questions who leads.
        """
        self._application = application
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the sweep under way, but wait for a long one no longer: every step of it can be redone."""
        self._stop.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        with ExitStack() as led:
            leads: Leadership | None = None
            while True:
                leads = leads if leads else self._ask_to_lead(led)
                if leads:
                    sweep_logged(self._application)
                if self._stop.wait(self._interval):
                    return

    def _ask_to_lead(self, led: ExitStack) -> Leadership | None:
        try:
            led.close()
            return led.enter_context(self._application.metadata.lead())
        except DomainError as error:
            _log.warning("it is not known who leads, so this process does not sweep now: %s", error)
        except Exception:
            _log.exception("it is not known who leads, so this process does not sweep now")
        return None


class OccasionalSweep:
    """Sweeps once when the last sweep of this store is long ago: after a while, or when the channel is closed."""

    def __init__(self, application: Application, marker: Path) -> None:
        """Look when the last one was; the age of ``marker`` tells all processes.

        Args:
            application: whose store is swept.
            marker: an empty file, touched by each sweep.
        """
        self._application = application
        self._marker = marker
        self._lock = threading.Lock()
        self._due = self._is_due()
        self._timer: threading.Timer | None = None
        if self._due:
            self._timer = threading.Timer(OCCASION_DELAY, self._sweep)
            self._timer.daemon = True
            self._timer.start()

    def finish(self) -> None:
        """Sweep now what was due and has not been swept, or wait for the sweep under way."""
        if self._timer is not None:
            self._timer.cancel()
            self._sweep()

    def _sweep(self) -> None:
        with self._lock:
            if self._due and self._is_due():
                try:
                    if sweep_if_leading(self._application):
                        self._marker.touch()
                except (DomainError, OSError) as error:
                    _log.warning("the store was not swept: %s", error)
            self._due = False

    def _is_due(self) -> bool:
        try:
            return time.time() - os.stat(self._marker).st_mtime > OCCASION_EVERY
        except FileNotFoundError:
            # A fresh store has nothing to sweep.
            with suppress(OSError):
                self._marker.touch()
            return False


def sweep_if_leading(application: Application) -> bool:
    """Sweep once, unless another process does so already; return whether this one did.

    Raises:
        StorageUnavailable, StorageFull: it cannot be found out who leads.
    """
    with application.metadata.lead() as leads:
        if not leads:
            return False
        sweep_logged(application)
        return True


def sweep_logged(application: Application) -> None:
    """Sweep; a failure is logged, for the next sweep does the same work again."""
    try:
        report = application.sweep()
    except DomainError as error:
        _log.warning("the sweep failed; the next one tries again: %s", error)
        return
    except Exception:
        _log.exception("the sweep failed; the next one tries again")
        return
    _log.debug("swept", extra=asdict(report))
