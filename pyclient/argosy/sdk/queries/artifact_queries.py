"""The part of ``Client`` that finds, lists, labels and deletes artifact versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from argosy.errors import ParameterError
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.views.amounts import format_bytes
from argosy.execution.views.listing import Listing
from argosy.graph.switches import check_switches
from argosy.sdk.queries.filters import check_moments, check_texts, fact_texts
from argosy.sdk.queries.prune_plan import PrunePlan, PruneRule
from argosy.sdk.queries.selectors import make_selector
from argosy.sdk.queries.store_access import StoreAccess
from argosy.transport.clients.pages import all_pages
from argosy.v1.artifact_service_pb2 import VersionOrder


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


_VERSION_COLUMNS: Mapping[str, Callable[[ArtifactVersion], object]] = {
    "name": lambda version: version.name,
    "version": lambda version: version.version,
    "aliases": lambda version: version.aliases,
    "tags": lambda version: version.tags,
    "data type": lambda version: version.data_type,
    "format": lambda version: version.format,
    "size": lambda version: format_bytes(version.size_bytes),
    "created": lambda version: version.created,
}
_ARTIFACT_COLUMNS: Mapping[str, Callable[[ArtifactSummary], object]] = {
    "name": lambda artifact: artifact.name,
    "versions": lambda artifact: artifact.version_count,
    "latest": lambda artifact: artifact.latest.version,
    "data type": lambda artifact: artifact.latest.data_type,
    "size": lambda artifact: format_bytes(artifact.latest.size_bytes),
    "created": lambda artifact: artifact.latest.created,
}


class ArtifactQueries(StoreAccess):
    """Finds, lists, labels and deletes artifact versions."""

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

    def list_artifacts(self, name_contains: str = "", *, include_unnamed: bool = False) -> Listing[ArtifactSummary]:
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
        found = (
            ArtifactSummary(item.name, self._version(item.latest), item.version_count)
            for page in pages
            for item in page.artifacts
        )
        return Listing(found, "artifacts", _ARTIFACT_COLUMNS)

    def list_artifact_versions(
        self,
        name: str = "",
        *,
        pipeline: str = "",
        tag: str = "",
        metadata: Mapping[str, Any] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        oldest_first: bool = False,
    ) -> Listing[ArtifactVersion]:
        """Yield versions that all of the filters let through, newest first, page by page as they are taken.

        Args:
            name: only versions of this artifact.
            pipeline: only versions made by runs of this pipeline.
            tag: only versions with this tag.
            metadata: only versions that have all of these facts: equal JSON values, ``1`` and ``1.0`` alike.
            created_after: only versions created at this moment or later; without a zone it is local time.
            created_before: only versions created before this moment.
            oldest_first: turn the order around.

        Raises:
            ParameterError: an argument is of another type, or metadata is not JSON.
        """
        call = "list_artifact_versions"
        check_texts(call, name=name, pipeline=pipeline, tag=tag)
        check_moments(call, created_after=created_after, created_before=created_before)
        check_switches(oldest_first=oldest_first)
        facts = fact_texts(call, metadata)
        artifacts = self.connection.artifacts
        order = VersionOrder.VERSION_ORDER_OLDEST_FIRST if oldest_first else VersionOrder.VERSION_ORDER_NEWEST_FIRST
        pages = all_pages(
            lambda token: artifacts.list_artifact_versions(
                name=name,
                pipeline_name=pipeline,
                tag=tag,
                metadata=facts,
                created_from=created_after,
                created_until=created_before,
                order=order,
                page_token=token,
            )
        )
        found = (self._version(version) for page in pages for version in page.artifact_versions)
        return Listing(found, "versions", _VERSION_COLUMNS)

    def delete_artifact_version(
        self, name_or_id: str | UUID, version: int | str | None = None, *, alias: str | None = None, force: bool = False
    ) -> None:
        """Delete one version. A name alone is refused: it would delete whatever is the latest.

        Raises:
            ParameterError: the version is not named exactly.
            NotFoundError: nothing matches.
            PreconditionError: a run made or used it, or an alias points at it, and ``force`` is not set.
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

    def prune_artifacts(
        self,
        name: str = "",
        *,
        pipeline: str = "",
        tag: str = "",
        created_before: datetime | None = None,
        keep_latest: int = 0,
        include_used: bool = False,
    ) -> PrunePlan:
        """Plan which versions shall go by rule; nothing goes before ``execute()`` of the plan.

        A version an alias points at is never taken. All parts of the rule hold together::

            plan = client.prune_artifacts("checkpoint", keep_latest=3)
            print(plan)
            plan.execute()

        Args:
            name: only versions of this artifact.
            pipeline: only versions made by runs of this pipeline.
            tag: only versions with this tag.
            created_before: only versions created before this moment; without a zone it is local time.
            keep_latest: the newest so many versions of each artifact stay.
            include_used: take versions too that runs made, were given or loaded.

        Raises:
            ParameterError: an argument is of another type, or the rule means every version.
        """
        rule = PruneRule(name, pipeline, tag, created_before, keep_latest, include_used)
        rule.check()
        return PrunePlan.make(self.connection, rule)

    def set_alias(self, alias: str, name_or_id: str | UUID, version: int | str | None = None) -> ArtifactVersion:
        """Point an alias at a version, the latest unless told otherwise; return that version.

        Raises:
            NotFoundError: no such version.
        """
        check_texts("set_alias", alias=alias)
        return self._version(self.connection.artifacts.set_alias(alias, make_selector(name_or_id, version)))

    def delete_alias(self, name: str, alias: str) -> None:
        """Remove an alias of an artifact; the version stays.

        Raises:
            NotFoundError: no such alias.
        """
        check_texts("delete_alias", name=name, alias=alias)
        self.connection.artifacts.delete_alias(name, alias)

    def _version(self, message: Any) -> ArtifactVersion:
        return ArtifactVersion(message, self.connection)
