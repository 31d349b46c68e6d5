"""From a value to a version that is visible, without keeping the event loop.

A thread turns the value into files and hashes them; those that do not fit into one request are sent by a thread, too,
through the event loop. The call that makes the version visible is made on the event loop, when all else has gone well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from argosy.aio.artifact_version import ArtifactVersion, shown_by
from argosy.aio.loop.operation import Operation
from argosy.aio.loop.retrying import retrying
from argosy.aio.loop.way import Way
from argosy.errors import BatchError
from argosy.execution.values.prepared_value import PreparedValue
from argosy.execution.values.sent_values import send_values
from argosy.execution.views.transfer_progress import OnProgress
from argosy.graph.source_location import called_from, caller_location
from argosy.sdk.artifacts import prepare_save, record_saved
from argosy.sdk.batch import save_all_to
from argosy.sdk.save_arguments import BatchArguments, SaveArguments
from argosy.transport.connection import Connection
from argosy.transport.rpc.calls import new_request_id
from argosy.transport.upload.save_version import creation_attempts
from argosy.v1.artifact_pb2 import NewArtifactFile


async def save_by(way: Way, value: object, name: str, arguments: SaveArguments) -> ArtifactVersion:
    """Save a value as :func:`argosy.aio.save_artifact` promises."""
    prepared: list[PreparedValue] = []

    def prepare(connection: Connection, operation: Operation) -> tuple[PreparedValue, int]:
        made = prepare_save(connection, value, name, arguments)
        prepared.append(made)
        if operation.ended:  # nobody else will close it
            made.__exit__()
        return made, sum(file.size_bytes for file in made.files)

    try:
        with called_from(caller_location()):
            ready, size = await way.in_thread(prepare)
        files = await _send(way, ready, size, arguments.on_progress)
        return await _create(way, ready, files)
    finally:
        if prepared:
            await asyncio.to_thread(prepared[0].__exit__)


async def save_all_by(way: Way, values: Mapping[str, object], arguments: BatchArguments) -> list[ArtifactVersion]:
    """Save many values as :func:`argosy.save_artifacts` does, all of it in one thread."""

    def save(connection: Connection, operation: Operation) -> list[ArtifactVersion]:
        try:
            saved = save_all_to(connection, values, arguments, operation.show)
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
            (files,) = send_values(connection, [prepared], progress)
        return files

    endpoint = await way.open()
    return await way.in_thread(send, is_transfer=size > endpoint.capabilities.max_inline_bytes)


async def _create(way: Way, prepared: PreparedValue, files: Sequence[NewArtifactFile]) -> ArtifactVersion:
    request_id = new_request_id()

    def create(connection: Connection) -> ArtifactVersion:
        made = connection.artifacts.create_artifact_version(prepared.spec, files, request_id)
        return shown_by(way, record_saved(made, connection))

    return await retrying(f"creation of {prepared.spec.name!r}", lambda: way.ask(create), creation_attempts(files))
