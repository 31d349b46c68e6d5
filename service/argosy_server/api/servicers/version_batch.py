"""Many versions created or found by one call and one transaction, each with a status of its own."""

from __future__ import annotations

from dataclasses import dataclass

from argosy.v1 import artifact_pb2
from argosy.v1 import artifact_service_pb2 as wire
from argosy_server.api.messages.artifacts import parse_new_files, parse_selector, parse_spec, render_version
from argosy_server.api.messages.error_status import item_status
from argosy_server.api.messages.field_parsing import parse_size, require_items, require_message
from argosy_server.api.messages.reply_size import MAX_PART_BYTES
from argosy_server.api.servicers.once import discard_quietly, publish_once, request_key
from argosy_server.domain.artifact import ArtifactSpec, ArtifactVersion, VersionSelector
from argosy_server.domain.errors import DomainError, LimitExceeded, StorageFull, StorageUnavailable
from argosy_server.domain.identifiers import parse_project
from argosy_server.domain.limits import Limits
from argosy_server.usecases.artifacts.create_version import Save, create_versions
from argosy_server.usecases.artifacts.get_version import Found, get_versions, no_room
from argosy_server.usecases.blobs.staging import StagedFile, stage_files
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction


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


def get_batch(
    metadata: MetadataStore, storage: BlobStorage, limits: Limits, request: wire.BatchGetArtifactVersionsRequest
) -> wire.BatchGetArtifactVersionsResponse:
    """Answer what the contract promises of BatchGetArtifactVersions.

    Raises:
        InvalidField: project or ``max_content_bytes`` are malformed, or there is no selector.
        LimitExceeded: too many selectors.
    """
    project = parse_project(request.project)
    require_items("selectors", request.selectors)
    wanted = parse_size("max_content_bytes", request.max_content_bytes)
    selectors = [_selector(index, selector) for index, selector in enumerate(request.selectors)]
    response, size = wire.BatchGetArtifactVersionsResponse(), 0
    for found in get_versions(metadata, storage, limits, project, selectors, wanted):
        result = _render_found(found)
        if size + result.ByteSize() > MAX_PART_BYTES:
            result = _render_found(no_room(limits))
        size += result.ByteSize()
        response.results.append(result)
    return response


def _selector(index: int, selector: artifact_pb2.VersionSelector) -> VersionSelector | DomainError:
    try:
        return parse_selector(f"selectors[{index}]", selector)
    except DomainError as error:
        return error


def _render_found(found: Found | DomainError) -> wire.GetArtifactVersionResult:
    if isinstance(found, DomainError):
        return wire.GetArtifactVersionResult(status=item_status(found))
    version = render_version(found.version)
    return wire.GetArtifactVersionResult(status=item_status(None), artifact_version=version, contents=found.contents)


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
