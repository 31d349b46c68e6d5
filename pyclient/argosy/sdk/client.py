"""``Client``: everything the store can be asked and told, for one server and project."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload
from uuid import UUID

from argosy.config import ClientConfig, resolve
from argosy.errors import ParameterError
from argosy.execution.stored_value import load_from
from argosy.execution.transfer_progress import OnProgress
from argosy.graph.switches import check_switches
from argosy.sdk.artifacts import save_to
from argosy.sdk.batch import save_all_to
from argosy.sdk.filters import check_moments, check_texts
from argosy.sdk.selectors import make_selector
from argosy.sdk.versions import ArtifactVersion
from argosy.transport.connection import Connection, connect
from argosy.transport.pages import all_pages
from argosy.v1.artifact_service_pb2 import VersionOrder
from argosy.v1.pipeline_pb2 import RunState

if TYPE_CHECKING:
    from argosy.execution.run_record import PipelineRun
    from argosy.materializers.registry import MaterializerChoice

T = TypeVar("T")


@dataclass(frozen=True)
class ArtifactSummary:
    """One artifact in a list.

    Attributes:
        name: its name.
        latest: its latest version.
        version_count: how many versions it has.
    """

    name: str
    latest: ArtifactVersion
    version_count: int


@dataclass(frozen=True)
class PipelineSummary:
    """One pipeline in a list.

    Attributes:
        name: its name.
        latest_run: its most recent run, without steps.
        run_count: how many runs it has.
    """

    name: str
    latest_run: PipelineRun
    run_count: int


class Client:
    """Asks and tells one store. Making one does no I/O; the first call connects."""

    def __init__(
        self,
        server: str | None = None,
        project: str | None = None,
        home: str | Path | None = None,
        *,
        allow_pickle: bool | None = None,
    ) -> None:
        """Take settings; those left out are found as :mod:`argosy.config` says.

        Args:
            server: address of the server.
            project: the project to work in.
            home: directory of the embedded store.
            allow_pickle: whether values may be pickled.

        Raises:
            ConfigurationError: a setting is malformed.
        """
        self.config: ClientConfig = resolve(server=server, project=project, home=home, allow_pickle=allow_pickle)

    @property
    def connection(self) -> Connection:
        """The checked way to the store.

        Raises:
            UnavailableError: the store cannot be reached.
        """
        return connect(self.config)

    def save_artifact(
        self,
        value: object,
        name: str,
        *,
        version: int | str | None = None,
        alias: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
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
            version=version,
            alias=alias,
            tags=tags,
            metadata=metadata,
            materializer=materializer,
            extract_metadata=extract_metadata,
            include_visualizations=include_visualizations,
            allow_pickle=allow_pickle,
            on_progress=on_progress,
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
            tags=tags,
            metadata=metadata,
            extract_metadata=extract_metadata,
            include_visualizations=include_visualizations,
            allow_pickle=allow_pickle,
            on_progress=on_progress,
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

    def get_artifact_version(
        self,
        name_or_id: str | UUID,
        version: int | str | None = None,
        *,
        alias: str | None = None,
        pipeline_name: str | None = None,
    ) -> ArtifactVersion:
        """Return one version: the latest, unless told otherwise. It can be passed to a step.

        Raises:
            ParameterError: malformed arguments, or some that do not go together.
            NotFoundError: nothing matches.
        """
        selector = make_selector(name_or_id, version, alias=alias, pipeline_name=pipeline_name)
        return self._version(self.connection.artifacts.get_artifact_version(selector).artifact_version)

    def list_artifacts(self, name_contains: str = "", *, include_unnamed: bool = False) -> Iterator[ArtifactSummary]:
        """Yield artifacts by name, page by page as they are taken.

        Args:
            name_contains: only names that contain this, without regard to case.
            include_unnamed: also step outputs that were given no name.

        Raises:
            ParameterError: an argument is of another type.
        """
        check_texts("list_artifacts", name_contains=name_contains)
        check_switches(include_unnamed=include_unnamed)
        artifacts = self.connection.artifacts
        pages = all_pages(
            lambda token: artifacts.list_artifacts(
                name_contains=name_contains, include_unnamed=include_unnamed, page_token=token
            )
        )
        return (
            ArtifactSummary(item.name, self._version(item.latest), item.version_count)
            for page in pages
            for item in page.artifacts
        )

    def list_artifact_versions(
        self,
        name: str = "",
        *,
        pipeline_name: str = "",
        tag: str = "",
        created_from: datetime | None = None,
        created_until: datetime | None = None,
        oldest_first: bool = False,
    ) -> Iterator[ArtifactVersion]:
        """Yield versions, newest first, page by page as they are taken.

        Args:
            name: only versions of this artifact.
            pipeline_name: only versions made by runs of this pipeline.
            tag: only versions with this tag.
            created_from: only versions created at this moment or later; without a zone it is local time.
            created_until: only versions created before this moment.
            oldest_first: turn the order around.

        Raises:
            ParameterError: an argument is of another type.
        """
        check_texts("list_artifact_versions", name=name, pipeline_name=pipeline_name, tag=tag)
        check_moments("list_artifact_versions", created_from=created_from, created_until=created_until)
        check_switches(oldest_first=oldest_first)
        artifacts = self.connection.artifacts
        order = VersionOrder.VERSION_ORDER_OLDEST_FIRST if oldest_first else VersionOrder.VERSION_ORDER_NEWEST_FIRST
        pages = all_pages(
            lambda token: artifacts.list_artifact_versions(
                name=name,
                pipeline_name=pipeline_name,
                tag=tag,
                created_from=created_from,
                created_until=created_until,
                order=order,
                page_token=token,
            )
        )
        return (self._version(version) for page in pages for version in page.artifact_versions)

    def delete_artifact_version(
        self, name_or_id: str | UUID, version: int | str | None = None, *, alias: str | None = None, force: bool = False
    ) -> None:
        """Delete one version. A name alone is refused: it would delete whatever is the latest.

        Raises:
            ParameterError: the version is not named exactly.
            NotFoundError: nothing matches.
            PreconditionError: a run made or used it and ``force`` is not set.
        """
        check_switches(force=force)
        selector = make_selector(name_or_id, version, alias=alias)
        if not (selector.id or selector.version or selector.alias):
            raise ParameterError(
                f"which version of {name_or_id!r} shall be deleted? pass its id, version=... or alias=..."
            )
        artifacts = self.connection.artifacts
        version_id = selector.id or artifacts.get_artifact_version(selector).artifact_version.id
        artifacts.delete_artifact_version(version_id, force=force)

    def set_alias(self, alias: str, name_or_id: str | UUID, version: int | str | None = None) -> ArtifactVersion:
        """Point an alias at a version, the latest unless told otherwise; return that version.

        Raises:
            NotFoundError: no such version.
        """
        return self._version(self.connection.artifacts.set_alias(alias, make_selector(name_or_id, version)))

    def delete_alias(self, name: str, alias: str) -> None:
        """Remove an alias of an artifact; the version stays.

        Raises:
            NotFoundError: no such alias.
        """
        self.connection.artifacts.delete_alias(name, alias)

    def get_run(self, run: str | UUID) -> PipelineRun:
        """Return the run of this id or name, with its steps.

        Raises:
            NotFoundError: no such run.
        """
        return self._run(self.connection.pipelines.get_run(str(run)))

    def list_runs(self, pipeline_name: str = "", *, status: str = "") -> Iterator[PipelineRun]:
        """Yield runs, newest first and without steps, page by page as they are taken.

        Args:
            pipeline_name: only runs of this pipeline.
            status: only ``running``, ``completed``, ``failed``, ``cancelled`` or ``abandoned`` ones.

        Raises:
            ParameterError: there is no such status, or an argument is no text.
        """
        check_texts("list_runs", pipeline_name=pipeline_name, status=status)
        pipelines, state = self.connection.pipelines, _state(status)
        pages = all_pages(lambda token: pipelines.list_runs(pipeline_name=pipeline_name, state=state, page_token=token))
        return (self._run(run) for page in pages for run in page.runs)

    def cancel_run(self, run: str | UUID) -> PipelineRun:
        """Ask a run to stop; return it as it is now, which may be still running.

        The step that runs ends first. Then the call of the pipeline raises ``RunCancelledError`` where it
        was made, and the run reads as ``cancelled``.

        Args:
            run: its id or name.

        Raises:
            NotFoundError: no such run.
            PreconditionError: the run has ended.
        """
        pipelines = self.connection.pipelines
        asked = pipelines.cancel_run(pipelines.get_run(str(run)).id)
        return self.get_run(asked.id)  # with its steps

    def list_pipelines(self) -> Iterator[PipelineSummary]:
        """Yield pipelines by name, page by page as they are taken."""
        pipelines = self.connection.pipelines
        for page in all_pages(lambda token: pipelines.list_pipelines(page_token=token)):
            for item in page.pipelines:
                yield PipelineSummary(item.name, self._run(item.latest_run), item.run_count)

    def _version(self, message: Any) -> ArtifactVersion:
        return ArtifactVersion(message, self.connection)

    def _run(self, message: Any) -> PipelineRun:
        from argosy.execution.run_record import PipelineRun

        return PipelineRun(message, self.connection)

    def __repr__(self) -> str:
        return f"<Client of project {self.config.project!r} at {self.config.server or self.config.home}>"


def _state(status: str) -> RunState.ValueType:
    states = {name.removeprefix("RUN_STATE_").lower(): value for name, value in RunState.items() if value}
    if not status:
        return RunState.RUN_STATE_UNSPECIFIED
    if status not in states:
        raise ParameterError(f"status={status!r} is none of {', '.join(states)}")
    return states[status]
