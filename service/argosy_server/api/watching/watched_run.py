"""What somebody who watches a run is told: first all of it, then whatever changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from argosy.v1 import pipeline_pb2
from argosy.v1.watch_pb2 import WatchRunResponse
from argosy_server.api.messages.pipelines import render_run, render_step
from argosy_server.domain.event import RUN_CHANGED, STEP_CHANGED, Event, Position
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import Run, RunState
from argosy_server.usecases.ports import MetadataStore, Transaction

LEASE_MARGIN = 0.05
"""Seconds after the end of a lease, so that the run surely reads as abandoned when it is looked at."""


class WatchedRun:
    """One run as its watcher has seen it.

    Attributes:
        id: the run's.
        has_ended: whether nothing will change any more.
        lease_seconds: how long its lease lasted when it was read; then it may be abandoned, without any event.
        epoch: the order of events that ``newest`` is of.
        newest: position of the newest event before it was first read.
    """

    def __init__(self, metadata: MetadataStore, limits: Limits, project: str, run: str) -> None:
        """Find a run by id or name.

        Raises:
            RunNotFound: no such run.
        """
        self._metadata = metadata
        self._limits = limits
        self._project = project
        self._sent = b""
        self.has_ended = False
        self.lease_seconds = 0.0
        with metadata.read() as tx:
            self.epoch = tx.events.epoch()
            self.newest: Position = tx.events.newest()
            self.id = tx.runs.get(project, run).id

    def concerns(self, event: Event) -> bool:
        """Tell whether an event is one of this run."""
        return event.kind in (RUN_CHANGED, STEP_CHANGED) and event.text("run") == self.id

    def whole(self) -> list[WatchRunResponse]:
        """Return the run and all its steps."""
        with self._metadata.read() as tx:
            run = tx.runs.get(self._project, self.id, steps=True)
            self._note(tx, run)
        self._sent = b""
        return self._messages(run, [render_step(step) for step in run.steps])

    def changed(self, step_ids: Iterable[str]) -> list[WatchRunResponse]:
        """Return the run as it is now, and those of its steps; without the run when only they have changed."""
        with self._metadata.read() as tx:
            run = tx.runs.get(self._project, self.id)
            if run.state is not RunState.ABANDONED:
                self._note(tx, run)
                return self._messages(run, [render_step(tx.runs.load_step(self._project, id_)) for id_ in step_ids])
        # Then steps that ran have changed too, without events.
        return self.whole()

    def _note(self, tx: Transaction, run: Run) -> None:
        self.has_ended = run.state is not RunState.RUNNING
        self.lease_seconds = max((run.lease_expires_at - tx.now()).total_seconds(), 0) + LEASE_MARGIN

    def _messages(self, run: Run, steps: Sequence[pipeline_pb2.StepRun]) -> list[WatchRunResponse]:
        message = WatchRunResponse(run=render_run(run))
        del message.run.steps[:]
        rendered = message.run.SerializeToString(deterministic=True)
        if rendered == self._sent and steps:
            message.ClearField("run")
        self._sent = rendered
        messages, size = [message], message.ByteSize()
        for step in steps:
            size += step.ByteSize()
            if size > self._limits.max_page_bytes:
                messages.append(WatchRunResponse())
                size = step.ByteSize()
            messages[-1].steps.append(step)
        return messages
