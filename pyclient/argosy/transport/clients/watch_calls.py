"""The calls that watch: raw streams, which end when their connection does. See ``transport/watching.py``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from argosy.transport.rpc.calls import Calls, ReceivingStream
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from argosy.v1.watch_pb2 import (
    ArtifactEventKind,
    WatchArtifactsRequest,
    WatchArtifactsResponse,
    WatchRunRequest,
    WatchRunResponse,
)

QUIET_SECONDS = 45.0
"""After so long without a word a watch is broken: a server says every 15 seconds where it is."""


class ArtifactWatchCalls:
    """Streams what becomes of artifacts."""

    _stub: ArtifactServiceStub
    _calls: Calls

    def watch_artifacts(
        self,
        *,
        cursor: str = "",
        name: str = "",
        alias: str = "",
        tag: str = "",
        kinds: Iterable[ArtifactEventKind.ValueType] = (),
        include_unnamed: bool = False,
    ) -> ReceivingStream[WatchArtifactsResponse]:
        """Stream events of a filter from a cursor on, until it is closed. Errors are raised where it is read.

        Raises:
            CursorExpiredError: events after the cursor are gone, or it is of another store or project.
            ConflictError: too little was taken; go on with the last cursor.
            ResourceExhaustedError: too many watch the server.
        """
        request = WatchArtifactsRequest(
            project=self._calls.project,
            cursor=cursor,
            name=name,
            alias=alias,
            tag=tag,
            kinds=kinds,
            include_unnamed=include_unnamed,
        )
        return quiet(self._calls).receive(self._stub.WatchArtifacts, request)


class RunWatchCalls:
    """Streams what becomes of a run."""

    _stub: PipelineServiceStub
    _calls: Calls

    def watch_run(self, run: str) -> ReceivingStream[WatchRunResponse]:
        """Stream a run, by id or name, until it has ended. Errors are raised where it is read.

        Raises:
            NotFoundError: no such run.
            ConflictError: too little was taken; watch anew.
            ResourceExhaustedError: too many watch the server.
        """
        request = WatchRunRequest(project=self._calls.project, run=run)
        return quiet(self._calls).receive(self._stub.WatchRun, request)


def quiet(calls: Calls) -> Calls:
    """Return how streams are made that are silent most of the time."""
    if calls.idle_timeout is None:
        return calls
    return replace(calls, idle_timeout=max(calls.idle_timeout, QUIET_SECONDS))
