"""BatchCreateArtifactVersions: many versions in one call and one transaction, each with a status of its own."""

from __future__ import annotations

from dataclasses import dataclass

from argosy.v1 import artifact_pb2
from argosy.v1 import artifact_service_pb2 as wire
from argosy_server.api.artifact_messages import parse_new_files, parse_spec, render_version
from argosy_server.api.error_status import item_status
from argosy_server.api.field_parsing import require_items, require_message
from argosy_server.api.once import discard_quietly, publish_once, request_key
from argosy_server.domain.artifact import ArtifactSpec, ArtifactVersion
from argosy_server.domain.errors import DomainError, LimitExceeded, StorageFull, StorageUnavailable
from argosy_server.domain.limits import Limits
from argosy_server.usecases.create_version import Save, create_versions
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction
from argosy_server.usecases.staging import StagedFile, stage_files


@dataclass(frozen=True)
class _Prepared:
    """One item that can be tried."""

    index: int
    spec: ArtifactSpec
    staged: list[StagedFile]


def create_batch(
    metadata: MetadataStore, storage: BlobStorage, limits: Limits, request: wire.BatchCreateArtifactVersionsRequest
) -> wire.BatchCreateArtifactVersionsResponse:
    """Answer what the contract promises.

    Raises:
        InvalidField: project or request id are malformed, or there is no item.
        LimitExceeded: too many items, files or bytes; nothing was written.
        RequestIdReused: the request id stands for another request.
        StorageFull, StorageUnavailable: nothing was written.
    """
    key = request_key(request.project, request.request_id, request)
    require_items("versions", request.versions)
    _check_limits(limits, request)
    ended: list[ArtifactVersion | DomainError] = [DomainError("not tried")] * len(request.versions)
    prepared: list[_Prepared] = []
    staged = (file for item in prepared for file in item.staged)
    try:
        for index, item in enumerate(request.versions):
            tried = _prepare(metadata, storage, limits, key.project, index, item)
            if isinstance(tried, _Prepared):
                prepared.append(tried)
            else:
                ended[index] = tried
    except BaseException:
        discard_quietly(metadata, storage, key.project, list(staged))
        raise

    def create(tx: Transaction) -> wire.BatchCreateArtifactVersionsResponse:
        made = create_versions(tx, limits, key.project, [Save(item.spec, item.staged) for item in prepared])
        for item, result in zip(prepared, made, strict=True):
            ended[item.index] = result
        return wire.BatchCreateArtifactVersionsResponse(results=[_render(result) for result in ended])

    response = publish_once(metadata, storage, key, list(staged), wire.BatchCreateArtifactVersionsResponse, create)
    refused = [file for item in prepared if isinstance(ended[item.index], DomainError) for file in item.staged]
    discard_quietly(metadata, storage, key.project, refused)
    return response


def _prepare(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    project: str,
    index: int,
    item: artifact_pb2.NewArtifactVersion,
) -> _Prepared | DomainError:
    field = f"versions[{index}]"
    try:
        require_message(f"{field}.spec", item, "spec")
        spec = parse_spec(f"{field}.spec", item.spec, limits)
        files = parse_new_files(f"{field}.files", item.files)
        return _Prepared(index, spec, stage_files(metadata, storage, limits, project, files))
    except (StorageFull, StorageUnavailable):
        raise
    except DomainError as error:
        return error


def _render(result: ArtifactVersion | DomainError) -> artifact_pb2.CreateArtifactVersionResult:
    if isinstance(result, DomainError):
        return artifact_pb2.CreateArtifactVersionResult(status=item_status(result))
    version = render_version(result, files=False)
    return artifact_pb2.CreateArtifactVersionResult(status=item_status(None), artifact_version=version)


def _check_limits(limits: Limits, request: wire.BatchCreateArtifactVersionsRequest) -> None:
    files = [file for item in request.versions for file in item.files]
    for count, most, what in (
        (len(request.versions), limits.max_batch_items, "versions"),
        (len(files), limits.max_files, "files"),
        (sum(len(file.inline_content) for file in files), limits.max_batch_bytes, "inline bytes"),
    ):
        if count > most:
            raise LimitExceeded(f"versions: {count} {what} in one batch; at most {most} fit; send several", limit=most)
