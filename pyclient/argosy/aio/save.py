"""From a value to a version that is visible, without keeping the event loop.

A thread turns the value into files and hashes them; those that do not fit into one request are sent by a thread, too,
through the event loop. The call that makes the version visible is made on the event loop, when all else has gone well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from argosy.aio.artifact_version import ArtifactVersion, shown_by
from argosy.aio.operation import Operation
from argosy.aio.retrying import retrying
from argosy.aio.way import Way
from argosy.errors import BatchError
from argosy.execution.prepared_value import PreparedValue
from argosy.execution.transfer_progress import OnProgress
from argosy.graph.source_location import called_from, caller_location
from argosy.materializers.registry import MaterializerChoice
from argosy.sdk.artifacts import prepare_save, record_saved
from argosy.sdk.batch import save_all_to
from argosy.transport.calls import new_request_id
from argosy.transport.connection import Connection
from argosy.transport.retry import ATTEMPTS, FEW_ATTEMPTS
from argosy.transport.upload import upload_files
from argosy.v1.artifact_pb2 import NewArtifactFile


async def save_by(
    way: Way,
    value: object,
    name: str,
    *,
    version: int | str | None = None,
    alias: str | None = None,
    tags: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    description: str = "",
    materializer: MaterializerChoice | None = None,
    extract_metadata: bool = True,
    include_visualizations: bool = True,
    allow_pickle: bool | None = None,
    on_progress: OnProgress | None = None,
) -> ArtifactVersion:
    """Save a value as :func:`argosy.aio.save_artifact` promises."""
    prepared: list[PreparedValue] = []

    def prepare(connection: Connection, operation: Operation) -> tuple[PreparedValue, int]:
        made = prepare_save(
            connection,
            value,
            name,
            version=version,
            alias=alias,
            tags=tags,
            metadata=metadata,
            description=description,
            materializer=materializer,
            extract_metadata=extract_metadata,
            include_visualizations=include_visualizations,
            allow_pickle=allow_pickle,
        )
        prepared.append(made)
        if operation.ended:  # nobody else will close it
            made.__exit__()
        return made, sum(file.size_bytes for file in made.files)

    try:
        with called_from(caller_location()):
            ready, size = await way.in_thread(prepare)
        files = await _send(way, ready, size, on_progress)
        return await _create(way, ready, files)
    finally:
        if prepared:
            await asyncio.to_thread(prepared[0].__exit__)


async def save_all_by(
    way: Way,
    values: Mapping[str, object],
    *,
    tags: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    extract_metadata: bool = True,
    include_visualizations: bool = True,
    allow_pickle: bool | None = None,
    on_progress: OnProgress | None = None,
) -> list[ArtifactVersion]:
    """Save many values as :func:`argosy.save_artifacts` does, all of it in one thread."""

    def save(connection: Connection, operation: Operation) -> list[ArtifactVersion]:
        try:
            saved = save_all_to(
                connection,
                values,
                tags=tags,
                metadata=metadata,
                extract_metadata=extract_metadata,
                include_visualizations=include_visualizations,
                allow_pickle=allow_pickle,
                on_progress=on_progress,
                show=operation.show,
            )
        except BatchError as error:
            error.saved = {name: shown_by(way, version) for name, version in error.saved.items()}
            raise
        return [shown_by(way, version) for version in saved]

    with called_from(caller_location()):
        return await way.in_thread(save, is_transfer=True)


async def _send(
    way: Way, prepared: PreparedValue, size: int, on_progress: OnProgress | None
) -> Sequence[NewArtifactFile]:
    """Bring what the store does not have of the files, but for those that travel with the last call."""

    def send(connection: Connection, operation: Operation) -> Sequence[NewArtifactFile]:
        with operation.show(prepared.spec.name, on_progress) as progress:
            (files,) = upload_files(connection, [prepared.files], progress=progress)
        return files

    endpoint = await way.open()
    return await way.in_thread(send, is_transfer=size > endpoint.capabilities.max_inline_bytes)


async def _create(way: Way, prepared: PreparedValue, files: Sequence[NewArtifactFile]) -> ArtifactVersion:
    request_id = new_request_id()
    # What took long to send is not given up because the server restarts just now.
    attempts = ATTEMPTS if any(file.digest for file in files) else FEW_ATTEMPTS

    def create(connection: Connection) -> ArtifactVersion:
        made = connection.artifacts.create_artifact_version(prepared.spec, files, request_id)
        return shown_by(way, record_saved(made, connection))

    return await retrying(f"creation of {prepared.spec.name!r}", lambda: way.ask(create), attempts)
