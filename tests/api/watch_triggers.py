"""What provokes the refusals of calls that watch; see ``triggers``."""

from __future__ import annotations

from argosy.v1.watch_pb2 import WatchArtifactsRequest, WatchRunRequest
from tests.api.conftest import Service
from tests.api.triggers import ABSENT


def watch_from_a_forged_cursor(stubs: Service, project: str) -> object:
    return next(stubs.artifacts.WatchArtifacts(WatchArtifactsRequest(project=project, cursor="forged")))


def watch_an_absent_run(stubs: Service, project: str) -> object:
    return next(stubs.pipelines.WatchRun(WatchRunRequest(project=project, run=ABSENT)))
