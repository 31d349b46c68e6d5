"""What needs no ``Client``: saving, loading and finding artifacts in the configured store.

The connection is kept for the event loop it was made in, and closed when that loop ends its asynchronous generators, as
``asyncio.run`` does. What they need is imported in a thread by the first call, so that the event loop goes on.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import UUID

from argosy.aio.loop.per_loop import PerLoop
from argosy.config import ClientConfig, resolve
from argosy.graph.keyword_suggestions import suggests_keywords

if TYPE_CHECKING:
    from argosy.aio.artifact_events import ArtifactEvents
    from argosy.aio.artifact_version import ArtifactVersion
    from argosy.aio.client import Client
    from argosy.execution.views.transfer_progress import OnProgress
    from argosy.materializers.registry import MaterializerChoice

T = TypeVar("T")


@suggests_keywords
async def save_artifact(
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
    """Save a value as a new version of an artifact; all of it is stored, or nothing.

    Takes and raises what :func:`argosy.save_artifact` does. The value must not change before this returns: it is read
    by other threads. When the task is cancelled while bytes are sent, nothing becomes visible.
    """
    client = await _usual_client()
    return await client.save_artifact(
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
        on_progress=on_progress,
    )


@overload
async def load_artifact(
    name_or_id: str | UUID,
    version: int | str | None = ...,
    *,
    alias: str | None = ...,
    pipeline_name: str | None = ...,
    as_type: type[T],
    allow_pickle: bool | None = ...,
    materializer: MaterializerChoice | None = ...,
    columns: Sequence[Hashable] | None = ...,
    rows: slice | None = ...,
    on_progress: OnProgress | None = ...,
) -> T: ...
@overload
async def load_artifact(
    name_or_id: str | UUID,
    version: int | str | None = ...,
    *,
    alias: str | None = ...,
    pipeline_name: str | None = ...,
    as_type: None = ...,
    allow_pickle: bool | None = ...,
    materializer: MaterializerChoice | None = ...,
    columns: Sequence[Hashable] | None = ...,
    rows: slice | None = ...,
    on_progress: OnProgress | None = ...,
) -> Any: ...
@suggests_keywords
async def load_artifact(
    name_or_id: str | UUID,
    version: int | str | None = None,
    *,
    alias: str | None = None,
    pipeline_name: str | None = None,
    as_type: type[T] | None = None,
    allow_pickle: bool | None = None,
    materializer: MaterializerChoice | None = None,
    columns: Sequence[Hashable] | None = None,
    rows: slice | None = None,
    on_progress: OnProgress | None = None,
) -> T | Any:
    """Load the value of a stored version: the latest one, unless told otherwise.

    Takes and raises what :func:`argosy.load_artifact` does.
    """
    client = await _usual_client()
    from argosy.aio.load import load_by
    from argosy.sdk.queries.selectors import make_selector

    return await load_by(
        client.way,
        make_selector(name_or_id, version, alias=alias, pipeline_name=pipeline_name),
        as_type=as_type,
        allow_pickle=allow_pickle,
        materializer=materializer,
        columns=columns,
        rows=rows,
        on_progress=on_progress,
    )


@suggests_keywords
async def get_artifact(
    name_or_id: str | UUID,
    version: int | str | None = None,
    *,
    alias: str | None = None,
    pipeline_name: str | None = None,
) -> ArtifactVersion:
    """Return one version without loading its value, as :func:`argosy.get_artifact` does."""
    client = await _usual_client()
    return await client.get_artifact_version(name_or_id, version, alias=alias, pipeline_name=pipeline_name)


@suggests_keywords
def watch_artifacts(
    name: str | None = None,
    *,
    alias: str | None = None,
    tag: str | None = None,
    kinds: str | Iterable[str] | None = None,
    include_unnamed: bool = False,
    cursor: str | None = None,
    timeout: float | None = None,
) -> ArtifactEvents:
    """Watch what becomes of artifacts, as :meth:`argosy.aio.Client.watch_artifacts` does, from the running event loop.

    It is no coroutine: where the event loop must not wait a moment, let ``Client`` be imported before it runs.

    Raises:
        ParameterError: an argument is malformed.
    """
    from argosy.aio.artifact_events import watch_by

    return watch_by(_client_for(resolve()).way, name, alias, tag, kinds, include_unnamed, cursor, timeout)


_clients: PerLoop[dict[ClientConfig, Client]] = PerLoop(dict)


async def _usual_client() -> Client:
    """Return the client of this event loop for the settings that hold now."""
    config = resolve()
    if config not in _clients.here():
        await asyncio.to_thread(importlib.import_module, "argosy.aio.client")
    return _client_for(config)


def _client_for(config: ClientConfig) -> Client:
    from argosy.aio.client import Client

    clients = _clients.here()
    if config not in clients:
        clients[config] = Client()
    return clients[config]
