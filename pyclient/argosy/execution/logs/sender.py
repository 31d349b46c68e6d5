"""Sends what steps print, from one thread of the process, so that no step ever waits for the store.

A step that ends well is not held up either: its last lines follow within half a second, or when the process ends or
somebody asks for them. A store that is away, or full, is tried again; what cannot be sent in the end is dropped, and
told once.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Protocol

from argosy.errors import ArgosyError, ConflictError, DeadlineError, ResourceExhaustedError, UnavailableError
from argosy.execution.logs.buffer import Batch, LogBuffer
from argosy.transport.connection import before_disconnecting
from argosy.v1.step_logs_pb2 import AppendStepLogsResponse, LogEntry, LogSource

INTERVAL = 0.5
PATIENCE = 5.0
"""Seconds the end of a failed step, or of the process, waits for the last lines."""
_HURRIED = 1.0
"""Seconds that the last lines of a step get which was stopped by hand."""
GIVE_UP = 30.0
"""Seconds after the end of a step until lines the store does not take are dropped."""
CALL_SECONDS = 10.0
_PAUSES = (0.2, 0.5, 1.0, 2.0)
_log = logging.getLogger(__name__)


class LogSink(Protocol):
    """Takes the batches of one attempt of a step."""

    def __call__(
        self,
        batch: int,
        entries: list[LogEntry],
        *,
        dropped_lines: int = 0,
        is_last: bool = False,
        deadline: float | None = None,
    ) -> AppendStepLogsResponse:
        """Send a batch; the same number twice changes nothing."""
        ...


def _nothing() -> None:
    """Nothing is held back."""


class OutgoingLog:
    """The log of one attempt on its way; see :class:`argosy.execution.logs.capture.LogOutlet`."""

    def __init__(self, sink: LogSink, step: str) -> None:
        """Send to ``sink``.

        Args:
            sink: where to.
            step: names the step when something is lost.
        """
        self.buffer = LogBuffer()
        self.sent = threading.Event()
        self._sink = sink
        self._step = step
        self._collect: Callable[[], object] = _nothing
        self._number = 0
        self._unsent: Batch | None = None
        self._failures = 0
        self.trouble: ArgosyError | None = None
        self._next_try = 0.0
        self._closed_at: float | None = None

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is printed."""
        return self._closed_at is not None

    def begin(self, collect: Callable[[], object] | None = None) -> None:
        """Send from now on, also what ``collect`` brings."""
        self._collect = collect or _nothing
        _sender.start(self)

    def add(self, source: LogSource.ValueType, data: bytes) -> None:
        """Take what was written to a stream."""
        self.buffer.add(source, data)

    def lose(self, source: LogSource.ValueType, size: int, line_ends: int, *, is_open: bool) -> None:
        """Take note of a part of a stream that is too large to be kept."""
        self.buffer.lose(source, size, line_ends, is_open=is_open)

    def add_record(self, moment: float, level: str, logger: str, text: str) -> None:
        """Take what was logged."""
        self.buffer.add_record(moment, level, logger, text)

    def end(self, error: BaseException | None) -> None:
        """Take nothing more, and after an error wait a few seconds at most until the last lines are stored."""
        self._collect()
        self.buffer.close()
        self._closed_at = time.monotonic()
        if error is not None:
            _sender.wait(self, PATIENCE if isinstance(error, Exception) else _HURRIED)

    def forget_threads(self) -> None:
        """In a forked child: take nothing more."""
        self.buffer.forget_threads()

    def push(self) -> None:
        """Send what waits, as far as the store takes it; never raises."""
        is_closed = self.is_closed
        if not is_closed:
            self._collect()
        if time.monotonic() < self._next_try:
            return
        while (batch := self._unsent or self.buffer.take()) is not None:
            if not self._send(batch):
                return
            if self.buffer.is_at_end and not is_closed:
                return  # a step that prints without end is sent at a walking pace
        if is_closed:
            self._finish()

    def give_up(self, why: object) -> None:
        """Drop what was not sent."""
        unsent, self._unsent = self._unsent, None
        lines = self.buffer.drop_all()
        if unsent is not None:
            lines += sum(entry.text.count("\n") + 1 for entry in unsent.entries) + unsent.dropped_lines
        if isinstance(why, ConflictError):
            _log.debug("step %s: another attempt took over; %d lines of this one are dropped", self._step, lines)
        elif lines:
            _log.warning("step %s: %d lines of its log could not be stored (%s)", self._step, lines, why)
        self.sent.set()

    def _finish(self) -> None:
        rest = self.buffer.take_rest()
        if (rest is None or self._send(rest)) and (self._number == 0 or self._send(Batch([], 0), is_last=True)):
            self.sent.set()

    def _send(self, batch: Batch, *, is_last: bool = False) -> bool:
        if not (batch.entries or batch.dropped_lines or is_last):
            return True  # the beginning of a line
        self._unsent = batch
        try:
            self._sink(
                self._number, batch.entries, dropped_lines=batch.dropped_lines, is_last=is_last, deadline=CALL_SECONDS
            )
        except (ArgosyError, ValueError) as error:  # ValueError: the channel was closed
            if isinstance(error, ArgosyError) and _may_pass(error):
                self._postpone(error, is_last=is_last)
            else:
                self.give_up(error)
            return False
        self._unsent = self.trouble = None
        self._failures = 0
        self._number += 1
        return True

    def _postpone(self, error: ArgosyError, *, is_last: bool) -> None:
        if is_last:
            self._unsent = None
        self.trouble = error
        now = time.monotonic()
        if self._closed_at is not None and now - self._closed_at > GIVE_UP:
            self.give_up(error)
            return
        self._next_try = now + _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1


