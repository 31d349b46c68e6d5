"""Watches that go on, whatever happens to their connection: nothing is missed and nothing comes twice."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from argosy.config import ClientConfig
from argosy.errors import ArgosyError, ConflictError, DeadlineError, UnavailableError
from argosy.transport.connection import Connection, address_of
from argosy.transport.rpc.calls import ReceivingStream
from argosy.transport.rpc.retry import FEW_ATTEMPTS, Backoff, worth_going_on
from argosy.transport.rpc.watchdog import shared_watchdog
from argosy.v1.pipeline_pb2 import Run, StepRun
from argosy.v1.watch_pb2 import WatchArtifactsResponse, WatchRunResponse

FOREVER = sys.maxsize
M = TypeVar("M")


def goes_on(error: ArgosyError) -> bool:
    """Tell whether a watch that ended like this goes on with its last cursor."""
    return worth_going_on(error) or (isinstance(error, ConflictError) and error.reason == "WATCH_STALLED")


def answer_seconds(config: ClientConfig) -> float | None:
    """Return how long a watch waits for its first message: as any simple call does, which an embedded store ends."""
    return None if config.is_embedded else config.unary_deadline


def unanswered(what: str, config: ClientConfig) -> DeadlineError:
    """Return the error of a watch whose first message does not come."""
    return DeadlineError(
        f"the Argosy server at {address_of(config)} did not answer {what} within {config.unary_deadline:g} s; "
        "try again, or raise ARGOSY_UNARY_DEADLINE"
    )


class Watching(Generic[M]):
    """The messages of a watch, one after the other. Threads that read at once take turns; any thread may close it.

    Attributes:
        last: the message read last, ``None`` before the first.
    """

    def __init__(self, what: str, start: Callable[[M | None], ReceivingStream[M]], *, ends: bool) -> None:
        """Watch nothing yet.

        Args:
            what: names the watch in the log.
            start: starts the call that goes on after the message read last. It must not lead back to this watch, which
                then ends its call as soon as nobody has it any more.
            ends: whether the end of the stream is the end of the watch.
        """
        self.last: M | None = None
        self._what = what
        self._start = start
        self._ends = ends
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._stream: ReceivingStream[M] | None = None
        self._interrupted = threading.Event()
        self._closed = False
        self._backoff = Backoff(what, FEW_ATTEMPTS, self._interrupted.wait)

    def begin(self, config: ClientConfig) -> M | None:
        """Return the first message, with which the store answers; ``None`` when it was closed meanwhile.

        Raises:
            DeadlineError: it does not answer in time.
            ArgosyError: the watch cannot begin.
        """
        message = self.read(answer_seconds(config))
        if message is None and not self._closed:
            self.close()
            raise unanswered(self._what, config)
        return message

    def read(self, timeout: float | None = None) -> M | None:
        """Return the next message; ``None`` when the watch has ended or was closed, or after ``timeout`` seconds.

        ``None`` may also come early; whoever is not closed and has time reads again.

        Raises:
            ArgosyError: the watch cannot go on; once it has begun, an unreachable server is no reason.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if not self._turn.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)):
            return None
        try:
            left = None if deadline is None else deadline - time.monotonic()
            return None if left is not None and left <= 0 else self._read_in_turn(left)
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the watch; a thread that waits for a message gets ``None``. Closing twice is fine."""
        self._closed = True
        self._interrupt()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, or has ended."""
        return self._closed

    def _read_in_turn(self, timeout: float | None) -> M | None:
        if not self._closed:
            # A clock of an earlier call may have gone off while it was stopped.
            self._interrupted.clear()
        clock = None if timeout is None else shared_watchdog().start(self._interrupt, timeout)
        try:
            if clock is not None:
                clock.wait()
            return self._read()
        finally:
            if clock is not None:
                shared_watchdog().stop(clock)
                if not self._closed:
                    self._interrupted.clear()

    def _read(self) -> M | None:
        while True:
            stream = self._current()
            if stream is None:
                return None
            try:
                message = next(stream, None)
                if message is None and not self._ends and not self._interrupted.is_set():
                    raise UnavailableError(f"{self._what} was ended by the store")
            except ArgosyError as error:
                self._stream = None
                stream.close()
                if self._interrupted.is_set():
                    return None
                self._wait_after(error)
                continue
            if message is None:
                self._closed = self._closed or not self._interrupted.is_set()
                self._stream = None
                return None
            if self.last is None:
                # Whoever has begun to watch wants to go on when a server comes back, however late.
                self._backoff = Backoff(self._what, FOREVER, self._interrupted.wait)
            self._backoff.progressed()
            self.last = message
            return message

    def _current(self) -> ReceivingStream[M] | None:
        with self._lock:
            if self._closed or self._interrupted.is_set():
                return None
            if self._stream is None:
                self._stream = self._start(self.last)
            return self._stream

    def _wait_after(self, error: ArgosyError) -> None:
        if not goes_on(error):
            raise error
        self._backoff.pause_anyhow(error)

    def _interrupt(self) -> None:
        self._interrupted.set()
        with self._lock:
            stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


