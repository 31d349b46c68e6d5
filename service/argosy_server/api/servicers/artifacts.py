"""ArtifactService: parse, call a use case, render."""

from __future__ import annotations

from collections.abc import Iterator

import grpc

from argosy.v1 import artifact_service_pb2 as wire
from argosy.v1 import artifact_service_pb2_grpc, artifact_transfer_pb2
from argosy_server.api.messages.artifacts import (
    parse_new_files,
    parse_selector,
    parse_spec,
    render_summary,
    render_version,
)
from argosy_server.api.messages.field_parsing import (
    parse_description,
    parse_json_map,
    parse_optional,
    parse_size,
    parse_tags,
    parse_text,
    parse_timestamp,
    require_message,
)
from argosy_server.api.messages.page_tokens import query_of
from argosy_server.api.messages.reply_size import check_reply
from argosy_server.api.servicers.download_stream import download
from argosy_server.api.servicers.lineage import LineageCalls
from argosy_server.api.servicers.once import answer_once, publish_once, request_key
from argosy_server.api.servicers.pruning import PruneCalls
from argosy_server.api.servicers.upload_stream import ArtifactUploadStream
from argosy_server.api.servicers.version_batch import create_batch, get_batch
from argosy_server.api.watching.calls import ArtifactWatchCalls
from argosy_server.api.watching.hub import WatchHub
from argosy_server.domain.artifact import ArtifactVersion
from argosy_server.domain.blob import check_received
from argosy_server.domain.errors import InvalidField
from argosy_server.domain.identifiers import (
    parse_alias,
    parse_id,
    parse_name,
    parse_path,
    parse_project,
    parse_tag,
)
from argosy_server.domain.limits import Limits
from argosy_server.domain.paging import PageRequest, next_token
from argosy_server.usecases.artifacts.change_version import delete_alias, delete_version, set_alias, update_version
from argosy_server.usecases.artifacts.create_version import create_version
from argosy_server.usecases.artifacts.get_version import get_version
from argosy_server.usecases.artifacts.group_commit import GroupCommit
from argosy_server.usecases.blobs.staging import receive_file, stage_files
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction

OLDEST_FIRST = {wire.VERSION_ORDER_NEWEST_FIRST: False, wire.VERSION_ORDER_OLDEST_FIRST: True}
UPDATABLE = ("tags", "metadata", "description")


