"""UploadArtifact: a version of one file in one call. The bytes are received, compared, then published."""

from __future__ import annotations

from argosy_server.domain.errors import DigestMismatch
from argosy_server.domain.identifiers import Digest
from argosy_server.usecases.staging import StagedFile


def check_received(file: StagedFile, digest: Digest, size: int) -> None:
    """Compare what arrived with what the client declares at the end.

    Raises:
        DigestMismatch: they differ; the caller discards the bytes.
    """
    actual = file.blob.size if file.blob is not None else 0
    if (file.digest, actual) != (digest, size):
        raise DigestMismatch(
            f"declared {digest} of {size} bytes, received {file.digest} of {actual} bytes; send the bytes again",
            expected=digest,
            actual=file.digest,
            expected_size=size,
            actual_size=actual,
        )
