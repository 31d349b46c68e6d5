"""From the files of one value to a version that is visible."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.transport.calls import new_request_id
from argosy.transport.connection import Connection
from argosy.transport.progress import UNSEEN, Progress
from argosy.transport.retry import ATTEMPTS, FEW_ATTEMPTS, retrying
from argosy.transport.upload import upload_files
from argosy.transport.upload_session import Content
from argosy.v1.artifact_pb2 import ArtifactSpec, ArtifactVersion


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
    artifacts, request_id = connection.artifacts, new_request_id()
    # What took long to send is not given up because the server restarts just now.
    attempts = ATTEMPTS if any(file.digest for file in files) else FEW_ATTEMPTS
    return retrying(
        f"creation of {spec.name!r}", lambda: artifacts.create_artifact_version(spec, files, request_id), attempts
    )
