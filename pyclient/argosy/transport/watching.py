"""Watches that go on, whatever happens to their connection: nothing is missed and nothing comes twice."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from argosy.errors import ArgosyError, ConflictError, UnavailableError
from argosy.transport.artifact_client import ArtifactClient
from argosy.transport.calls import ReceivingStream
from argosy.transport.pipeline_client import PipelineClient
from argosy.transport.retry import FEW_ATTEMPTS, Backoff, worth_retrying
from argosy.transport.watchdog import shared_watchdog
from argosy.v1.pipeline_pb2 import Run, StepRun
from argosy.v1.watch_pb2 import WatchArtifactsResponse, WatchRunResponse

FOREVER = sys.maxsize
M = TypeVar("M")


def goes_on(error: ArgosyError) -> bool:
    """Tell whether a watch that ended like this goes on with its last cursor."""
    return worth_retrying(error) or (isinstance(error, ConflictError) and error.reason == "WATCH_STALLED")


class Watching(Generic[M]):
    """The messages of a watch, one after the other. One thread reads; any thread may close it."""

    def __init__(self, what: str, start: Callable[[], ReceivingStream[M]], *, ends: bool) -> None:
        """Watch nothing yet.

        Args:
            what: names the watch in the log.
            start: starts the call, where it has to go on.
            ends: whether the end of the stream is the end of the watch.
        """
        self._what = what
        self._start = start
        self._ends = ends
        self._lock = threading.Lock()
        self._stream: ReceivingStream[M] | None = None
        self._interrupted = threading.Event()
        self._closed = False
        self._backoff = Backoff(what, FEW_ATTEMPTS, self._interrupted.wait)
        self._has_begun = False

    def read(self, timeout: float | None = None) -> M | None:
        """Return the next message; ``None`` when the watch has ended or was closed, or after ``timeout`` seconds.

        ``None`` may also come early; whoever is not closed and has time reads again.

        Raises:
            ArgosyError: the watch cannot go on; once it has begun, an unreachable server is no reason.
        """
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

    def close(self) -> None:
        """End the watch; a thread that waits for a message gets ``None``. Closing twice is fine."""
        self._closed = True
        self._interrupt()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, or has ended."""
        return self._closed

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
            if not self._has_begun:
                self._has_begun = True
                # Whoever has begun to watch wants to go on when a server comes back, however late.
                self._backoff = Backoff(self._what, FOREVER, self._interrupted.wait)
            self._backoff.progressed()
            return message

    def _current(self) -> ReceivingStream[M] | None:
        with self._lock:
            if self._closed or self._interrupted.is_set():
                return None
            if self._stream is None:
                self._stream = self._start()
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
    """Messages about artifacts, going on from the last cursor.

    Attributes:
        cursor: stands for all that was read.
    """

    def __init__(self, artifacts: ArtifactClient, cursor: str, wanted: Mapping[str, Any]) -> None:
        """Begin after ``cursor``, or now; ``wanted`` are the filters of ``ArtifactClient.watch_artifacts``.

        Raises:
            ArgosyError: the watch cannot begin.
        """
        self.cursor = cursor
        self._watching: Watching[WatchArtifactsResponse] = Watching(
            "a watch of artifacts", lambda: artifacts.watch_artifacts(cursor=self.cursor, **wanted), ends=False
        )
        # It tells where the watch begins: what happens from here on is not missed.
        self.read()

    def read(self, timeout: float | None = None) -> WatchArtifactsResponse | None:
        """Return the next message, ``None`` when it was closed or after ``timeout`` seconds."""
        message = self._watching.read(timeout)
        if message is not None:
            self.cursor = message.cursor
        return message

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

    def __init__(self, pipelines: PipelineClient, run: str) -> None:
        """Watch a run by id or name.

        Raises:
            NotFoundError: no such run.
            ArgosyError: the watch cannot begin.
        """
        self._picture = RunPicture()
        self._watching: Watching[WatchRunResponse] = Watching(
            f"a watch of run {run}", lambda: pipelines.watch_run(run), ends=True
        )
        self._first = self._watching.read()

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
