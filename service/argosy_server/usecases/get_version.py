"""Finding one version, with the bytes of its files when these are few."""

from __future__ import annotations

from collections.abc import Sequence

from argosy_server.domain.artifact import ArtifactVersion, VersionSelector
from argosy_server.domain.limits import Limits
from argosy_server.usecases.ports import BlobStorage, MetadataStore
from argosy_server.usecases.read_blob import find_blobs, read_whole


def get_version(
    metadata: MetadataStore,
    storage: BlobStorage,
    limits: Limits,
    project: str,
    selector: VersionSelector,
    max_content_bytes: int,
) -> tuple[ArtifactVersion, Sequence[bytes]]:
    """Return a version, and the bytes of its files if they have at most ``max_content_bytes`` in all.

    Raises:
        ArtifactNotFound: nothing matches.
        BlobCorrupt: stored bytes are damaged.
    """
    with metadata.read() as tx:
        version = tx.artifacts.get(project, selector)
        many = len(version.files) > limits.max_batch_items
        if many or version.size > min(max_content_bytes, limits.max_inline_bytes) or not max_content_bytes:
            return version, []
        blobs = find_blobs(tx, project, [file.digest for file in version.files])
        rows = tx.blobs.contents(project, [blob.digest for blob in blobs if not blob.location])
    return version, [read_whole(metadata, storage, blob, rows.get(blob.digest)) for blob in blobs]
