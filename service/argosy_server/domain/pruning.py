"""Which versions go by rule, and which stay though the rule matches them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from blake3 import blake3


@dataclass(frozen=True)
class PruneRule:
    """Which versions are meant; what is empty or ``None`` means any, and all parts hold together.

    Attributes:
        keep_latest: the newest so many live versions of each artifact are not meant.
    """

    name: str = ""
    pipeline_name: str = ""
    tag: str = ""
    created_until: datetime | None = None
    keep_latest: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether every version of the project is meant."""
        return self == PruneRule()


@dataclass(frozen=True)
class Prunable:
    """A live version the rule means.

    Attributes:
        is_used: whether a run made, was given or loaded it.
        is_aliased: whether an alias points at it.
    """

    id: str
    size: int
    is_used: bool
    is_aliased: bool


@dataclass(frozen=True)
class PrunePlan:
    """What goes and what stays.

    Attributes:
        taken: what goes, newest first.
        used_count: how many more stay because runs made or used them.
        aliased_count: how many more stay because an alias points at them.
    """

    taken: Sequence[Prunable]
    used_count: int
    aliased_count: int

    @classmethod
    def make(cls, matched: Sequence[Prunable], *, include_used: bool) -> PrunePlan:
        """Divide what a rule means into what goes and what stays."""
        aliased = sum(version.is_aliased for version in matched)
        free = [version for version in matched if not version.is_aliased]
        taken = [version for version in free if include_used or not version.is_used]
        return cls(taken, len(free) - len(taken), aliased)

    @property
    def size(self) -> int:
        """Sum of the sizes of what goes."""
        return sum(version.size for version in self.taken)

    @property
    def token(self) -> str:
        """Stands for exactly these versions."""
        hasher = blake3()
        for version in self.taken:
            hasher.update(version.id.encode())
        return f"{len(self.taken)}-{hasher.hexdigest(length=16)}"
