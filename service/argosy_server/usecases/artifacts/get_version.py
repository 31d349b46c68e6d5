"""Finding versions, with the bytes of their files when these are few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from argosy_server.domain.artifact import ArtifactVersion, VersionSelector
from argosy_server.domain.blob import Blob
from argosy_server.domain.errors import BlobCorrupt, BlobNotFound, DomainError, LimitExceeded
from argosy_server.domain.identifiers import Digest
from argosy_server.domain.limits import Limits
from argosy_server.usecases.blobs.read_blob import find_blobs, missing_blob, read_whole
from argosy_server.usecases.ports import BlobStorage, MetadataStore


@dataclass(frozen=True)
class Found:
    """A version that was asked for.

    Attributes:
        version: with its files.
        contents: the bytes of each of its files; none when they are not wanted or too many.
    """

    version: ArtifactVersion
    contents: Sequence[bytes] = ()


def get_version(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    project: str,
    selector: VersionSelector,
    max_content_bytes: int,
) -> Found:
    """Return a version, and the bytes of its files if they have at most ``max_content_bytes`` in all.

    Raises:
        ArtifactNotFound: nothing matches.
        BlobCorrupt: stored bytes are damaged.
    """
    with metadata.read() as tx:
        version = tx.artifacts.get(project, selector)
        if not _is_small(version, limits, max_content_bytes):
            return Found(version)
        blobs = find_blobs(tx, project, [file.digest for file in version.files])
        rows = tx.blobs.contents(project, [blob.digest for blob in blobs if not blob.location])
    return Found(version, [read_whole(metadata, storage, blob, rows.get(blob.digest)) for blob in blobs])


def get_versions(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    project: str,
    selectors: Sequence[VersionSelector | DomainError],
    max_content_bytes: int,
) -> Iterator[Found | DomainError]:
    """Yield for each selector what :func:`get_version` would return or raise, all of one view of the data.

    A version whose bytes have no room beside those before it (``max_batch_bytes``) is refused, and selectors that
    are refusals already stay these.

    Raises:
        LimitExceeded: too many selectors.
    """
    if len(selectors) > limits.max_batch_items:
        raise LimitExceeded(
            f"selectors: {len(selectors)} in one batch; at most {limits.max_batch_items} fit; send several batches",
            limit=limits.max_batch_items,
        )
    with metadata.read() as tx:
        found: list[ArtifactVersion | DomainError] = []
        room = limits.max_batch_bytes
        wanted: set[Digest] = set()
        for selector in selectors:
            try:
                version = tx.artifacts.get(project, _good(selector))
            except DomainError as error:
                found.append(error)
                continue
            if not _is_small(version, limits, max_content_bytes):
                found.append(version)
            elif version.size > room:
                found.append(no_room(limits))
            else:
                room -= version.size
                wanted.update(file.digest for file in version.files)
                found.append(version)
        blobs = tx.blobs.find(project, wanted)
        rows = tx.blobs.contents(project, [blob.digest for blob in blobs.values() if not blob.location])
    for each in found:
        if isinstance(each, DomainError) or not _is_small(each, limits, max_content_bytes):
            yield each if isinstance(each, DomainError) else Found(each)
        else:
            yield _with_bytes(metadata, storage, each, blobs, rows)


def no_room(limits: Limits) -> LimitExceeded:
    """Return the refusal of a version that an answer cannot bring beside those before it."""
    return LimitExceeded(
        f"it has no room in the answer beside the versions before it, which bring at most {limits.max_batch_bytes} "
        "bytes of content; ask for it alone",
        limit=limits.max_batch_bytes,
    )


def _good(selector: VersionSelector | DomainError) -> VersionSelector:
    if isinstance(selector, DomainError):
        raise selector
    return selector


def _is_small(version: ArtifactVersion, limits: Limits, max_content_bytes: int) -> bool:
    few = len(version.files) <= limits.max_batch_items
    return few and max_content_bytes > 0 and version.size <= min(max_content_bytes, limits.max_inline_bytes)


def _with_bytes(
    metadata: MetadataStore,
    storage: BlobStorage,
    version: ArtifactVersion,
    blobs: Mapping[Digest, Blob],
    rows: Mapping[Digest, bytes],
) -> Found | DomainError:
    try:
        contents = []
        for file in version.files:
            if file.digest not in blobs:
                raise missing_blob(version.project, file.digest)
            contents.append(read_whole(metadata, storage, blobs[file.digest], rows.get(file.digest)))
    except (BlobCorrupt, BlobNotFound) as error:
        return error
    return Found(version, contents)
