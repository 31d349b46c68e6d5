"""From a stored version to its value, without keeping the event loop.

The first call, which brings a small value whole, is made on the event loop. A thread makes the value of it; a larger
one is also fetched by that thread, through the event loop.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from argosy.aio.loop.operation import Operation
from argosy.aio.loop.retrying import retrying
from argosy.aio.loop.way import Way
from argosy.execution.values.stored_value import load_from
from argosy.execution.views.transfer_progress import OnProgress
from argosy.materializers.registry import MaterializerChoice
from argosy.transport.connection import Connection
from argosy.transport.download.open_version import ask_for
from argosy.transport.rpc.retry import FEW_ATTEMPTS
from argosy.v1.artifact_pb2 import VersionSelector
from argosy.v1.artifact_service_pb2 import GetArtifactVersionResponse


async def load_by(
    way: Way,
    selector: VersionSelector,
    *,
    as_type: Any = None,
    allow_pickle: bool | None = None,
    materializer: MaterializerChoice | None = None,
    columns: Sequence[Hashable] | None = None,
    rows: slice | None = None,
    on_progress: OnProgress | None = None,
) -> Any:
    """Load the value a selector means, or a part of it, as :func:`argosy.aio.load_artifact` promises."""
    await way.open()  # a server that is not there is told at once, as the blocking client does
    is_part = columns is not None or rows is not None
    found = None if is_part else await _found(way, selector)

    def load(connection: Connection, operation: Operation) -> Any:
        return load_from(
            connection,
            selector,
            as_type=as_type,
            allow_pickle=allow_pickle,
            materializer=materializer,
            columns=columns,
            rows=rows,
            on_progress=on_progress,
            show=operation.show,
            found=found,
        )

    is_here = found is not None and len(found.contents) == len(found.artifact_version.files)
    return await way.in_thread(load, is_transfer=not is_here)


async def _found(way: Way, selector: VersionSelector) -> GetArtifactVersionResponse:
    what = f"load of {selector.name or selector.id}"
    return await retrying(what, lambda: way.ask(lambda connection: ask_for(connection, selector)), FEW_ATTEMPTS)
