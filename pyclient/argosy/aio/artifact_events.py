"""``watch_artifacts`` for event loops: what becomes of artifacts, as it happens and across every break."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from argosy.aio.artifact_version import ArtifactVersion
from argosy.aio.loop.watching import LoopWatching
from argosy.errors import EventLoopError
from argosy.sdk.queries.artifact_events import EventFacts, check_cursor, check_timeout, wanted_events, watch_text
from argosy.v1.watch_pb2 import WatchArtifactsResponse

if TYPE_CHECKING:
    from argosy.aio.loop.way import Way
    from argosy.transport.connection import Connection
    from argosy.transport.rpc.calls import ReceivingStream


@dataclass(frozen=True)
class ArtifactEvent(EventFacts):
    """Something that happened to an artifact.

    Attributes:
        artifact: the version as it was when the event was sent, to be loaded; ``None`` when it is gone.
    """

    artifact: ArtifactVersion | None


class ArtifactEvents(AsyncIterator[ArtifactEvent]):
    """A watch: an asynchronous iterator of events, and a context manager that begins and closes it.

    It begins with ``async with``, or when the first event is asked for; what happens from then on is not missed. A task
    that waits for an event may be cancelled; the next one that asks gets what came meanwhile. Tasks that ask at the
    same time get different events.
    """

    def __init__(self, way: Way, cursor: str, wanted: dict[str, Any], timeout: float | None) -> None:
        """Watch nothing yet."""

        def start(
            connection: Connection, last: WatchArtifactsResponse | None
        ) -> ReceivingStream[WatchArtifactsResponse]:
            return connection.artifacts.watch_artifacts(cursor=cursor if last is None else last.cursor, **wanted)

        self._way = way
        self._cursor = cursor
        self._wanted = wanted
        self._timeout = timeout
        self._beginning = asyncio.Lock()
        self._watching = LoopWatching(way, "a watch of artifacts", start, ends=False)

    @property
    def cursor(self) -> str:
        """Where the watch is: goes on here when it is given to ``watch_artifacts``, also in another process."""
        return self._cursor

    async def close(self) -> None:
        """End the watch; a task that waits for an event is told at once. Closing twice is fine."""
        self._watching.close()

    async def __anext__(self) -> ArtifactEvent:
        """Wait for the next event.

        Raises:
            CursorExpiredError: the watch was interrupted for so long that events were forgotten.
            ArgosyError: it cannot begin, or cannot go on.
        """
        await self._begin()
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while not self._watching.is_closed:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            message = await self._watching.read(left)
            if message is not None:
                # Not the last one that was read: that one is told later when the task was cancelled.
                self._cursor = message.cursor
                if message.HasField("event"):
                    return self._event(message)
        raise StopAsyncIteration

    async def __aenter__(self) -> ArtifactEvents:
        """Begin.

        Raises:
            CursorExpiredError: events after the cursor were forgotten, or it is of another store or project.
            UnavailableError: the store cannot be reached.
            DeadlineError: it does not answer.
            EventLoopError: it was closed.
        """
        await self._begin()
        if self._watching.is_closed:
            raise EventLoopError(f"{self!r} was closed; call watch_artifacts again")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the watch."""
        await self.close()

    def __repr__(self) -> str:
        return watch_text(self._wanted, is_closed=self._watching.is_closed)

    async def _begin(self) -> None:
        """Read the first message: it tells where the watch begins."""
        async with self._beginning:
            if self._watching.last is None and (message := await self._watching.begin()) is not None:
                self._cursor = message.cursor

    def _event(self, message: WatchArtifactsResponse) -> ArtifactEvent:
        event = message.event
        found = ArtifactVersion(event.artifact_version, self._way) if event.HasField("artifact_version") else None
        return ArtifactEvent.read_from(message, artifact=found)


def watch_by(
    way: Way,
    name: str | None,
    alias: str | None,
    tag: str | None,
    kinds: str | Iterable[str] | None,
    include_unnamed: bool,
    cursor: str | None,
    timeout: float | None,
) -> ArtifactEvents:
    """Do as :func:`argosy.aio.watch_artifacts` in one store and project.

    Raises:
        ParameterError: an argument is malformed.
    """
    wanted = wanted_events(name, alias, tag, kinds, include_unnamed)
    check_cursor(cursor)
    check_timeout(timeout)
    return ArtifactEvents(way, cursor or "", wanted, timeout)