class ArtifactWatching:
    """Messages about artifacts, going on from the last cursor."""

    def __init__(self, connection: Connection, cursor: str, wanted: Mapping[str, Any]) -> None:
        """Begin after ``cursor``, or now; ``wanted`` are the filters of ``ArtifactClient.watch_artifacts``.

        Raises:
            DeadlineError: the store does not answer in time.
            ArgosyError: the watch cannot begin.
        """
        artifacts = connection.artifacts

        def start(last: WatchArtifactsResponse | None) -> ReceivingStream[WatchArtifactsResponse]:
            return artifacts.watch_artifacts(cursor=cursor if last is None else last.cursor, **wanted)

        self._given = cursor
        self._watching = Watching("a watch of artifacts", start, ends=False)
        # It tells where the watch begins: what happens from here on is not missed.
        self._watching.begin(connection.config)

    @property
    def cursor(self) -> str:
        """What stands for all that was read."""
        last = self._watching.last
        return self._given if last is None else last.cursor

    def read(self, timeout: float | None = None) -> WatchArtifactsResponse | None:
        """Return the next message, ``None`` when it was closed or after ``timeout`` seconds."""
        return self._watching.read(timeout)

    def close(self) -> None:
        """End the watch."""
        self._watching.close()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._watching.is_closed


class RunPicture:
    """A run put together from the messages of its watch."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._run = Run()
        self._steps: dict[str, StepRun] = {}

    def add(self, message: WatchRunResponse) -> Run:
        """Take a message in and return the run as it is now, with all of its steps."""
        if message.HasField("run"):
            self._run = message.run
        self._steps.update((step.id, step) for step in message.steps)
        picture = Run()
        picture.CopyFrom(self._run)
        picture.ClearField("steps")
        picture.steps.extend(self._steps.values())
        return picture


class RunWatching:
    """A run as it changes, until it has ended."""

    def __init__(self, connection: Connection, run: str) -> None:
        """Watch a run by id or name.

        Raises:
            NotFoundError: no such run.
            DeadlineError: the store does not answer in time.
            ArgosyError: the watch cannot begin.
        """
        pipelines = connection.pipelines
        self._picture = RunPicture()
        self._watching: Watching[WatchRunResponse] = Watching(
            f"a watch of run {run}", lambda _: pipelines.watch_run(run), ends=True
        )
        self._first = self._watching.begin(connection.config)

    def read(self, timeout: float | None = None) -> Run | None:
        """Return the run as it is now, once it has changed; ``None`` when it has ended, and as for ``Watching``."""
        message, self._first = self._first, None
        if message is None:
            message = self._watching.read(timeout)
        return None if message is None else self._picture.add(message)

    def close(self) -> None:
        """End the watch."""
        self._watching.close()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, or the run has ended."""
        return self._watching.is_closed
