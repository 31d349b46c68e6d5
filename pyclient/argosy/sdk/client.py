"""``Client``: everything the store can be asked and told, for one server and project."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import UUID

from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.values.stored_value import load_from
from argosy.execution.views.transfer_progress import OnProgress
from argosy.graph.keyword_suggestions import methods_suggest_keywords
from argosy.sdk.artifacts import save_to
from argosy.sdk.batch import save_all_to
from argosy.sdk.queries.artifact_queries import ArtifactQueries
from argosy.sdk.queries.cache_queries import CacheQueries
from argosy.sdk.queries.log_queries import LogQueries
from argosy.sdk.queries.run_queries import RunQueries
from argosy.sdk.queries.selectors import make_selector
from argosy.sdk.queries.watch_queries import WatchQueries
from argosy.sdk.register import register_in
from argosy.sdk.save_arguments import BatchArguments, SaveArguments

if TYPE_CHECKING:
    from argosy.materializers.registry import MaterializerChoice

T = TypeVar("T")


@methods_suggest_keywords
class Client(ArtifactQueries, WatchQueries, CacheQueries, RunQueries, LogQueries):
    """Asks and tells one store. Making one does no I/O; the first call connects."""

    def save_artifact(
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
        """Save a value as :func:`argosy.save_artifact` does, in this store and project."""
        return save_to(
            self.connection,
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

    def register_artifact(
        self,
        path_or_uri: str | PathLike[str],
        name: str,
        *,
        copy: bool = True,
        version: int | str | None = None,
        alias: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        description: str = "",
        on_progress: OnProgress | None = None,
    ) -> ArtifactVersion:
        """Make a version of a file or directory as :func:`argosy.register_artifact` does, in this store and project."""
        return register_in(
            self.connection,
            path_or_uri,
            name,
            SaveArguments(
                version=version,
                alias=alias,
                tags=tags,
                metadata=metadata,
                description=description,
                on_progress=on_progress,
            ),
            copy=copy,
        )

    def save_artifacts(
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
        return save_all_to(
            self.connection,
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
    def load_artifact(
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
    def load_artifact(
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
    def load_artifact(
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
        """Load a value as :func:`argosy.load_artifact` does, from this store and project."""
        selector = make_selector(name_or_id, version, alias=alias, pipeline_name=pipeline_name)
        return load_from(
            self.connection,
            selector,
            as_type=as_type,
            allow_pickle=allow_pickle,
            materializer=materializer,
            columns=columns,
            rows=rows,
            on_progress=on_progress,
        )

    def __repr__(self) -> str:
        return f"<Client of project {self.config.project!r} at {self.config.server or self.config.home}>"
