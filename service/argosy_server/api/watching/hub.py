"""All who watch this server. One thread reads new events once for all of them; a few others send.

A watcher has a position and no queue: what it has to be sent next is looked up, in memory while it keeps up, in the
database when it is behind. So catching up and hearing the latest join without gap or repeat, and a watcher that takes
nothing costs no memory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from argosy_server.api.messages.error_status import draining_status
from argosy_server.api.messages.refusals import Draining, TooManyWatchers
from argosy_server.api.watching.messages import Entry, News
from argosy_server.api.watching.recent_events import RecentEvents
from argosy_server.api.watching.sender_pool import SenderPool, Sending
from argosy_server.api.watching.settings import WatchSettings
from argosy_server.domain.errors import CursorExpired, DomainError, StorageUnavailable
from argosy_server.domain.event import Position
from argosy_server.usecases.ports import MetadataStore
from argosy_server.usecases.read_events import read_events

BATCH = 200
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 5.0
TICK_SECONDS = 0.5
"""How often watchers are asked whether it is time for something."""
_log = logging.getLogger(__name__)


class Watcher(Sending, Protocol):
    """One who watches. Called with the hub's lock held, but for what it sends."""

    @property
    def project(self) -> str:
        """The project it watches."""
        ...

    def notice(self, news: News) -> bool:
        """Take note of new events, of any project; ``True`` when it needs a turn to send."""
        ...

    def tick(self, now: float) -> bool:
        """Take note of the monotonic time; ``True`` when it needs a turn to send."""
        ...


class WatchHub:
    """Brings events to watchers. Its threads start with the first watcher and rest while there is none."""

    def __init__(self, metadata: MetadataStore, settings: WatchSettings | None = None) -> None:
        """Serve what a database says."""
        self.settings = settings or WatchSettings()
        self.lock = threading.Lock()
        self.recent = RecentEvents()
        self._metadata = metadata
        self._changed = threading.Condition(self.lock)
        self._senders = SenderPool(self.settings)
        self._watchers: set[Watcher] = set()
        self._epoch = ""
        self._restarts = 0
        self._reader: threading.Thread | None = None
        self._is_draining = False

    @property
    def count(self) -> int:
        """How many watch."""
        with self.lock:
            return len(self._watchers)

    def check_room(self) -> None:
        """Refuse one more watcher than there may be.

        Raises:
            TooManyWatchers: there are as many as there may be.
            Draining: the server is shutting down.
        """
        with self.lock:
            self._check_room()

    def add(self, watcher: Watcher, epoch: str, newest: Position) -> None:
        """Serve a watcher from now on, beginning with a turn to send.

        Args:
            watcher: who.
            epoch: the order of events that ``newest`` is of.
            newest: of all events, read before this; the watcher hears of all that follow it.

        Raises:
            TooManyWatchers, Draining: as :meth:`check_room`.
        """
        with self.lock:
            self._check_room()
            if not self._watchers:
                self._restart(epoch, newest)
            self._watchers.add(watcher)
            self._changed.notify()
            if self._reader is None:
                self._reader = threading.Thread(target=self._read, name="watch-events", daemon=True)
                self._reader.start()
        if watcher.stream.on_close(lambda: self._remove(watcher)):
            self._senders.submit(watcher)
        else:
            self._remove(watcher)

    def drain(self) -> None:
        """End all watches, and let none begin any more."""
        with self.lock:
            self._is_draining = True
            watchers = list(self._watchers)
            self._changed.notify_all()
        for watcher in watchers:
            watcher.stream.finish(draining_status())
        self._senders.stop()

    def close(self) -> None:
        """Do as :meth:`drain`, and wait until nobody asks the database any more: it is closed next."""
        self.drain()
        with self.lock:
            self._watchers.clear()
            self._changed.notify_all()
        if self._reader is not None:
            self._reader.join(CLOSE_SECONDS)
        self._senders.join(CLOSE_SECONDS)

    def _check_room(self) -> None:
        if self._is_draining:
            raise Draining
        if len(self._watchers) >= self.settings.max_watchers:
            raise TooManyWatchers(self.settings.max_watchers)

    def _remove(self, watcher: Watcher) -> None:
        with self.lock:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._changed.notify_all()

    def _read(self) -> None:
        ticked = time.monotonic()
        while True:
            with self._changed:
                while not self._watchers:
                    if self._is_draining:
                        return
                    self._changed.wait()
                epoch, head, restarts = self._epoch, self.recent.head, self._restarts
            # Asked before the events are read, so that what is written meanwhile wakes.
            seen = self._metadata.wait_for_events(-1, 0)
            try:
                pause = self._read_some(epoch, head, restarts)
            except DomainError as error:
                _log.warning("events cannot be read now: %s", error)
                pause = RETRY_SECONDS
            except Exception:
                _log.exception("events could not be read; trying again")
                pause = RETRY_SECONDS
            now = time.monotonic()
            if now - ticked >= TICK_SECONDS:
                ticked = now
                self._give_turns(lambda watcher: watcher.tick(time.monotonic()))
            if pause:
                self._metadata.wait_for_events(seen, pause)

    def _read_some(self, epoch: str, head: Position, restarts: int) -> float:
        """Read what follows ``head`` and tell the watchers; return how long to wait for more."""
        try:
            page = read_events(self._metadata, epoch, head, BATCH, lambda _: True)
        except CursorExpired:
            # This process stood still for days, while others went on and forgot, or the database was restored.
            self._begin_anew()
            return self.settings.poll_seconds
        if not page.events:
            return self.settings.poll_seconds
        entries = [Entry(event, page.versions.get(event.text("id")), epoch) for event in page.events]
        news = News(entries, page.position)
        with self.lock:
            if self._restarts != restarts:
                # All had gone, and whoever came then began at another place.
                return 0
            self.recent.extend(entries, page.position)
            due = [watcher for watcher in self._watchers if watcher.notice(news)]
        for watcher in due:
            self._senders.submit(watcher)
        return self.settings.poll_seconds if page.is_last else 0

    def _give_turns(self, is_due: Callable[[Watcher], bool]) -> None:
        with self.lock:
            due = [watcher for watcher in self._watchers if is_due(watcher)]
        for watcher in due:
            self._senders.submit(watcher)

    def _begin_anew(self) -> None:
        """Let all watchers come again: each hears then whether its own position has expired."""
        with self._metadata.read() as tx:
            epoch, newest = tx.events.epoch(), tx.events.newest()
        with self.lock:
            watchers = list(self._watchers)
            self._watchers.clear()
            self._restart(epoch, newest)
        for watcher in watchers:
            watcher.stream.fail(
                StorageUnavailable("this server stood still for long, or its store was restored; watch again")
            )

    def _restart(self, epoch: str, newest: Position) -> None:
        self._epoch = epoch
        self._restarts += 1
        self.recent.restart(newest)
