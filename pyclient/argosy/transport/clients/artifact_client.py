"""ArtifactService, one method for each RPC. Errors are those of the contract, as exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import grpc
from blake3 import blake3
from google.protobuf.field_mask_pb2 import FieldMask

from argosy.transport.clients.moments import timestamp
from argosy.transport.clients.pruning_calls import PruningCalls
from argosy.transport.clients.watch_calls import ArtifactWatchCalls
from argosy.transport.content_hash import digest_text
from argosy.transport.rpc.calls import Calls, ReceivingStream, new_request_id
from argosy.v1.artifact_pb2 import (
    ArtifactSpec,
    ArtifactVersion,
    CreateArtifactVersionResult,
    NewArtifactFile,
    NewArtifactVersion,
    VersionSelector,
)
from argosy.v1.artifact_service_pb2 import (
    BatchCreateArtifactVersionsRequest,
    BatchGetArtifactVersionsRequest,
    CreateArtifactVersionRequest,
    DeleteAliasRequest,
    DeleteArtifactVersionRequest,
    GetArtifactVersionRequest,
    GetArtifactVersionResponse,
    GetArtifactVersionResult,
    ListArtifactsRequest,
    ListArtifactsResponse,
    ListArtifactVersionsRequest,
    ListArtifactVersionsResponse,
    SetAliasRequest,
    UpdateArtifactVersionRequest,
    VersionOrder,
)
from argosy.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from argosy.v1.artifact_transfer_pb2 import (
    DownloadArtifactRequest,
    DownloadArtifactResponse,
    UploadArtifactFinish,
    UploadArtifactRequest,
    UploadArtifactStart,
)
from argosy.v1.lineage_pb2 import GetLineageRequest, GetLineageResponse, LineageDirection


class ArtifactClient(PruningCalls, ArtifactWatchCalls):
    """Creates, finds, labels, deletes, uploads and downloads artifact versions."""

    def __init__(self, channel: grpc.Channel, calls: Calls) -> None:
        """Use ``channel`` as ``calls`` says."""
        self._stub = ArtifactServiceStub(channel)
        self._calls = calls

    def create_artifact_version(
        self, spec: ArtifactSpec, files: Iterable[NewArtifactFile], request_id: str = ""
    ) -> ArtifactVersion:
        """Make a version visible, all of it or nothing; once, however often it is asked with one ``request_id``.

        Raises:
            AlreadyExistsError: the label is taken.
            PreconditionError: a file names a digest the project does not have.
            InvalidRequestError: a field is malformed, or too many files or inline bytes.
        """
        request = CreateArtifactVersionRequest(
            project=self._calls.project, request_id=request_id or new_request_id(), spec=spec, files=files
        )
        return self._calls.unary(self._stub.CreateArtifactVersion, request).artifact_version

    def batch_create_artifact_versions(
        self, versions: Iterable[NewArtifactVersion], request_id: str = ""
    ) -> Sequence[CreateArtifactVersionResult]:
        """Make many versions visible, each of them or nothing of it; once, as for a single one. Return how each ended.

        Raises:
            InvalidRequestError: more versions, files or inline bytes than the capabilities allow.
            ResourceExhaustedError: disk or quota is full; nothing was written.
        """
        request = BatchCreateArtifactVersionsRequest(
            project=self._calls.project, request_id=request_id or new_request_id(), versions=versions
        )
        return self._calls.unary(self._stub.BatchCreateArtifactVersions, request).results

    def get_artifact_version(
        self, selector: VersionSelector, *, max_content_bytes: int = 0
    ) -> GetArtifactVersionResponse:
        """Return one version with its files, and their bytes if they have at most ``max_content_bytes``.

        Raises:
            NotFoundError: nothing matches.
            CorruptDataError: the stored bytes are damaged.
        """
        request = GetArtifactVersionRequest(
            project=self._calls.project, selector=selector, max_content_bytes=max_content_bytes
        )
        return self._calls.unary(self._stub.GetArtifactVersion, request)

    def batch_get_artifact_versions(
        self, selectors: Sequence[VersionSelector], *, max_content_bytes: int = 0
    ) -> Sequence[GetArtifactVersionResult]:
        """Return many versions as :meth:`get_artifact_version` does, each with a status of its own.

        Raises:
            InvalidRequestError: more selectors than the capabilities allow.
        """
        request = BatchGetArtifactVersionsRequest(
            project=self._calls.project, selectors=selectors, max_content_bytes=max_content_bytes
        )
        return self._calls.unary(self._stub.BatchGetArtifactVersions, request).results

    def list_artifacts(
        self, *, name_contains: str = "", include_unnamed: bool = False, page_size: int = 0, page_token: str = ""
    ) -> ListArtifactsResponse:
        """Return one page of artifacts by name, each with its latest version."""
        request = ListArtifactsRequest(
            project=self._calls.project,
            name_contains=name_contains,
            include_unnamed=include_unnamed,
            page_size=page_size,
            page_token=page_token,
        )
        return self._calls.unary(self._stub.ListArtifacts, request)

    def list_artifact_versions(
        self,
        *,
        name: str = "",
        pipeline_name: str = "",
        tag: str = "",
        created_from: datetime | None = None,
        created_until: datetime | None = None,
        metadata: Mapping[str, str] | None = None,
        order: VersionOrder.ValueType = VersionOrder.VERSION_ORDER_UNSPECIFIED,
        page_size: int = 0,
        page_token: str = "",
    ) -> ListArtifactVersionsResponse:
        """Return one page of versions without their files, newest first by default."""
        request = ListArtifactVersionsRequest(
            project=self._calls.project,
            name=name,
            pipeline_name=pipeline_name,
            tag=tag,
            created_from=timestamp(created_from),
            created_until=timestamp(created_until),
            metadata=metadata or {},
            order=order,
            page_size=page_size,
            page_token=page_token,
        )
        return self._calls.unary(self._stub.ListArtifactVersions, request)

    def update_artifact_version(
        self,
        version_id: str,
        *,
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, str] | None = None,
        description: str | None = None,
        etag: str = "",
    ) -> ArtifactVersion:
        """Change what is given: all tags, single keys of the metadata (an empty text removes a key), the description.

        Raises:
            ConflictError: somebody changed the version since ``etag`` was read.
            NotFoundError: no such version.
        """
        given = {"tags": tags, "metadata": metadata, "description": description}
        request = UpdateArtifactVersionRequest(
            project=self._calls.project,
            request_id=new_request_id(),
            id=version_id,
            tags=tags or (),
            metadata=metadata or {},
            description=description or "",
            update_mask=FieldMask(paths=[name for name, value in given.items() if value is not None]),
            etag=etag,
        )
        return self._calls.unary(self._stub.UpdateArtifactVersion, request).artifact_version

    def set_alias(self, alias: str, selector: VersionSelector) -> ArtifactVersion:
        """Point an alias at a version; return that version.

        Raises:
            NotFoundError: no such version.
        """
        request = SetAliasRequest(
            project=self._calls.project, request_id=new_request_id(), alias=alias, selector=selector
        )
        return self._calls.unary(self._stub.SetAlias, request).artifact_version

    def delete_alias(self, name: str, alias: str) -> None:
        """Remove an alias of an artifact; the version stays.

        Raises:
            NotFoundError: no such alias.
        """
        request = DeleteAliasRequest(project=self._calls.project, request_id=new_request_id(), name=name, alias=alias)
        self._calls.unary(self._stub.DeleteAlias, request)

    def delete_artifact_version(self, version_id: str, *, force: bool = False) -> None:
        """Delete a version; its label stays taken.

        Raises:
            PreconditionError: a run made or used it, or an alias points at it, and ``force`` is not set.
            NotFoundError: no such version.
        """
        request = DeleteArtifactVersionRequest(
            project=self._calls.project, request_id=new_request_id(), id=version_id, force=force
        )
        self._calls.unary(self._stub.DeleteArtifactVersion, request)

    def get_lineage(
        self,
        selector: VersionSelector,
        direction: LineageDirection.ValueType = LineageDirection.LINEAGE_DIRECTION_BOTH,
        depth: int = 0,
        max_edges: int = 0,
    ) -> GetLineageResponse:
        """Return what a version was made from, and what was made from it.

        Raises:
            NotFoundError: nothing matches.
            InvalidRequestError: ``depth`` or ``max_edges`` is negative.
        """
        request = GetLineageRequest(
            project=self._calls.project, selector=selector, direction=direction, depth=depth, max_edges=max_edges
        )
        return self._calls.unary(self._stub.GetLineage, request)

    def upload_artifact(self, spec: ArtifactSpec, path: str, chunks: Iterable[bytes]) -> ArtifactVersion:
        """Create a version of one file in one call; its digest is computed while it is sent.

        Raises:
            AlreadyExistsError: the label is taken.
            CorruptDataError: what arrived is not what was sent.
        """
        start = UploadArtifactStart(project=self._calls.project, request_id=new_request_id(), spec=spec, path=path)

        def messages() -> Iterator[UploadArtifactRequest]:
            hasher, size = blake3(), 0
            yield UploadArtifactRequest(start=start)
            for chunk in chunks:
                hasher.update(chunk)
                size += len(chunk)
                yield UploadArtifactRequest(chunk=chunk)
            finish = UploadArtifactFinish(digest=digest_text(hasher), size_bytes=size)
            yield UploadArtifactRequest(finish=finish)

        return self._calls.send(self._stub.UploadArtifact, messages()).artifact_version

    def download_artifact(
        self, selector: VersionSelector, *, path: str = "", offset: int = 0, limit: int = 0
    ) -> ReceivingStream[DownloadArtifactResponse]:
        """Stream a version and its files. Errors are raised where it is read.

        Raises:
            NotFoundError: nothing matches the selector, or no such path.
            OutOfRangeError: ``offset`` lies beyond the end of the file.
            CorruptDataError: the stored bytes are damaged.
        """
        request = DownloadArtifactRequest(
            project=self._calls.project, selector=selector, path=path, offset=offset, limit=limit
        )
        return self._calls.receive(self._stub.DownloadArtifact, request)