def _may_pass(error: ArgosyError) -> bool:
    """Whether the store may take the same lines later: it is away, or its disk is full."""
    is_full = isinstance(error, ResourceExhaustedError) and error.reason == "STORAGE_FULL"
    return is_full or isinstance(error, (UnavailableError, DeadlineError))


class LogSender:
    """Pushes all logs of the process, twice a second."""

    def __init__(self) -> None:
        """Start no thread yet."""
        self._changed = threading.Condition()
        self._logs: list[OutgoingLog] = []
        self._hurry = False
        self._thread: threading.Thread | None = None

    def start(self, log: OutgoingLog) -> None:
        """Send a log from now on, until it is closed and sent."""
        with self._changed:
            self._logs.append(log)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="argosy-logs", daemon=True)
                self._thread.start()
            elif len(self._logs) == 1:
                self._changed.notify()

    def wait(self, log: OutgoingLog, timeout: float) -> bool:
        """Send a closed log at once, and tell whether all of it was sent within ``timeout`` seconds."""
        self._hasten()
        return log.sent.wait(timeout)

    def drain(self, timeout: float = PATIENCE) -> None:
        """Send all closed logs at once, and wait at most ``timeout`` seconds; what is left is dropped and told."""
        for log in self.settle(timeout):
            log.give_up(log.trouble or "the store did not take them in time")

    def settle(self, timeout: float = PATIENCE) -> list[OutgoingLog]:
        """Do as :meth:`drain`, but return what could not be sent instead of dropping it."""
        deadline = time.monotonic() + timeout
        with self._changed:
            logs = [log for log in self._logs if log.is_closed]
        if logs:
            self._hasten()
        return [log for log in logs if not log.sent.wait(max(deadline - time.monotonic(), 0))]

    def _hasten(self) -> None:
        with self._changed:
            self._hurry = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._hurry:
                    self._changed.wait(INTERVAL if self._logs else None)
                self._hurry = False
                logs = list(self._logs)
            for log in logs:
                try:
                    log.push()
                except Exception as error:
                    _log.debug("a log cannot be sent", exc_info=True)
                    log.give_up(error)
            with self._changed:
                self._logs = [log for log in self._logs if not log.sent.is_set()]


_sender = LogSender()


def drain_logs() -> None:
    """Send what steps that have ended printed, and wait for it, though not for long."""
    _sender.drain()


def settle_logs() -> None:
    """Do the same for somebody who is about to read them."""
    _sender.settle()


def _remake() -> None:
    global _sender
    _sender = LogSender()


before_disconnecting(drain_logs)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_remake)
