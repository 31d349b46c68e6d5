"""DownloadArtifact: a version and the bytes of its files as one stream of messages."""

from __future__ import annotations

from collections.abc import Iterator

from argosy.v1 import artifact_pb2, artifact_transfer_pb2
from argosy_server.api.messages.artifacts import parse_selector, render_version
from argosy_server.api.messages.field_parsing import parse_optional
from argosy_server.domain.artifact import ArtifactFile, ArtifactVersion
from argosy_server.domain.blob import Blob
from argosy_server.domain.byte_range import ByteRange
from argosy_server.domain.errors import ArtifactNotFound, InvalidField
from argosy_server.domain.identifiers import parse_path, parse_project
from argosy_server.usecases.artifacts.change_version import require_live
from argosy_server.usecases.blobs.read_blob import find_blobs, read_blob
from argosy_server.usecases.ports import BlobStorage, MetadataStore


def download(
    metadata: MetadataStore, storage: BlobStorage, request: artifact_transfer_pb2.DownloadArtifactRequest
) -> Iterator[artifact_transfer_pb2.DownloadArtifactResponse]:
    """Yield the version, then for each file its start, its chunks and its end.

    Raises:
        InvalidField: the request is malformed, or asks for a range of several files.
        ArtifactNotFound: nothing matches the selector, or no such path.
        ReadPastEnd: the offset lies beyond the end.
        BlobCorrupt: stored bytes are damaged; what was yielded before must not be used.
    """
    project = parse_project(request.project)
    selector = parse_selector("selector", request.selector)
    path = parse_optional(parse_path, "path", request.path)
    with metadata.read() as tx:
        version = require_live(tx.artifacts.get(project, selector))
        files = _choose(version, path)
        if len(files) != 1 and (request.offset or request.limit):
            raise InvalidField("offset", f"a range needs one file, and the version has {len(files)}; set path")
        ranges = [ByteRange.parse(request.offset, request.limit, file.size) for file in files]
        blobs = find_blobs(tx, project, [file.digest for file in files])
    yield artifact_transfer_pb2.DownloadArtifactResponse(version=render_version(version))
    for file, blob, wanted in zip(files, blobs, ranges, strict=True):
        yield from _file_messages(metadata, storage, file, blob, wanted)


def _file_messages(
    metadata: MetadataStore, storage: BlobStorage, file: ArtifactFile, blob: Blob, wanted: ByteRange
) -> Iterator[artifact_transfer_pb2.DownloadArtifactResponse]:
    message = artifact_pb2.ArtifactFile(path=file.path, digest=file.digest.text, size_bytes=file.size)
    yield artifact_transfer_pb2.DownloadArtifactResponse(
        file_start=artifact_transfer_pb2.DownloadFileStart(file=message, offset=wanted.start)
    )
    for chunk in read_blob(metadata, storage, blob, wanted):
        yield artifact_transfer_pb2.DownloadArtifactResponse(chunk=chunk)
    yield artifact_transfer_pb2.DownloadArtifactResponse(
        file_end=artifact_transfer_pb2.DownloadFileEnd(sent_bytes=wanted.length)
    )


def _choose(version: ArtifactVersion, path: str) -> tuple[ArtifactFile, ...]:
    if not path:
        return version.files
    chosen = tuple(file for file in version.files if file.path == path)
    if not chosen:
        raise ArtifactNotFound(
            f"{version.name!r} version {version.version} has no file {path!r}; it has "
            + ", ".join(repr(file.path) for file in version.files[:20]),
            resource=f"file {path}",
        )
    return chosen
