"""One who watches artifacts: has a position, and is sent what follows it."""

from __future__ import annotations

import time

from argosy_server.api.watching.cursor import Cursors, Start
from argosy_server.api.watching.hub import WatchHub
from argosy_server.api.watching.messages import Entry, News, cursor_message
from argosy_server.api.watching.stream import WatchStream
from argosy_server.domain.event import ArtifactFilter, Position
from argosy_server.usecases.ports import MetadataStore
from argosy_server.usecases.read_events import read_events

TURN = 100
"""Events one turn looks at; then others get theirs."""


class ArtifactWatcher:
    """Hears of the events of one filter, each once and in order."""

    def __init__(
        self,
        hub: WatchHub,
        metadata: MetadataStore,
        project: str,
        wanted: ArtifactFilter,
        start: Start,
        stream: WatchStream,
    ) -> None:
        """Begin after a position. The first turn, which the hub gives, tells the client where that is."""
        self.project = project
        self.stream = stream
        self._hub = hub
        self._metadata = metadata
        self._wanted = wanted
        self._epoch = start.epoch
        self._position = start.position
        self._cursors = Cursors(start.epoch, project)
        # From here on it is the turn's, and the hub's lock guards it.
        self._has_turn = True
        self._shall_greet = True
        self._last_sent = time.monotonic()

    def notice(self, news: News) -> bool:
        """Take note of new events; those it does not want are passed over."""
        if self._has_turn:
            # It looks itself before its turn ends.
            return False
        self._has_turn = news.is_wanted(self.project, self._wanted)
        if not self._has_turn:
            self._position = max(self._position, news.head)
        return self._has_turn

    def tick(self, now: float) -> bool:
        """Ask for a turn when the client has long heard nothing: its cursor must not grow old."""
        if self._has_turn or now - self._last_sent < self._hub.settings.quiet_seconds:
            return False
        self._has_turn = self._shall_greet = True
        return True

    def send_some(self) -> bool:
        """Send what follows, at most so much as one turn may; ``True`` when more may be left."""
        if self._shall_greet:
            self._shall_greet = False
            if not self._send(cursor_message(self._cursors, self._position).SerializeToString()):
                return False
        with self._hub.lock:
            found = self._hub.recent.after(self._position, self.project, TURN)
        entries, end = found or self._read_back()
        for entry in entries:
            if self._wanted.takes(entry.event):
                if not self._send(entry.encoded):
                    return False
                self._position = entry.event.position
        self._position = end
        with self._hub.lock:
            self._has_turn = self._position < self._hub.recent.head
            return self._has_turn

    def _send(self, message: bytes) -> bool:
        is_open = self.stream.send(message)
        self._last_sent = time.monotonic()
        return is_open

    def _read_back(self) -> tuple[list[Entry], Position]:
        page = read_events(self._metadata, self._epoch, self._position, TURN, self._wanted.takes, self.project)
        entries = [Entry(event, page.versions.get(event.text("id")), self._epoch) for event in page.events]
        return entries, page.position
