"""An actor that watches, and goes on after each of its deaths where its journal ends."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import argosy
from tests.soak.actors.actor import REFUSALS, Actor, Assignment, told
from tests.soak.actors.labelling import ALIAS
from tests.soak.actors.saving import SHARED
from tests.soak.journal import Journal, of_kind, read_journals

END_TAG = "soak-end"
"""What the last event of every watch is about."""
LONGEST_WATCH, LONGEST_AWAY = 1.0, 0.5
"""Seconds after which a watcher closes its watch with the next event, and until it watches again.

It goes on by its cursor hundreds of times in a soak, and reads for two thirds of the time: as fast as it is told, which
is many times faster than all others together write. A number of events instead of a time would bound what it reads.
"""
FILTERS: dict[str, dict[str, Any]] = {
    "everything": {"include_unnamed": True},
    "alias": {"alias": ALIAS},
    "name": {"name": SHARED[0]},
}


class Watcher(Actor):
    """Writes down each event before it asks for the next one."""

    def __init__(self, given: Assignment, journal: Journal, stop: threading.Event, folder: Path, cursor: str) -> None:
        super().__init__(given, journal, stop)
        self._filter = given.actor.rpartition("-")[2]
        events = of_kind(read_journals(folder, given.actor), "event")
        self._cursor = events[-1].result["cursor"] if events else cursor
        self._ended = any(END_TAG in event.result["tags"] for event in events)

    def run(self) -> None:
        """Watch until the last event."""
        while not self._ended:
            number = self.journal.invoke("watch", {"cursor": self._cursor, "filter": self._filter})
            try:
                self._watch()
            except Exception as error:
                self.journal.end(number, "fail" if isinstance(error, REFUSALS) else "unknown", error=told(error))
                if isinstance(error, REFUSALS):
                    return
                self.stop.wait(0.2)
            else:
                self.journal.end(number, "ok")
                # Most often something has happened before the next watch begins.
                self.stop.wait(self.random.uniform(0.0, LONGEST_AWAY))

    def step(self) -> None:
        """Do nothing: it does not go by rounds."""

    def _watch(self) -> None:
        with self.client.watch_artifacts(cursor=self._cursor, **FILTERS[self._filter]) as events:
            until = time.monotonic() + self.random.uniform(0.0, LONGEST_WATCH)
            for event in events:
                self.journal.note("event", facts_of(event))
                self._cursor = event.cursor
                self._ended = END_TAG in event.tags
                # Never without an event: a watch that is told of none, though there are some, must stay so.
                if self._ended or time.monotonic() > until:
                    return


def facts_of(event: argosy.ArtifactEvent) -> dict[str, Any]:
    """Return what is written down of an event."""
    return {
        "kind": event.kind,
        "name": event.name,
        "version": event.version,
        "id": event.version_id,
        "alias": event.alias,
        "previous": event.previous,
        "tags": list(event.tags),
        "cursor": event.cursor,
        "token": event.artifact.metadata.get("token") if event.artifact is not None else None,
    }
