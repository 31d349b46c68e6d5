"""``Client`` for asyncio: everything a service asks and tells one store, without keeping the event loop."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import UUID

from argosy.aio.artifact_queries import ArtifactQueries
from argosy.aio.artifact_version import ArtifactVersion
from argosy.aio.load import load_by
from argosy.aio.run_queries import RunQueries
from argosy.aio.save import save_all_by, save_by
from argosy.aio.watch_queries import WatchQueries
from argosy.config import ClientConfig
from argosy.graph.keyword_suggestions import methods_suggest_keywords
from argosy.sdk.queries.selectors import make_selector
from argosy.sdk.save_arguments import BatchArguments, SaveArguments

if TYPE_CHECKING:
    from argosy.execution.views.transfer_progress import OnProgress
    from argosy.materializers.registry import MaterializerChoice

T = TypeVar("T")


@methods_suggest_keywords
class Client(ArtifactQueries, RunQueries, WatchQueries):
    """Asks and tells one store from one event loop.

    For example::

        async with argosy.aio.Client() as client:
            model = await client.load_artifact("model", alias="prod")

    Making one does no I/O; the first call connects, and binds it to the event loop that runs then. Clients of one
    loop and store share one connection; the last that is closed closes it.
    """

    async def save_artifact(
        self,
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
        """Save a value as :func:`argosy.aio.save_artifact` does, in this store and project."""
        return await save_by(
            self.way,
            value,
            name,
            SaveArguments(
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
            ),
        )

    async def save_artifacts(
        self,
        values: Mapping[str, object],
        *,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        extract_metadata: bool = True,
        include_visualizations: bool = True,
        allow_pickle: bool | None = None,
        on_progress: OnProgress | None = None,
    ) -> list[ArtifactVersion]:
        """Save many values as :func:`argosy.save_artifacts` does, in this store and project."""
        return await save_all_by(
            self.way,
            values,
            BatchArguments(
                tags=tags,
                metadata=metadata,
                extract_metadata=extract_metadata,
                include_visualizations=include_visualizations,
                allow_pickle=allow_pickle,
                on_progress=on_progress,
            ),
        )

    @overload
    async def load_artifact(
        self,
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
        self,
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
    async def load_artifact(
        self,
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
        """Load a value as :func:`argosy.aio.load_artifact` does, from this store and project."""
        return await load_by(
            self.way,
            make_selector(name_or_id, version, alias=alias, pipeline_name=pipeline_name),
            as_type=as_type,
            allow_pickle=allow_pickle,
            materializer=materializer,
            columns=columns,
            rows=rows,
            on_progress=on_progress,
        )

    async def close(self) -> None:
        """Let go of the connection, as the end of ``async with`` does; closing twice is fine."""
        await self.way.close()

    async def __aenter__(self) -> Client:
        """Connect.

        Raises:
            UnavailableError: the store cannot be reached.
        """
        await self.way.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        config: ClientConfig = self.config
        return f"<asyncio Client of project {config.project!r} at {config.server or config.home}>"
