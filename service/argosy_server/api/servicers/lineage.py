"""GetLineage: parse, call the use case, render."""

from __future__ import annotations

import grpc

from argosy.v1 import lineage_pb2
from argosy_server.api.messages.artifacts import WIRE_KINDS, parse_selector
from argosy_server.api.messages.field_parsing import render_timestamp
from argosy_server.api.messages.pipelines import WIRE_STEP_STATES
from argosy_server.api.messages.reply_size import MAX_PART_BYTES
from argosy_server.domain.errors import InvalidField
from argosy_server.domain.identifiers import parse_project
from argosy_server.domain.lineage import Lineage, LineageDirection, LineageRelation, LineageStep, LineageVersion
from argosy_server.usecases.artifacts.trace_lineage import trace_lineage
from argosy_server.usecases.ports import MetadataStore

DIRECTIONS = {
    lineage_pb2.LINEAGE_DIRECTION_UNSPECIFIED: LineageDirection.BOTH,
    lineage_pb2.LINEAGE_DIRECTION_UPSTREAM: LineageDirection.UPSTREAM,
    lineage_pb2.LINEAGE_DIRECTION_DOWNSTREAM: LineageDirection.DOWNSTREAM,
    lineage_pb2.LINEAGE_DIRECTION_BOTH: LineageDirection.BOTH,
}
WIRE_RELATIONS = {
    LineageRelation.STEP_OUTPUT: lineage_pb2.LINEAGE_RELATION_STEP_OUTPUT,
    LineageRelation.EXTERNAL: lineage_pb2.LINEAGE_RELATION_EXTERNAL,
    LineageRelation.LOADED: lineage_pb2.LINEAGE_RELATION_LOADED,
    LineageRelation.RETURNED: lineage_pb2.LINEAGE_RELATION_RETURNED,
    LineageRelation.SAVED: lineage_pb2.LINEAGE_RELATION_SAVED,
    LineageRelation.REUSED: lineage_pb2.LINEAGE_RELATION_REUSED,
}
DEFAULT_DEPTH, MAX_DEPTH = 10, 100
MAX_EDGES = 10_000


class LineageCalls:
    """The part of ``ArtifactServicer`` that tells lineage."""

    _metadata: MetadataStore

    def GetLineage(
        self, request: lineage_pb2.GetLineageRequest, context: grpc.ServicerContext
    ) -> lineage_pb2.GetLineageResponse:
        """See the contract."""
        project = parse_project(request.project)
        selector = parse_selector("selector", request.selector)
        direction = DIRECTIONS.get(request.direction)
        if direction is None:
            raise InvalidField("direction", f"{request.direction} is not known; use UPSTREAM, DOWNSTREAM or BOTH")
        depth = _at_most(MAX_DEPTH, "depth", request.depth or DEFAULT_DEPTH)
        max_edges = _at_most(MAX_EDGES, "max_edges", request.max_edges or MAX_EDGES)
        with self._metadata.read() as tx:
            lineage = trace_lineage(tx, project, selector, direction, depth, max_edges)
        reply = render_lineage(lineage)
        while reply.ByteSize() > MAX_PART_BYTES:
            lineage = lineage.first(len(lineage.edges) // 2)
            reply = render_lineage(lineage)
        return reply


def render_lineage(lineage: Lineage) -> lineage_pb2.GetLineageResponse:
    """Return a lineage as a message."""
    version_at = {version.id: position for position, version in enumerate(lineage.versions)}
    step_at = {(step.id, step.attempt): position for position, step in enumerate(lineage.steps)}
    reply = lineage_pb2.GetLineageResponse(
        versions=map(_render_version, lineage.versions),
        steps=map(_render_step, lineage.steps),
        truncated=lineage.truncated,
    )
    add = reply.edges.add  # in place: of thousands, copying takes as long as making
    for version_id, attempt, relation, name in lineage.edges:
        add(version=version_at[version_id], step=step_at[attempt], relation=WIRE_RELATIONS[relation], name=name)
    return reply


def _at_most(most: int, field: str, value: int) -> int:
    if value < 0:
        raise InvalidField(field, f"{value} is negative; 0 means the default")
    return min(value, most)


def _render_version(version: LineageVersion) -> lineage_pb2.LineageVersion:
    return lineage_pb2.LineageVersion(
        id=version.id,
        name=version.name,
        version=version.version,
        data_type=version.data_type,
        format=version.format,
        kind=WIRE_KINDS[version.kind],
        size_bytes=version.size,
        create_time=render_timestamp(version.created_at),
        deleted=version.deleted,
        named=version.named,
    )


def _render_step(step: LineageStep) -> lineage_pb2.LineageStep:
    return lineage_pb2.LineageStep(
        id=step.id,
        run_id=step.run_id,
        run_name=step.run_name,
        pipeline_name=step.pipeline_name,
        invocation=step.invocation,
        step_name=step.step_name,
        state=WIRE_STEP_STATES[step.state],
        attempt=step.attempt,
    )
