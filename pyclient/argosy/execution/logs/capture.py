"""Captures what steps print and log, while people still see all of it where it always went.

What counts is which step's code writes (``current_step``), so that steps that run at once in threads of one process
have each their own log, threads they start included. Written by ``print`` or to ``sys.stdout`` and ``sys.stderr``, it
is seen by what stands in for these (``streams``); logged, it is seen behind the logger, whatever its handlers are.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TextIO

from argosy.execution.context import current_step
from argosy.execution.failure_place import without_callers
from argosy.execution.logs.streams import StepStream, TakesOthers, Tee, stand_in, tee_to
from argosy.v1.step_logs_pb2 import LogSource

_FORMAT = logging.Formatter("%(message)s")


class LogOutlet(Protocol):
    """Where the log of one attempt goes."""

    def begin(self, collect: Callable[[], object]) -> None:
        """Call ``collect`` now and then: it adds what streams still hold back."""
        ...

    def add(self, source: LogSource.ValueType, data: bytes) -> None:
        """Take what was written to a stream, lines or parts of lines."""
        ...

    def lose(self, source: LogSource.ValueType, size: int, line_ends: int, *, is_open: bool) -> None:
        """Take note of a part of a stream that is too large to be kept: bytes, line ends, whether it ends in a line."""
        ...

    def add_record(self, moment: float, level: str, logger: str, text: str) -> None:
        """Take what was logged."""
        ...

    def end(self, error: BaseException | None) -> None:
        """Take nothing more; ``error`` is what ended the step. The last lines of one that failed are waited for."""
        ...

    def forget_threads(self) -> None:
        """In a forked child: take nothing more, and trust no lock another thread may have held."""
        ...


class _Capture:
    """What one running step writes."""

    def __init__(self, log: LogOutlet) -> None:
        self.log = log
        self._tees: dict[LogSource.ValueType, Tee] = {}
        self._lock = threading.Lock()
        self._collecting = threading.RLock()

    def tee(self, source: LogSource.ValueType, original: TextIO) -> Tee:
        """Return the way to a stream."""
        tee = self._tees.get(source)
        if tee is None:
            with self._lock:
                tee = self._tees.get(source)
                if tee is None:
                    tee = self._tees[source] = tee_to(original, source, self._add, _take_others)
        return tee

    def renew(self, source: LogSource.ValueType) -> None:
        """Make another way to a stream when it is written to next."""
        with self._lock:
            tee = self._tees.pop(source, None)
        if tee is not None:
            tee.collect()

    def collect(self, *, wait: bool = True, is_last: bool = False) -> None:
        """Let everything be seen that streams hold back; without ``wait``, leave it to another thread that does so.

        Whoever waits has afterwards also been told what the other thread had in hand.
        """
        if not self._collecting.acquire(blocking=wait):
            return
        try:
            if not _take_others(wait=wait, is_last=is_last):
                return
            for tee in list(self._tees.values()):
                with contextlib.suppress(Exception):  # a pipe nobody reads: the step hears of it when it writes
                    tee.collect()
        finally:
            self._collecting.release()

    def collect_shown(self) -> None:
        """Let everything be seen that people have seen already."""
        for tee in list(self._tees.values()):
            tee.collect_shown()

    def add_record(self, record: logging.LogRecord) -> None:
        """Take what was logged."""
        try:
            text = _FORMAT.format(record)
        except Exception:  # a wrong number of arguments: logging itself tells about it
            text = f"{record.msg} {record.args}"
        self.collect()
        self.log.add_record(record.created, _word(record.levelname), _word(record.name), text)

    def add_error(self, error: BaseException) -> None:
        """Take why the step ended, as Python would print it, from the step's own code on."""
        self.collect(is_last=True)
        lines = traceback.format_exception(type(error), error, without_callers(error.__traceback__))
        self.log.add(LogSource.LOG_SOURCE_STDERR, "".join(lines).encode(errors="replace"))

    def _add(self, source: LogSource.ValueType, data: bytes) -> None:
        if source == LogSource.LOG_SOURCE_STDERR:
            stdout = self._tees.get(LogSource.LOG_SOURCE_STDOUT)
            if stdout is not None:
                stdout.collect()  # what was printed before comes before
        self.log.add(source, data)


