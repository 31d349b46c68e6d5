"""The call of ArtifactService that deletes by rule."""

from __future__ import annotations

from datetime import datetime

from argosy.transport.clients.moments import timestamp
from argosy.transport.rpc.calls import Calls, new_request_id
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy.v1.pruning_pb2 import PruneArtifactVersionsRequest, PruneArtifactVersionsResponse

PRUNE_SECONDS = 600.0
"""A hundred thousand versions take half a minute; giving up meanwhile would not stop the server."""


class PruningCalls:
    """Part of :class:`argosy.transport.clients.artifact_client.ArtifactClient`."""

    _stub: ArtifactServiceStub
    _calls: Calls

    def prune_artifact_versions(
        self,
        *,
        name: str = "",
        pipeline_name: str = "",
        tag: str = "",
        created_until: datetime | None = None,
        keep_latest: int = 0,
        include_used: bool = False,
        plan: str = "",
    ) -> PruneArtifactVersionsResponse:
        """Plan which versions shall go, or with the ``plan`` of an answer delete exactly these.

        Raises:
            ConflictError: what would go is not what was planned; nothing was deleted.
            InvalidRequestError: no rule is given.
        """
        request = PruneArtifactVersionsRequest(
            project=self._calls.project,
            request_id=new_request_id(),
            name=name,
            pipeline_name=pipeline_name,
            tag=tag,
            created_until=timestamp(created_until),
            keep_latest=keep_latest,
            include_used=include_used,
            plan=plan,
        )
        return self._calls.unary(self._stub.PruneArtifactVersions, request, PRUNE_SECONDS)
