"""Artifact versions and aliases: how they change. How they are inserted, found and listed lies beside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, update

from argosy_server.adapters.metadata.artifacts import artifact_lists
from argosy_server.adapters.metadata.artifacts.artifact_turns import take_turn
from argosy_server.adapters.metadata.artifacts.fact_rows import drop_facts, fact_rows, insert_facts
from argosy_server.adapters.metadata.artifacts.near_names import not_found
from argosy_server.adapters.metadata.artifacts.new_versions import (
    insert_tags,
    insert_versions,
    lock_blobs,
    point_aliases,
    tag_rows,
)
from argosy_server.adapters.metadata.artifacts.pruning import delete_many, prunable
from argosy_server.adapters.metadata.artifacts.version_filter import VersionFilter
from argosy_server.adapters.metadata.artifacts.version_lists import list_versions
from argosy_server.adapters.metadata.artifacts.version_queries import (
    OF_NAME,
    find_row,
    live_digests,
    load_versions,
    with_files,
)
from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.rows.texts import dump, load_mapping
from argosy_server.adapters.metadata.schema.tables import (
    aliases,
    artifacts,
    step_versions,
    version_tags,
    versions,
)
from argosy_server.domain.artifact import (
    ArtifactSummary,
    ArtifactVersion,
    NewVersion,
    VersionSelector,
)
from argosy_server.domain.errors import ArtifactNotFound, EtagMismatch
from argosy_server.domain.identifiers import Digest
from argosy_server.domain.paging import Page, PageRequest
from argosy_server.domain.pruning import Prunable, PruneRule

_ID = (versions.c.project == bindparam("project")) & (versions.c.id == bindparam("id"))
_ARTIFACT_OF = select(artifacts.c.seq).where(
    artifacts.c.seq == select(versions.c.artifact_seq).where(_ID).scalar_subquery()
)
_LOCK_VERSION = select(versions.c.seq).where(_ID)
_CHANGE = (
    update(versions)
    .where(versions.c.seq == bindparam("p_seq"))
    .values(
        tags=bindparam("tags"),
        metadata=bindparam("metadata"),
        description=bindparam("description"),
        revision=versions.c.revision + 1,
    )
)
_REVISE = update(versions).where(versions.c.seq == bindparam("p_seq")).values(revision=versions.c.revision + 1)
_DROP_TAGS = delete(version_tags).where(version_tags.c.version_seq == bindparam("seq"))
_FIND_ALIAS = (
    select(aliases.c.artifact_seq, aliases.c.version_seq)
    .join(artifacts, artifacts.c.seq == aliases.c.artifact_seq)
    .where(OF_NAME, aliases.c.alias == bindparam("alias"))
)
_ARTIFACT_NAMED = select(artifacts.c.seq).where(OF_NAME)
_ALIAS_TARGET = (
    select(versions.c.id)
    .join(aliases, aliases.c.version_seq == versions.c.seq)
    .join(artifacts, artifacts.c.seq == aliases.c.artifact_seq)
    .where(OF_NAME, aliases.c.alias == bindparam("alias"))
)
_DROP_ALIAS = delete(aliases).where(
    aliases.c.artifact_seq == bindparam("artifact_seq"), aliases.c.alias == bindparam("p_alias")
)
_USED = select(
    select(step_versions.c.seq)
    .where(step_versions.c.project == bindparam("project"), step_versions.c.version_id == bindparam("id"))
    .exists()
    | select(versions.c.seq).where(_ID, versions.c.step_run_id.is_not(None)).exists()
)


class SqlArtifactRepository:
    """Artifact versions and aliases of all projects."""

    def __init__(self, session: Session) -> None:
        """Work inside one transaction."""
        self._session = session

    def take_turn(self, project: str, names: Collection[str]) -> None:
        """Wait until no other transaction changes artifacts of these names; none means all of the project."""
        take_turn(self._session, project, names)

    def add_many(
        self, project: str, wanted: Sequence[NewVersion], *, inserted: Collection[Digest] = ()
    ) -> list[ArtifactVersion]:
        """Insert versions in this order, each under the next number or the label of its spec, and move its aliases."""
        lock_blobs(self._session, project, {file.digest for new in wanted for file in new.files}.difference(inserted))
        return insert_versions(self._session, project, wanted)

    def get(self, project: str, selector: VersionSelector) -> ArtifactVersion:
        """Return the one version, with its files; ids also find deleted versions, names never do."""
        row = find_row(self._session, project, selector)
        if row is None:
            raise not_found(self._session, project, selector)
        return with_files(self._session, row)

    def get_many(self, project: str, ids: Sequence[str]) -> list[ArtifactVersion]:
        """Return versions by id in the order asked for, without files, deleted ones included."""
        found = load_versions(self._session, project, ids)
        for version_id in ids:
            if version_id not in found:
                raise not_found(self._session, project, VersionSelector(id=version_id))
        return [found[version_id] for version_id in ids]

    def live_digests(self, project: str, ids: Sequence[str]) -> dict[str, frozenset[Digest]]:
        """Return the digests of the files of those of the versions that are live."""
        return live_digests(self._session, project, ids)

    def list_artifacts(
        self, project: str, name_contains: str, include_unnamed: bool, page: PageRequest
    ) -> Page[ArtifactSummary]:
        """Return a row for each artifact that has a live version, sorted by name."""
        return artifact_lists.list_artifacts(self._session, project, name_contains, include_unnamed, page)

    def list_versions(
        self,
        project: str,
        page: PageRequest,
        *,
        name: str = "",
        pipeline_name: str = "",
        tag: str = "",
        metadata: Mapping[str, str] | None = None,
        created_from: datetime | None = None,
        created_until: datetime | None = None,
        oldest_first: bool = False,
    ) -> Page[ArtifactVersion]:
        """Return live versions without files, by order of creation in the project."""
        filters = VersionFilter(project, name, pipeline_name, tag, metadata or {}, created_from, created_until)
        return list_versions(self._session, filters, oldest_first, page)

    def update(
        self,
        project: str,
        version_id: str,
        *,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, str] | None = None,
        description: str | None = None,
        etag: str = "",
    ) -> ArtifactVersion:
        """Replace tags and description, and merge the metadata (an empty text removes its key)."""
        row = self._live(project, version_id)
        current = f"{row.id[:8]}-{row.revision}"
        if etag and etag != current:
            raise EtagMismatch(
                f"{row.name!r} version {row.label} was changed meanwhile: "
                f"its etag is {current}, not {etag}; read it again",
                resource=f"artifact version {version_id}",
                etag=current,
            )
        before = load_mapping(row.metadata)
        merged = {**before, **(metadata or {})}
        kept = {key: text for key, text in merged.items() if text}
        new_tags = row.tags if tags is None else dump(sorted(set(tags)))
        words = row.description if description is None else description
        changed = {"p_seq": row.seq, "tags": new_tags, "metadata": dump(kept), "description": words}
        self._session.execute(_CHANGE, changed)
        new_facts = {key: text for key, text in kept.items() if before.get(key) != text}
        old_facts = {key: text for key, text in before.items() if kept.get(key) != text}
        drop_facts(self._session, fact_rows(project, row.seq, old_facts))
        insert_facts(self._session, fact_rows(project, row.seq, new_facts))
        if tags is not None:
            self._session.execute(_DROP_TAGS, {"seq": row.seq})
            insert_tags(self._session, tag_rows(project, row.seq, sorted(set(tags))))
        return self.get(project, VersionSelector(id=version_id))

    def set_alias(self, project: str, alias: str, version: ArtifactVersion) -> ArtifactVersion:
        """Point an alias of the version's artifact at it, and return the version as it is now."""
        self._session.execute(self._session.locked(_ARTIFACT_OF), {"project": project, "id": version.id})
        row = self._live(project, version.id)
        pointing = self._alias(project, row.name, alias)
        if pointing is None or pointing.version_seq != row.seq:
            point_aliases(self._session, row.artifact_seq, row.seq, [alias])
            self._session.execute(_REVISE, {"p_seq": row.seq})
        return self.get(project, VersionSelector(id=version.id))

    def alias_target(self, project: str, name: str, alias: str) -> str:
        """Return the id of the version an alias points at, ``""`` for none."""
        if self._session.locks:
            self._session.execute(self._session.locked(_ARTIFACT_NAMED), {"project": project, "name": name})
        found = self._session.execute(_ALIAS_TARGET, {"project": project, "name": name, "alias": alias}).scalar()
        return found or ""

    def delete_alias(self, project: str, name: str, alias: str) -> None:
        """Remove an alias."""
        pointing = self._alias(project, name, alias)
        if pointing is None:
            raise not_found(self._session, project, VersionSelector(name=name, alias=alias))
        self._session.execute(_DROP_ALIAS, {"artifact_seq": pointing.artifact_seq, "p_alias": alias})
        self._session.execute(_REVISE, {"p_seq": pointing.version_seq})

    def get_live(self, project: str, version_id: str) -> ArtifactVersion:
        """Return a live version; no other transaction changes it, or points an alias at it, meanwhile."""
        return with_files(self._session, self._live(project, version_id))

    def delete(self, project: str, version_id: str) -> ArtifactVersion:
        """Make a version a tombstone: files, tags, aliases and metadata go; row, label, ordinal and lineage stay."""
        self._live(project, version_id)
        delete_many(self._session, project, [version_id])
        return self.get(project, VersionSelector(id=version_id))

    def is_used(self, project: str, version_id: str) -> bool:
        """Tell whether a run made, returned, was given or loaded the version."""
        return bool(self._session.execute(_USED, {"project": project, "id": version_id}).scalar_one())

    def prunable(self, project: str, rule: PruneRule) -> list[Prunable]:
        """Return what a rule matches, newest first."""
        return prunable(self._session, project, rule)

    def delete_many(self, project: str, ids: Sequence[str]) -> None:
        """Make many versions tombstones."""
        delete_many(self._session, project, ids)

    def _live(self, project: str, version_id: str) -> Row[Any]:
        """Return the row of a live version, locked."""
        if self._session.locks:
            self._session.execute(self._session.locked(_LOCK_VERSION), {"project": project, "id": version_id})
        selector = VersionSelector(id=version_id)
        row = find_row(self._session, project, selector)
        if row is None:
            raise not_found(self._session, project, selector)
        if row.deleted_at is not None:
            raise ArtifactNotFound(
                f"{row.name!r} version {row.label} was deleted", resource=f"artifact version {version_id}"
            )
        return row

    def _alias(self, project: str, name: str, alias: str) -> Row[Any] | None:
        key = {"project": project, "name": name, "alias": alias}
        return self._session.execute(self._session.locked(_FIND_ALIAS, of=aliases), key).one_or_none()
