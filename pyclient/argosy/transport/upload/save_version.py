"""From the files of one value to a version that is visible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from argosy.transport.connection import Connection
from argosy.transport.content import Content
from argosy.transport.progress import UNSEEN, Progress
from argosy.transport.rpc.calls import new_request_id
from argosy.transport.rpc.retry import ATTEMPTS, FEW_ATTEMPTS, retrying
from argosy.transport.upload.upload_files import upload_files
from argosy.v1.artifact_pb2 import ArtifactSpec, ArtifactVersion, NewArtifactFile


def save_version(
    connection: Connection, spec: ArtifactSpec, contents: Sequence[Content], progress: Progress = UNSEEN
) -> ArtifactVersion:
    """Bring what the store does not have of the files, and make the version visible; all of it or nothing.

    Raises:
        AlreadyExistsError: the label is taken.
        ArgosyError: the store refused, or was lost.
        Exception: what reading a file raised, unchanged.
    """
    (files,) = upload_files(connection, [contents], progress=progress)
    return create_version(connection, spec, files)


def create_version(connection: Connection, spec: ArtifactSpec, files: Iterable[NewArtifactFile]) -> ArtifactVersion:
    """Make a version visible whose large files the store has.

    Raises:
        AlreadyExistsError: the label is taken.
        ArgosyError: the store refused, or was lost.
    """
    files = list(files)
    artifacts, request_id = connection.artifacts, new_request_id()
    return retrying(
        f"creation of {spec.name!r}",
        lambda: artifacts.create_artifact_version(spec, files, request_id),
        creation_attempts(files),
    )


def creation_attempts(files: Sequence[NewArtifactFile]) -> int:
    """Return how often to try: what took long to send is not given up because the server restarts just now."""
    return ATTEMPTS if any(file.digest for file in files) else FEW_ATTEMPTS
