"""Which versions would go by rule; nothing goes before the plan is executed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from argosy.errors import ParameterError
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.graph.switches import check_switches
from argosy.sdk.queries.filters import check_moments, check_texts

if TYPE_CHECKING:
    from argosy.transport.connection import Connection

CALL = "prune_artifacts"
MOST_KEPT = 2**31 - 1
"""What the service takes."""


@dataclass(frozen=True)
class PruneRule:
    """Which versions are meant; all parts hold together."""

    name: str
    pipeline: str
    tag: str
    created_before: datetime | None
    keep_latest: int
    include_used: bool

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            ParameterError: a part is of another type, or no part narrows the rule.
        """
        check_texts(CALL, name=self.name, pipeline=self.pipeline, tag=self.tag)
        check_moments(CALL, created_before=self.created_before)
        check_switches(include_used=self.include_used)
        count: object = self.keep_latest
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_KEPT:
            raise ParameterError(f"{CALL}(keep_latest={count!r}): it is a number of versions, 0 to {MOST_KEPT:,}")
        if not (self.name or self.pipeline or self.tag or self.created_before or self.keep_latest):
            raise ParameterError(
                f"{CALL} would mean every version; pass at least one of name, pipeline, tag, created_before and "
                "keep_latest"
            )


@dataclass(frozen=True)
class PrunePlan:
    """What :meth:`execute` would delete, and what stays though the rule matches it.

    Attributes:
        versions: the first of the versions that would go, newest first; at most 1000.
        version_count: how many would go in all.
        size_bytes: their size; what other versions share stays in the store.
        used_count: how many more stay because runs made, were given or loaded them.
        aliased_count: how many more stay because an alias points at them.
    """

    versions: tuple[ArtifactVersion, ...]
    version_count: int
    size_bytes: int
    used_count: int
    aliased_count: int
    _rule: PruneRule
    _token: str
    _connection: Connection

    @classmethod
    def make(cls, connection: Connection, rule: PruneRule) -> PrunePlan:
        """Ask the store what a rule means now."""
        return cls._ask(connection, rule, "")

    def execute(self) -> int:
        """Delete exactly what was planned, and return how many versions that were. Their lineage still answers.

        Raises:
            ConflictError: the rule means other versions by now; nothing was deleted, plan again.
        """
        return self._ask(self._connection, self._rule, self._token).version_count

    @classmethod
    def _ask(cls, connection: Connection, rule: PruneRule, token: str) -> PrunePlan:
        answer = connection.artifacts.prune_artifact_versions(
            name=rule.name,
            pipeline_name=rule.pipeline,
            tag=rule.tag,
            created_until=rule.created_before,
            keep_latest=rule.keep_latest,
            include_used=rule.include_used,
            plan=token,
        )
        return cls(
            tuple(ArtifactVersion(version, connection) for version in answer.artifact_versions),
            answer.version_count,
            answer.size_bytes,
            answer.used_count,
            answer.aliased_count,
            rule,
            answer.plan,
            connection,
        )

    def __str__(self) -> str:
        lines = [f"{self.version_count} versions of {self.size_bytes:,} bytes would be deleted"]
        lines += [f"  {version.name} {version.version}" for version in self.versions[:20]]
        if self.version_count > 20:
            lines.append(f"  … and {self.version_count - 20} more")
        if self.used_count:
            lines.append(f"{self.used_count} stay because runs made or used them (include_used=True takes them too)")
        if self.aliased_count:
            lines.append(f"{self.aliased_count} stay because an alias points at them")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<PrunePlan: {self.version_count} versions, {self.size_bytes:,} bytes; nothing goes before .execute()>"
