"""Watches without a server: the caller's own thread looks, and waits, until the call is cancelled."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import grpc

from argosy.v1.watch_pb2 import WatchArtifactsResponse, WatchRunResponse
from argosy_server.api.watching.cursor import Cursors, Start
from argosy_server.api.watching.messages import cursor_message, event_message
from argosy_server.api.watching.settings import WatchSettings
from argosy_server.api.watching.watched_run import WatchedRun
from argosy_server.domain.event import ArtifactFilter, Event
from argosy_server.usecases.ports import MetadataStore
from argosy_server.usecases.read_events import read_events

PAGE = 100
POLL_SECONDS = 0.05
"""How late what other processes wrote, or a cancellation, is noticed at most."""
QUIET_SECONDS = WatchSettings.quiet_seconds


def poll_artifacts(
    metadata: MetadataStore, project: str, wanted: ArtifactFilter, start: Start, context: grpc.ServicerContext
) -> Iterator[WatchArtifactsResponse]:
    """Yield where the watch begins, then each event that is wanted, until the call is cancelled.

    Raises:
        CursorExpired: events after the position were forgotten.
    """
    cursors, position = Cursors(start.epoch, project), start.position
    yield cursor_message(cursors, position)
    told = time.monotonic()
    while context.is_active():
        seen = metadata.wait_for_events(-1, 0)
        page = read_events(metadata, start.epoch, position, PAGE, wanted.takes, project)
        for event in page.events:
            yield event_message(cursors, event, page.versions.get(event.text("id")))
            told = time.monotonic()
        position = page.position
        if page.is_last:
            if time.monotonic() - told > QUIET_SECONDS:
                yield cursor_message(cursors, position)
                told = time.monotonic()
            metadata.wait_for_events(seen, POLL_SECONDS)


def poll_run(
    metadata: MetadataStore, project: str, run: WatchedRun, context: grpc.ServicerContext
) -> Iterator[WatchRunResponse]:
    """Yield all of a run, then what changes, until it has ended or the call is cancelled."""
    position = run.newest
    yield from run.whole()
    looked = time.monotonic()
    while context.is_active() and not run.has_ended:
        seen = metadata.wait_for_events(-1, 0)
        page = read_events(metadata, run.epoch, position, PAGE, run.concerns, project)
        position = page.position
        if page.events or time.monotonic() - looked > min(run.lease_seconds, QUIET_SECONDS):
            yield from run.changed(_steps_of(page.events))
            looked = time.monotonic()
        elif page.is_last:
            metadata.wait_for_events(seen, POLL_SECONDS)


def _steps_of(events: Sequence[Event]) -> list[str]:
    return list(dict.fromkeys(step_id for event in events if (step_id := event.text("step_run"))))
