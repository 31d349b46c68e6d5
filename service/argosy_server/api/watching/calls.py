"""The calls that watch. A server answers them without a thread each, an embedded store in the caller's thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc

from argosy.v1.watch_pb2 import WatchArtifactsRequest, WatchArtifactsResponse, WatchRunRequest, WatchRunResponse
from argosy_server.api.messages.pipelines import parse_run_key
from argosy_server.api.watching.artifact_watcher import ArtifactWatcher
from argosy_server.api.watching.cursor import starting_position
from argosy_server.api.watching.hub import WatchHub
from argosy_server.api.watching.messages import parse_cursor, parse_filter
from argosy_server.api.watching.polling import poll_artifacts, poll_run
from argosy_server.api.watching.run_watcher import RunWatcher
from argosy_server.api.watching.stream import WatchStream
from argosy_server.api.watching.watched_run import WatchedRun
from argosy_server.domain.identifiers import parse_project
from argosy_server.domain.limits import Limits
from argosy_server.usecases.ports import MetadataStore

Send = Callable[[Any], None]
"""How gRPC lets a non-blocking handler answer: it is called for each response, and with ``None`` at the end."""


def non_blocking(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Let gRPC give a handler ``send`` instead of taking responses from it: its thread is free when it returns."""
    handler.experimental_non_blocking = True  # type: ignore[attr-defined]  # how gRPC is told
    return handler


class ArtifactWatchCalls:
    """``WatchArtifacts``."""

    _metadata: MetadataStore
    _watches: WatchHub

    @non_blocking
    def WatchArtifacts(
        self, request: WatchArtifactsRequest, context: grpc.ServicerContext, send: Send | None = None
    ) -> Iterator[WatchArtifactsResponse] | None:
        """See the contract."""
        project = parse_project(request.project)
        wanted = parse_filter(request)
        cursor = parse_cursor(request)
        if send is not None:
            self._watches.check_room()
        start = starting_position(self._metadata, project, cursor)
        if send is None:
            return poll_artifacts(self._metadata, project, wanted, start, context)
        stream = WatchStream("/argosy.v1.ArtifactService/WatchArtifacts", context, send)
        watcher = ArtifactWatcher(self._watches, self._metadata, project, wanted, start, stream)
        self._watches.add(watcher, start.epoch, start.newest)
        return None


class RunWatchCalls:
    """``WatchRun``."""

    _metadata: MetadataStore
    _limits: Limits
    _watches: WatchHub

    @non_blocking
    def WatchRun(
        self, request: WatchRunRequest, context: grpc.ServicerContext, send: Send | None = None
    ) -> Iterator[WatchRunResponse] | None:
        """See the contract."""
        project = parse_project(request.project)
        key = parse_run_key("run", request.run)
        if send is not None:
            self._watches.check_room()
        run = WatchedRun(self._metadata, self._limits, project, key)
        if send is None:
            return poll_run(self._metadata, project, run, context)
        stream = WatchStream("/argosy.v1.PipelineService/WatchRun", context, send)
        self._watches.add(RunWatcher(self._watches, project, run, stream), run.epoch, run.newest)
        return None
