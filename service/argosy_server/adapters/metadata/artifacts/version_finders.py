"""What finds versions: for each filter an index that holds those which pass it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select

from argosy_server.adapters.metadata.artifacts.version_filter import VersionFilter
from argosy_server.adapters.metadata.connections.session import Session
from argosy_server.adapters.metadata.rows.times import microseconds
from argosy_server.adapters.metadata.schema.tables import version_facts, version_tags, versions
from argosy_server.domain.json_value import value_digest

FEW, MANY = 1000, 20_000
"""The filter that fewest versions pass is looked at first. They are counted up to the second number only where none has
less than the first; from the second on they are alike."""
# Added to a column they change nothing, but no index is used for the sum.
_ZERO: Any = literal_column("0")
_EMPTY: Any = literal_column("''")


@dataclass(frozen=True)
class Finder:
    """An index that holds the versions which pass one filter.

    Attributes:
        seq: the number of a version.
        passes: what is true of the versions that pass the filter.
        conditions: that, and where rows of versions are read, what else is asked of those.
        created_at: when a version was created; ``None`` where no rows of versions are read.
    """

    seq: ColumnElement[int]
    passes: Sequence[ColumnElement[bool]]
    conditions: Sequence[ColumnElement[bool]]
    created_at: ColumnElement[int] | None = None

    def at(self, seq: ColumnElement[int]) -> Select[Any]:
        """Return what selects this version alone, if it passes."""
        return select(self.seq).where(*self.conditions, self.seq == seq)

    def others(self, finders: Sequence[Finder]) -> list[Finder]:
        """Return which of the finders of a list have to be asked of a version that passes the filter of this one."""
        others = [finder for finder in finders if finder is not self]
        # Each of those that read rows of versions asks for all there is to ask of them.
        of_versions = [finder for finder in others if finder.created_at is not None]
        return [*of_versions[-1:], *(finder for finder in others if finder.created_at is None)]


def finders_of(wanted: VersionFilter) -> list[Finder]:
    """Return what finds the wanted versions, at least one; the first finds them in the order of the list."""
    found = [_of_time(wanted)] if wanted.is_by_time else []
    if wanted.name or wanted.pipeline_name or not (found or wanted.metadata or wanted.tag):
        found.append(_of_name(wanted))
    for key, text in sorted(wanted.metadata.items()):
        fact = version_facts.alias().c
        is_equal = (fact.project == wanted.project, fact.key == key, fact.value_digest == value_digest(text))
        found.append(Finder(fact.version_seq, is_equal, is_equal))
    if wanted.tag:
        tag = version_tags.alias().c
        is_tagged = (tag.project == wanted.project, tag.tag == wanted.tag)
        found.append(Finder(tag.version_seq, is_tagged, is_tagged))
    return found


def rarest(session: Session, finders: Sequence[Finder]) -> tuple[Finder, bool]:
    """Return which finds fewest, or the first, and whether those are few. It counts not for long: many are many."""
    if len(finders) == 1:
        return finders[0], False
    for most in (FEW, MANY):
        counts = []
        for finder in finders:
            some = select(finder.seq).where(*finder.passes).limit(constant(most)).subquery()
            counts.append(int(session.execute(select(func.count()).select_from(some)).scalar_one()))
        if (fewest := min(counts)) < most:
            return finders[counts.index(fewest)], True
    return finders[0], False


def constant(value: int) -> Any:
    """Return a number that is part of the statement and always the same, so that PostgreSQL plans with it."""
    return literal_column(str(value))


def _artifact(wanted: VersionFilter) -> Any:
    """Return the number of the artifact, put into the text of the statement, so that PostgreSQL plans with it."""
    return bindparam("artifact_seq", wanted.artifact_seq, literal_execute=True)


def _of_time(wanted: VersionFilter) -> Finder:
    version = versions.alias().c
    passes = [version.project == wanted.project, version.deleted_at.is_(None), *_in_time(version, wanted)]
    conditions: list[ColumnElement[bool]] = [*passes]
    if wanted.name:
        conditions.append(version.artifact_seq + _ZERO == _artifact(wanted))
    if wanted.pipeline_name:
        conditions.append(version.pipeline_name + _EMPTY == wanted.pipeline_name)
    return Finder(version.seq, passes, conditions, version.created_at)


def _of_name(wanted: VersionFilter) -> Finder:
    """Return what finds by name or pipeline, and without any of them all of a project."""
    version = versions.alias().c
    passes: list[ColumnElement[bool]] = [version.deleted_at.is_(None)]
    if wanted.name:
        # An artifact is of one project, which its index need not have.
        passes.append(version.artifact_seq == _artifact(wanted))
    if wanted.pipeline_name or not wanted.name:
        passes.append(version.project == wanted.project)
    if wanted.pipeline_name:
        passes.append(version.pipeline_name == wanted.pipeline_name)
    return Finder(version.seq, passes, [*passes, *_in_time(version, wanted)], version.created_at)


def _in_time(version: Any, wanted: VersionFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.created_from is not None:
        conditions.append(version.created_at >= microseconds(wanted.created_from))
    if wanted.created_until is not None:
        conditions.append(version.created_at < microseconds(wanted.created_until))
    return conditions
