"""Which versions a list shall have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

NO_ARTIFACT = -1


@dataclass(frozen=True)
class VersionFilter:
    """Which versions are wanted; what is empty or ``None`` means any.

    Attributes:
        artifact_seq: the artifact of ``name``, which is looked up first.
    """

    project: str
    name: str
    pipeline_name: str
    tag: str
    metadata: Mapping[str, str]
    created_from: datetime | None
    created_until: datetime | None
    artifact_seq: int = NO_ARTIFACT

    @property
    def is_by_time(self) -> bool:
        """Whether the time of creation counts."""
        return self.created_from is not None or self.created_until is not None
