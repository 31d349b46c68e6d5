"""Versions as programs without Python make them: files and a format, nothing else."""

from __future__ import annotations

from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.sdk.client import Client
from argosy.v1.artifact_pb2 import ArtifactSpec, NewArtifactFile


def save_files(name: str, format: str, files: dict[str, bytes], materializer: str = "") -> ArtifactVersion:
    connection = Client().connection
    contents = [NewArtifactFile(path=path, inline_content=content) for path, content in files.items()]
    spec = ArtifactSpec(name=name, format=format, materializer=materializer)
    return ArtifactVersion(connection.artifacts.create_artifact_version(spec, contents), connection)