class _Installed:
    """The streams that stand in, as long as a step is captured; also what finds the way of each write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._captures: dict[int, _Capture] = {}
        self.stdout: StepStream | None = None
        self.stderr: StepStream | None = None

    def start(self, step: object, capture: _Capture) -> None:
        """Let a step be captured."""
        with self._lock:
            if not self._captures:
                self._stand_in()
            self._captures[id(step)] = capture

    def stop(self, step: object) -> None:
        """End it; with the last step the streams are what they were, unless somebody has replaced them."""
        with self._lock:
            del self._captures[id(step)]
            if self._captures:
                return
            if self.stdout is not None and sys.stdout is self.stdout:
                sys.stdout = self.stdout.original
            if self.stderr is not None and sys.stderr is self.stderr:
                sys.stderr = self.stderr.original
            self.stdout = self.stderr = None

    def streams(self) -> list[StepStream]:
        """Return those that stand in."""
        return [stream for stream in (self.stdout, self.stderr) if stream is not None]

    def current(self) -> _Capture | None:
        """Return the capture of the step that runs in this thread."""
        if not self._captures:
            return None
        step = current_step()
        return None if step is None else self._captures.get(id(step))

    def only(self) -> _Capture | None:
        """Return the one capture there is, ``None`` where there are several or none."""
        with self._lock:
            return next(iter(self._captures.values())) if len(self._captures) == 1 else None

    def find(self, source: LogSource.ValueType, original: TextIO) -> Tee | None:
        """See :class:`argosy.execution.logs.streams.Ways`. A stream that no longer stands in sees nothing."""
        capture = self.current()
        stream = self.stdout if source == LogSource.LOG_SOURCE_STDOUT else self.stderr
        if capture is None or stream is None or stream.original is not original:
            return None
        return capture.tee(source, original)

    def renew(self, source: LogSource.ValueType) -> None:
        """See :class:`argosy.execution.logs.streams.Ways`."""
        if (capture := self.current()) is not None:
            capture.renew(source)

    def forget(self) -> None:
        """In a forked child: see nothing more, let everything pass."""
        for capture in self._captures.values():
            capture.log.forget_threads()
        self._captures = {}
        self._lock = threading.Lock()

    def _stand_in(self) -> None:
        if sys.stdout is not None:
            sys.stdout = self.stdout = stand_in(sys.stdout, LogSource.LOG_SOURCE_STDOUT, self)
        if sys.stderr is not None:
            sys.stderr = self.stderr = stand_in(sys.stderr, LogSource.LOG_SOURCE_STDERR, self)


_installed = _Installed()
_others: list[TakesOthers] = []


@contextlib.contextmanager
def captured_logs(log: LogOutlet) -> Iterator[None]:
    """Add what the current step prints and logs to ``log`` until the block ends.

    Enter it in the thread that calls the step's function, inside ``entered_step``. The block is not held up by the
    store. When it raises, the last lines are waited for, a few seconds at most, so that they are there before anybody
    hears of the failure.
    """
    step = current_step()
    if step is None:
        raise RuntimeError("captured_logs() captures a step; enter it inside entered_step()")
    _see_what_is_logged()
    capture = _Capture(log)
    ended_by: BaseException | None = None
    _installed.start(step, capture)
    bound = _installed.streams()
    try:
        for stream in bound:
            stream.bind(capture.tee(stream.source, stream.original))
        log.begin(functools.partial(capture.collect, wait=False))
        yield
    except BaseException as error:
        ended_by = error
        capture.add_error(error)
        raise
    finally:
        for stream in bound:
            stream.release()
        capture.collect(is_last=True)
        _installed.stop(step)
        log.end(ended_by)


@contextlib.contextmanager
def added_before(take: TakesOthers) -> Iterator[None]:
    """Call ``take`` before anything is added to a log, and at its end, while the block lasts; see ``only_capture``."""
    _others.append(take)
    try:
        yield
    finally:
        _others.remove(take)


def only_capture() -> _Capture | None:
    """Return the capture of the one step that runs, for what was written past Python; see ``descriptors``."""
    return _installed.only()


def _take_others(*, wait: bool, is_last: bool = False) -> bool:
    taken = True
    for take in _others:
        taken = take(wait=wait, is_last=is_last) and taken
    return taken


@functools.cache
def _see_what_is_logged() -> None:
    """Look at records behind their logger. A handler on the root logger would keep ``basicConfig`` from working."""
    call_handlers = logging.Logger.callHandlers

    @functools.wraps(call_handlers)
    def seen(logger: logging.Logger, record: logging.LogRecord) -> None:
        capture = _installed.current()
        if capture is None:
            call_handlers(logger, record)
            return
        with _unseen():
            call_handlers(logger, record)
        capture.add_record(record)

    logging.Logger.callHandlers = seen  # type: ignore[method-assign,assignment]  # the one place every record passes


@contextlib.contextmanager
def _unseen() -> Iterator[None]:
    """Let this thread write without being seen: what handlers print is known already."""
    streams = _installed.streams()
    before = []
    for stream in streams:
        tee = _installed.find(stream.source, stream.original)
        if tee is not None:
            tee.collect()
        before.append(stream.swap(stream.original.write, stream.original.flush))
    try:
        yield
    finally:
        for stream, way in zip(streams, before, strict=True):
            stream.swap(*way)


def _word(text: Any) -> str:
    """Return a name as the store takes it."""
    return "".join(character if character.isprintable() else "?" for character in str(text))[:200]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_installed.forget)
