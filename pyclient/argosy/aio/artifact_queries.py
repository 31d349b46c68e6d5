"""The part of the asyncio ``Client`` that finds, lists, labels and deletes artifact versions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from argosy.aio.artifact_version import ArtifactVersion, shown_by
from argosy.aio.store_access import StoreAccess


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


class ArtifactQueries(StoreAccess):
    """Finds, lists, labels and deletes artifact versions, as the methods of :class:`argosy.Client` do."""

    async def get_artifact_version(
        self,
        name_or_id: str | UUID,
        version: int | str | None = None,
        *,
        alias: str | None = None,
        pipeline_name: str | None = None,
    ) -> ArtifactVersion:
        """Return one version without its value: the latest, unless told otherwise.

        Raises:
            ParameterError: malformed arguments, or some that do not go together.
            NotFoundError: nothing matches.
        """
        found = await self._ask(
            lambda client: client.get_artifact_version(name_or_id, version, alias=alias, pipeline_name=pipeline_name)
        )
        return shown_by(self.way, found)

    async def list_artifacts(
        self, name_contains: str = "", *, include_unnamed: bool = False
    ) -> AsyncGenerator[ArtifactSummary, None]:
        """Yield artifacts by name, page by page as they are taken.

        Args:
            name_contains: only names that contain this, without regard to case.
            include_unnamed: also step outputs that were given no name.

        Raises:
            ParameterError: an argument is of another type.
        """
        found = self._iterate(lambda client: client.list_artifacts(name_contains, include_unnamed=include_unnamed))
        async for item in found:
            yield ArtifactSummary(item.name, shown_by(self.way, item.latest), item.version_count)

    async def list_artifact_versions(
        self,
        name: str = "",
        *,
        pipeline: str = "",
        tag: str = "",
        metadata: Mapping[str, Any] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        oldest_first: bool = False,
    ) -> AsyncGenerator[ArtifactVersion, None]:
        """Yield versions, newest first; the filters are those of :meth:`argosy.Client.list_artifact_versions`.

        Raises:
            ParameterError: an argument is of another type, or metadata is not JSON.
        """
        found = self._iterate(
            lambda client: client.list_artifact_versions(
                name,
                pipeline=pipeline,
                tag=tag,
                metadata=metadata,
                created_after=created_after,
                created_before=created_before,
                oldest_first=oldest_first,
            )
        )
        async for version in found:
            yield shown_by(self.way, version)

    async def delete_artifact_version(
        self, name_or_id: str | UUID, version: int | str | None = None, *, alias: str | None = None, force: bool = False
    ) -> None:
        """Delete one version. A name alone is refused: it would delete whatever is the latest.

        Raises:
            ParameterError: the version is not named exactly.
            NotFoundError: nothing matches.
            PreconditionError: a run made or used it, or an alias points at it, and ``force`` is not set.
        """
        await self._ask(lambda client: client.delete_artifact_version(name_or_id, version, alias=alias, force=force))

    async def set_alias(self, alias: str, name_or_id: str | UUID, version: int | str | None = None) -> ArtifactVersion:
        """Point an alias at a version, the latest unless told otherwise; return that version.

        Raises:
            NotFoundError: no such version.
        """
        return shown_by(self.way, await self._ask(lambda client: client.set_alias(alias, name_or_id, version)))

    async def delete_alias(self, name: str, alias: str) -> None:
        """Remove an alias of an artifact; the version stays.

        Raises:
            NotFoundError: no such alias.
        """
        await self._ask(lambda client: client.delete_alias(name, alias))
