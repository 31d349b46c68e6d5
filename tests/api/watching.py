"""Raw watches that fail instead of waiting for ever."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

from argosy.v1 import watch_pb2 as wire
from argosy.v1.watch_pb2 import ArtifactEvent, ArtifactEventKind, WatchArtifactsRequest, WatchArtifactsResponse
from tests.api.calls import Stubs

PATIENCE = 30.0
CREATED = wire.ARTIFACT_EVENT_KIND_VERSION_CREATED
MOVED = wire.ARTIFACT_EVENT_KIND_ALIAS_MOVED
REMOVED = wire.ARTIFACT_EVENT_KIND_ALIAS_REMOVED
UPDATED = wire.ARTIFACT_EVENT_KIND_VERSION_UPDATED
DELETED = wire.ARTIFACT_EVENT_KIND_VERSION_DELETED


class Patient:
    """Cancels a call of which nothing is heard for longer than any test may wait."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.heard = False
        self._wait()

    def _wait(self) -> None:
        self._timer = threading.Timer(PATIENCE, self._look)
        self._timer.start()

    def _look(self) -> None:
        if not self.heard:
            self.call.cancel()
            return
        self.heard = False
        self._wait()

    def __enter__(self) -> Any:
        return self.call

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._timer.cancel()
        self.call.cancel()


class Watch:
    """An open watch of artifacts, which has told where it begins."""

    def __init__(self, stubs: Stubs, project: str, **wanted: Any) -> None:
        self._patient = Patient(stubs.artifacts.WatchArtifacts(WatchArtifactsRequest(project=project, **wanted)))
        first = next(self._patient.call)
        assert not first.HasField("event"), "the first message tells where the stream begins"
        self.cursor: str = first.cursor

    def next(self) -> ArtifactEvent:
        """Wait for the next event."""
        while True:
            message: WatchArtifactsResponse = next(self._patient.call)
            self._patient.heard = True
            self.cursor = message.cursor
            if message.HasField("event"):
                return message.event

    def take(self, count: int) -> list[ArtifactEvent]:
        """Wait for so many events."""
        return [self.next() for _ in range(count)]

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._patient.__exit__(kind, error, None)


def facts(event: ArtifactEvent) -> tuple[ArtifactEventKind.ValueType, str, str, str]:
    """What most tests compare: kind, name, version and alias."""
    return event.kind, event.name, event.version, event.alias
