"""``ArtifactVersion`` of asyncio clients: the same facts, and methods to be awaited."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from argosy.execution.records.artifact_facts import ArtifactFacts
from argosy.execution.records.artifact_version import ArtifactVersion as BlockingVersion
from argosy.execution.values.download_version import checked_directory, download_version
from argosy.graph.keyword_suggestions import methods_suggest_keywords
from argosy.graph.switches import check_switches
from argosy.v1 import artifact_pb2

if TYPE_CHECKING:
    from argosy.aio.loop.operation import Operation
    from argosy.aio.loop.way import Way
    from argosy.execution.values.preview import Preview
    from argosy.execution.views.transfer_progress import OnProgress
    from argosy.transport.connection import Connection

T = TypeVar("T")


@methods_suggest_keywords
class ArtifactVersion(ArtifactFacts):
    """One stored version of an artifact, as it was when it was read.

    Nothing of it changes; methods that change the store return the version as it is then. It can be used as long as
    the client it came from is open.
    """

    def __init__(self, message: artifact_pb2.ArtifactVersion, way: Way) -> None:
        """Show ``message``, which came by ``way``."""
        super().__init__(message)
        self._way = way

    @overload
    async def load(
        self,
        as_type: type[T],
        *,
        allow_pickle: bool | None = ...,
        columns: Sequence[Hashable] | None = ...,
        rows: slice | None = ...,
        on_progress: OnProgress | None = ...,
    ) -> T: ...
    @overload
    async def load(
        self,
        as_type: None = ...,
        *,
        allow_pickle: bool | None = ...,
        columns: Sequence[Hashable] | None = ...,
        rows: slice | None = ...,
        on_progress: OnProgress | None = ...,
    ) -> Any: ...
    async def load(
        self,
        as_type: type[T] | None = None,
        *,
        allow_pickle: bool | None = None,
        columns: Sequence[Hashable] | None = None,
        rows: slice | None = None,
        on_progress: OnProgress | None = None,
    ) -> T | Any:
        """Return the value, or with ``columns`` or ``rows`` a part of it; see :meth:`argosy.ArtifactVersion.load`."""
        from argosy.aio.load import load_by

        return await load_by(
            self._way,
            artifact_pb2.VersionSelector(id=self.id),
            as_type=as_type,
            allow_pickle=allow_pickle,
            columns=columns,
            rows=rows,
            on_progress=on_progress,
        )

    async def download(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Write its files below a directory, as :meth:`argosy.ArtifactVersion.download` does, and return that.

        Raises:
            ParameterError: ``directory`` is no path, or an empty one.
            FileExistsError: a file of the same name is there; nothing of this version is left behind.
            NotFoundError: the version was deleted, or what was registered by reference is gone.
            CorruptDataError: bytes do not match their checksum.
        """
        check_switches(overwrite=overwrite)
        target, selector = checked_directory(directory), artifact_pb2.VersionSelector(id=self.id)

        def download(connection: Connection, operation: Operation) -> None:
            download_version(connection, selector, target, overwrite=overwrite, label=self.name, show=operation.show)

        await self._way.in_thread(download, is_transfer=True)
        return target

    async def previews(self) -> tuple[str, ...]:
        """Return the paths of its previews, the one to look at first first.

        Raises:
            NotFoundError: the version was deleted.
        """
        from argosy.execution.values.stored_previews import previews_of

        selector = artifact_pb2.VersionSelector(id=self.id)
        return await self._way.in_thread(lambda connection, _operation: previews_of(connection, selector))

    async def preview(self, path: str | None = None) -> Preview:
        """Return a small picture of the value; see :meth:`argosy.ArtifactVersion.preview`."""
        from argosy.execution.values.stored_previews import preview_of

        selector = artifact_pb2.VersionSelector(id=self.id)
        return await self._way.in_thread(lambda connection, _operation: preview_of(connection, selector, path))

    async def set_alias(self, alias: str) -> ArtifactVersion:
        """Let ``alias`` point at this version from now on; return the version as it is then."""
        return await self._changed(lambda version: version.set_alias(alias))

    async def add_tags(self, *tags: str) -> ArtifactVersion:
        """Add tags, also while others change them; return the version as it is then."""
        return await self._changed(lambda version: version.add_tags(*tags))

    async def remove_tags(self, *tags: str) -> ArtifactVersion:
        """Remove tags, also while others change them; return the version as it is then."""
        return await self._changed(lambda version: version.remove_tags(*tags))

    async def update(
        self,
        *,
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> ArtifactVersion:
        """Replace all tags or the description, or set single facts of the metadata; what is not given stays.

        Raises:
            ParameterError: nothing is given, ``tags`` is one text, ``metadata`` is not JSON, or ``description`` is too
                long.
            NotFoundError: the version was deleted.
        """
        if tags is not None and not isinstance(tags, str):  # a single text is refused by what is run
            tags = list(tags)  # what is run may be run again, and an iterator yields them once
        return await self._changed(
            lambda version: version.update(tags=tags, metadata=metadata, description=description)
        )

    async def delete(self, *, force: bool = False) -> None:
        """Delete it. Its label stays taken and its lineage still answers.

        Raises:
            PreconditionError: a run made or used it, or an alias points at it, and ``force`` is not set.
        """
        await self._way.ask(lambda connection: self._blocking(connection).delete(force=force))

    async def _changed(self, change: Callable[[BlockingVersion], BlockingVersion]) -> ArtifactVersion:
        return shown_by(self._way, await self._way.ask(lambda connection: change(self._blocking(connection))))

    def _blocking(self, connection: Connection) -> BlockingVersion:
        return BlockingVersion(self._message, connection)


def shown_by(way: Way, version: ArtifactFacts) -> ArtifactVersion:
    """Return a version as asyncio clients show it."""
    return ArtifactVersion(version._message, way)
