"""PruneArtifactVersions: parse, plan or delete, render."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from argosy.v1 import pruning_pb2
from argosy_server.api.messages.artifacts import render_version
from argosy_server.api.messages.field_parsing import parse_optional, parse_text, parse_timestamp
from argosy_server.api.servicers.once import answer_once, request_key
from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.errors import InvalidField
from argosy_server.domain.identifiers import parse_name, parse_tag
from argosy_server.domain.limits import Limits
from argosy_server.domain.pruning import PrunePlan, PruneRule
from argosy_server.usecases.artifacts.prune_versions import plan_pruning, prune_versions
from argosy_server.usecases.ports import MetadataStore, Transaction


class PruneCalls:
    """The part of ``ArtifactServicer`` that deletes by rule."""

    _metadata: MetadataStore
    _limits: Limits

    def PruneArtifactVersions(
        self, request: pruning_pb2.PruneArtifactVersionsRequest, context: grpc.ServicerContext
    ) -> pruning_pb2.PruneArtifactVersionsResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        rule = _parse_rule(request)
        token = parse_text("plan", request.plan)
        if not token:
            with self._metadata.read() as tx:
                plan, first = plan_pruning(tx, key.project, rule, request.include_used)
            return _render(self._limits, plan, first, plan.token)

        def prune(tx: Transaction) -> pruning_pb2.PruneArtifactVersionsResponse:
            plan, first = prune_versions(tx, key.project, rule, request.include_used, token)
            return _render(self._limits, plan, first, "")

        return answer_once(self._metadata, key, pruning_pb2.PruneArtifactVersionsResponse, prune)


def _parse_rule(request: pruning_pb2.PruneArtifactVersionsRequest) -> PruneRule:
    if request.keep_latest < 0:
        raise InvalidField("keep_latest", f"{request.keep_latest} is negative; a number of versions counts from 0 on")
    return PruneRule(
        name=parse_optional(parse_name, "name", request.name),
        pipeline_name=parse_optional(parse_name, "pipeline_name", request.pipeline_name),
        tag=parse_optional(parse_tag, "tag", request.tag),
        created_until=parse_timestamp("created_until", request, "created_until"),
        keep_latest=request.keep_latest,
    )


def _render(
    limits: Limits, plan: PrunePlan, first: Sequence[ArtifactVersion], token: str
) -> pruning_pb2.PruneArtifactVersionsResponse:
    response = pruning_pb2.PruneArtifactVersionsResponse(
        version_count=len(plan.taken),
        size_bytes=plan.size,
        used_count=plan.used_count,
        aliased_count=plan.aliased_count,
        plan=token,
    )
    room = limits.max_page_bytes
    for version in first:
        message = render_version(version, files=False)
        room -= message.ByteSize()
        if room < 0:
            break
        response.artifact_versions.append(message)
    return response