class ArtifactServicer(LineageCalls, PruneCalls, ArtifactWatchCalls, artifact_service_pb2_grpc.ArtifactServiceServicer):
    """Answers what ``argosy/v1/artifact_service.proto`` promises; looks at the call's context only to watch."""

    def __init__(
        self,
        metadata: MetadataStore,
        storage: BlobStorage,
        limits: Limits,
        watches: WatchHub,
        saves: GroupCommit | None = None,
    ) -> None:
        """Serve what these hold; without ``saves`` each save has a transaction of its own."""
        self._watches = watches
        self._metadata = metadata
        self._storage = storage
        self._limits = limits
        self._saves = saves

    def CreateArtifactVersion(
        self, request: wire.CreateArtifactVersionRequest, context: grpc.ServicerContext
    ) -> wire.CreateArtifactVersionResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        require_message("spec", request, "spec")
        spec = parse_spec("spec", request.spec, self._limits)
        files = parse_new_files("files", request.files)
        staged = stage_files(self._metadata, self._storage, self._limits, key.project, files)

        def render(version: ArtifactVersion) -> wire.CreateArtifactVersionResponse:
            return wire.CreateArtifactVersionResponse(artifact_version=render_version(version))

        def create(tx: Transaction) -> wire.CreateArtifactVersionResponse:
            return render(create_version(tx, self._limits, key.project, spec, staged))

        if self._saves is not None and self._saves.takes(spec, staged):
            # Nothing of it is anywhere but in memory, so nothing has to be discarded when it is refused.
            reply = self._saves.save(key, spec, staged, lambda made: check_reply(render(made).SerializeToString()))
            return wire.CreateArtifactVersionResponse.FromString(reply)
        return publish_once(self._metadata, self._storage, key, staged, wire.CreateArtifactVersionResponse, create)

    def BatchCreateArtifactVersions(
        self, request: wire.BatchCreateArtifactVersionsRequest, context: grpc.ServicerContext
    ) -> wire.BatchCreateArtifactVersionsResponse:
        """See the contract."""
        return create_batch(self._metadata, self._storage, self._limits, request)

    def GetArtifactVersion(
        self, request: wire.GetArtifactVersionRequest, context: grpc.ServicerContext
    ) -> wire.GetArtifactVersionResponse:
        """See the contract."""
        project = parse_project(request.project)
        selector = parse_selector("selector", request.selector)
        wanted = parse_size("max_content_bytes", request.max_content_bytes)
        found = get_version(self._metadata, self._storage, self._limits, project, selector, wanted)
        return wire.GetArtifactVersionResponse(artifact_version=render_version(found.version), contents=found.contents)

    def BatchGetArtifactVersions(
        self, request: wire.BatchGetArtifactVersionsRequest, context: grpc.ServicerContext
    ) -> wire.BatchGetArtifactVersionsResponse:
        """See the contract."""
        return get_batch(self._metadata, self._storage, self._limits, request)

    def ListArtifacts(
        self, request: wire.ListArtifactsRequest, context: grpc.ServicerContext
    ) -> wire.ListArtifactsResponse:
        """See the contract."""
        project = parse_project(request.project)
        name_contains = parse_text("name_contains", request.name_contains)
        query = query_of(self._metadata.store_id, request)
        page_request = PageRequest.parse(request.page_size, request.page_token, query)
        with self._metadata.read() as tx:
            page = tx.artifacts.list_artifacts(project, name_contains, request.include_unnamed, page_request)
        return wire.ListArtifactsResponse(
            artifacts=[render_summary(row) for row in page.rows], next_page_token=next_token(page, query)
        )

    def ListArtifactVersions(
        self, request: wire.ListArtifactVersionsRequest, context: grpc.ServicerContext
    ) -> wire.ListArtifactVersionsResponse:
        """See the contract."""
        project = parse_project(request.project)
        query = query_of(self._metadata.store_id, request)
        page_request = PageRequest.parse(request.page_size, request.page_token, query)
        name = parse_optional(parse_name, "name", request.name)
        pipeline_name = parse_optional(parse_name, "pipeline_name", request.pipeline_name)
        tag = parse_optional(parse_tag, "tag", request.tag)
        metadata = parse_json_map("metadata", request.metadata, self._limits)
        created_from = parse_timestamp("created_from", request, "created_from")
        created_until = parse_timestamp("created_until", request, "created_until")
        oldest_first = _parse_order(request.order)
        with self._metadata.read() as tx:
            page = tx.artifacts.list_versions(
                project,
                page_request,
                name=name,
                pipeline_name=pipeline_name,
                tag=tag,
                metadata=metadata,
                created_from=created_from,
                created_until=created_until,
                oldest_first=oldest_first,
            )
        return wire.ListArtifactVersionsResponse(
            artifact_versions=[render_version(row, files=False) for row in page.rows],
            next_page_token=next_token(page, query),
        )

    def UpdateArtifactVersion(
        self, request: wire.UpdateArtifactVersionRequest, context: grpc.ServicerContext
    ) -> wire.UpdateArtifactVersionResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        version_id = parse_id("id", request.id)
        paths = request.update_mask.paths
        for path in paths:
            if path not in UPDATABLE:
                allowed = " or ".join(map(repr, UPDATABLE))
                raise InvalidField("update_mask", f"{path[:80]!r} cannot be changed; name {allowed}")
        tags = parse_tags("tags", request.tags, self._limits) if "tags" in paths else None
        changes = (
            parse_json_map("metadata", request.metadata, self._limits, removals=True) if "metadata" in paths else None
        )
        description = parse_description("description", request.description) if "description" in paths else None
        etag = parse_text("etag", request.etag)

        def update(tx: Transaction) -> wire.UpdateArtifactVersionResponse:
            version = update_version(tx, self._limits, key.project, version_id, tags, changes, description, etag)
            return wire.UpdateArtifactVersionResponse(artifact_version=render_version(version, files=False))

        return answer_once(self._metadata, key, wire.UpdateArtifactVersionResponse, update)

    def SetAlias(self, request: wire.SetAliasRequest, context: grpc.ServicerContext) -> wire.SetAliasResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        alias = parse_alias("alias", request.alias)
        selector = parse_selector("selector", request.selector)

        def move(tx: Transaction) -> wire.SetAliasResponse:
            version = set_alias(tx, key.project, alias, selector)
            return wire.SetAliasResponse(artifact_version=render_version(version, files=False))

        return answer_once(self._metadata, key, wire.SetAliasResponse, move)

    def DeleteAlias(self, request: wire.DeleteAliasRequest, context: grpc.ServicerContext) -> wire.DeleteAliasResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        name = parse_name("name", request.name)
        alias = parse_alias("alias", request.alias)

        def delete(tx: Transaction) -> wire.DeleteAliasResponse:
            delete_alias(tx, key.project, name, alias)
            return wire.DeleteAliasResponse()

        return answer_once(self._metadata, key, wire.DeleteAliasResponse, delete)

    def DeleteArtifactVersion(
        self, request: wire.DeleteArtifactVersionRequest, context: grpc.ServicerContext
    ) -> wire.DeleteArtifactVersionResponse:
        """See the contract."""
        key = request_key(request.project, request.request_id, request)
        version_id = parse_id("id", request.id)

        def delete(tx: Transaction) -> wire.DeleteArtifactVersionResponse:
            delete_version(tx, key.project, version_id, request.force)
            return wire.DeleteArtifactVersionResponse()

        return answer_once(self._metadata, key, wire.DeleteArtifactVersionResponse, delete)

    def UploadArtifact(
        self, request_iterator: Iterator[artifact_transfer_pb2.UploadArtifactRequest], context: grpc.ServicerContext
    ) -> artifact_transfer_pb2.UploadArtifactResponse:
        """See the contract."""
        stream = ArtifactUploadStream(request_iterator, self._limits)
        project = parse_project(stream.start.project)
        # Refuse what can be refused before the bytes come.
        request_key(project, stream.start.request_id, stream.start)
        require_message("start.spec", stream.start, "spec")
        spec = parse_spec("start.spec", stream.start.spec, self._limits)
        path = parse_path("start.path", stream.start.path)
        file = receive_file(self._metadata, self._storage, self._limits, project, path, stream.chunks())
        key = request_key(project, stream.start.request_id, stream.start, stream.finish)

        def create(tx: Transaction) -> artifact_transfer_pb2.UploadArtifactResponse:
            check_received(file.digest, file.received_size, stream.digest, stream.size)
            version = create_version(tx, self._limits, project, spec, [file])
            return artifact_transfer_pb2.UploadArtifactResponse(artifact_version=render_version(version))

        return publish_once(
            self._metadata, self._storage, key, [file], artifact_transfer_pb2.UploadArtifactResponse, create
        )

    def DownloadArtifact(
        self, request: artifact_transfer_pb2.DownloadArtifactRequest, context: grpc.ServicerContext
    ) -> Iterator[artifact_transfer_pb2.DownloadArtifactResponse]:
        """See the contract."""
        return download(self._metadata, self._storage, request)


def _parse_order(order: wire.VersionOrder.ValueType) -> bool:
    if order == wire.VERSION_ORDER_UNSPECIFIED:
        return False
    if order not in OLDEST_FIRST:
        raise InvalidField("order", f"{order} is not known; use NEWEST_FIRST or OLDEST_FIRST")
    return OLDEST_FIRST[order]
