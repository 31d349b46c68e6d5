"""Who listens to a watch in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argosy import ArtifactEvent
from argosy.sdk.queries.artifact_events import ArtifactEvents
from tests.waiting import PATIENCE, wait_until


class Listener:
    """Takes the events of a watch in a thread of its own."""

    def __init__(self, events: ArtifactEvents) -> None:
        self.events = events
        self.heard: list[ArtifactEvent] = []
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        try:
            for event in self.events:
                self.heard.append(event)
        except Exception as error:
            self.error = error

    def wait_for(self, count: int) -> list[ArtifactEvent]:
        wait_until(lambda: len(self.heard) >= count or self.error, f"{count} events")
        assert self.error is None
        return self.heard

    def close(self) -> None:
        self.events.close()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@contextmanager
def listening(events: ArtifactEvents) -> Iterator[Listener]:
    listener = Listener(events)
    try:
        yield listener
    finally:
        listener.close()
