"""One who watches a run: is told what changed until the run has ended."""

from __future__ import annotations

import time

from argosy_server.api.watching.hub import WatchHub
from argosy_server.api.watching.messages import News
from argosy_server.api.watching.stream import WatchStream
from argosy_server.api.watching.watched_run import WatchedRun


class RunWatcher:
    """Hears of everything that becomes of one run."""

    def __init__(self, hub: WatchHub, project: str, run: WatchedRun, stream: WatchStream) -> None:
        """Begin with the whole run, in the first turn."""
        self.project = project
        self.stream = stream
        self._hub = hub
        self._run = run
        self._look_at = time.monotonic()
        # From here on it is the turn's, and the hub's lock guards it.
        self._has_turn = True
        self._shall_send_all = True
        self._shall_look = False
        self._changed_steps: dict[str, None] = {}

    def notice(self, news: News) -> bool:
        """Take note of what changed of the run."""
        concerned = [entry.event for entry in news.of(self.project) if self._run.concerns(entry.event)]
        self._changed_steps.update((step_id, None) for event in concerned if (step_id := event.text("step_run")))
        self._shall_look = self._shall_look or bool(concerned)
        return bool(concerned) and self._take_turn()

    def tick(self, now: float) -> bool:
        """Ask for a turn when the lease may have ended, or when the client has long heard nothing."""
        if now < self._look_at:
            return False
        self._shall_look = True
        return self._take_turn()

    def send_some(self) -> bool:
        """Send what changed, and end the call when the run has."""
        with self._hub.lock:
            all_of_it, step_ids = self._shall_send_all, list(self._changed_steps)
            self._shall_send_all = self._shall_look = False
            self._changed_steps.clear()
        messages = self._run.whole() if all_of_it else self._run.changed(step_ids)
        self._look_at = time.monotonic() + min(self._run.lease_seconds, self._hub.settings.quiet_seconds)
        for message in messages:
            if not self.stream.send(message):
                return False
        if self._run.has_ended:
            self.stream.finish()
            return False
        with self._hub.lock:
            self._has_turn = self._shall_look
            return self._has_turn

    def _take_turn(self) -> bool:
        takes, self._has_turn = not self._has_turn, True
        return takes
