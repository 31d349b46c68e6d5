"""What changed: events, the order they have, and which of them somebody wants to hear of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple, TypeAlias

EventFact: TypeAlias = "str | bool | Sequence[str]"
"""One fact about an event: an id or a name, yes or no, or names."""

RUN_CHANGED = "run_changed"
"""Kind of the events of a run; the facts are its id as ``run``."""
STEP_CHANGED = "step_changed"
"""Kind of the events of a step run; the facts are the ids ``run`` and ``step_run``."""


class Position(NamedTuple):
    """A place in the order of all events of a store: the event of these two numbers, and all before it."""

    xid: int
    seq: int


BEGINNING = Position(0, 0)
"""Before the first event."""


@dataclass(frozen=True)
class Event:
    """One change, written in the transaction that made it.

    Attributes:
        position: where it stands among all events of the store.
        project: the project it belongs to.
        kind: such as ``version_created``.
        facts: ids and names as they were then.
        created_at: when, by the clock of the database.
    """

    position: Position
    project: str
    kind: str
    facts: Mapping[str, EventFact]
    created_at: datetime

    def text(self, name: str) -> str:
        """Return a fact that is a text, ``""`` when it was not written."""
        found = self.facts.get(name, "")
        return found if isinstance(found, str) else ""

    def names(self, name: str) -> tuple[str, ...]:
        """Return a fact that is a list of names, an empty one when it was not written."""
        found = self.facts.get(name, ())
        return () if isinstance(found, (str, bool)) else tuple(found)


class ArtifactEventKind(Enum):
    """What happened to an artifact."""

    VERSION_CREATED = "version_created"
    ALIAS_MOVED = "alias_set"
    ALIAS_REMOVED = "alias_deleted"
    VERSION_UPDATED = "version_updated"
    VERSION_DELETED = "version_deleted"


_ARTIFACT_KINDS = {
    **{kind.value: kind for kind in ArtifactEventKind},
    # As servers before this one wrote it.
    "tags_changed": ArtifactEventKind.VERSION_UPDATED,
    "metadata_changed": ArtifactEventKind.VERSION_UPDATED,
}


def artifact_kind(event: Event) -> ArtifactEventKind | None:
    """Return what happened to an artifact, ``None`` for the event of a run."""
    return _ARTIFACT_KINDS.get(event.kind)


@dataclass(frozen=True)
class ArtifactFilter:
    """Which events of artifacts are wanted; all of what is set holds together.

    Attributes:
        name: only of this artifact.
        alias: only moves and removals of this alias.
        tag: only of versions that have this tag, or that lose or gain it.
        kinds: only of these kinds; none means all.
        include_unnamed: also of step outputs that were given no name.
    """

    name: str = ""
    alias: str = ""
    tag: str = ""
    kinds: frozenset[ArtifactEventKind] = frozenset()
    include_unnamed: bool = False

    def takes(self, event: Event) -> bool:
        """Tell whether an event is wanted."""
        kind = artifact_kind(event)
        if kind is None or (self.kinds and kind not in self.kinds):
            return False
        if self.name and self.name != event.text("name"):
            return False
        if self.alias and self.alias != event.text("alias"):
            return False
        if self.tag and self.tag not in (*event.names("tags"), *event.names("tags_before")):
            return False
        return self.include_unnamed or event.facts.get("named") is not False
