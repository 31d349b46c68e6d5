"""Artifacts and their versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from blake3 import blake3

from argosy_server.domain.identifiers import Digest

SIDE_FILES = ".argosy/"
"""Files below this path (previews) describe the value and do not count as its content."""


class ArtifactKind(Enum):
    """How a version came to be."""

    MANUAL = "manual"
    STEP_OUTPUT = "step_output"
    EXTERNAL = "external"


@dataclass(frozen=True)
class ArtifactFile:
    """One path inside a version."""

    path: str
    digest: Digest
    size: int


@dataclass(frozen=True)
class Producer:
    """The step run, and its attempt, that made a version; ``output_name`` is ``""`` for one saved inside the step."""

    run_id: str
    step_run_id: str
    pipeline_name: str
    invocation: str
    output_name: str = ""
    attempt: int = 1


@dataclass(frozen=True)
class ArtifactSpec:
    """What a caller says about a version to be created, already checked.

    Attributes:
        version: the label, or ``""`` for the next number.
        metadata: facts about the value; each value is the text of one JSON document.
        step_run_id: the step run inside which it is saved, or ``""``.
        step_attempt: the attempt of that step run; 0 for the one that runs now.
        description: what the value is, in words for people.
    """

    name: str
    format: str
    version: str = ""
    data_type: str = ""
    materializer: str = ""
    kind: ArtifactKind = ArtifactKind.MANUAL
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    step_run_id: str = ""
    step_attempt: int = 0
    named: bool = True
    description: str = ""


@dataclass(frozen=True)
class NewVersion:
    """A version to be inserted: what the caller says about it, its files, and the step run that makes it."""

    spec: ArtifactSpec
    files: Sequence[ArtifactFile]
    producer: Producer | None = None


@dataclass(frozen=True)
class ArtifactVersion:
    """One immutable value under a name; what is said about it may change, which moves ``revision``."""

    id: str
    project: str
    name: str
    version: str
    ordinal: int
    data_type: str
    format: str
    materializer: str
    kind: ArtifactKind
    metadata: Mapping[str, str]
    tags: tuple[str, ...]
    aliases: tuple[str, ...]
    files: tuple[ArtifactFile, ...]
    file_count: int
    size: int
    content_digest: Digest
    created_at: datetime
    revision: int
    producer: Producer | None
    deleted: bool
    named: bool
    description: str = ""

    @property
    def etag(self) -> str:
        """Changes with every change of the version."""
        return f"{self.id[:8]}-{self.revision}"


@dataclass(frozen=True)
class VersionSelector:
    """Names one version: by ``id``, or by ``name`` with at most one of the other three."""

    id: str = ""
    name: str = ""
    version: str = ""
    alias: str = ""
    pipeline_name: str = ""

    def __str__(self) -> str:
        if self.id:
            return f"artifact version {self.id}"
        how = [
            f"version {self.version!r}" if self.version else "",
            f"alias {self.alias!r}" if self.alias else "",
            f"the most recent completed run of pipeline {self.pipeline_name!r}" if self.pipeline_name else "",
        ]
        return " of ".join([f"artifact {self.name!r}", *filter(None, how)])


@dataclass(frozen=True)
class ArtifactSummary:
    """One artifact in a list."""

    name: str
    latest: ArtifactVersion
    version_count: int


def content_digest(files: Iterable[ArtifactFile]) -> Digest:
    """Return the digest of the content as a whole.

    BLAKE3 over the lines ``<path> NUL <digest> LF`` of the files sorted by the bytes of their path;
    side files do not count.
    """
    hasher = blake3()
    for file in sorted(files, key=lambda file: file.path.encode()):
        if not file.path.startswith(SIDE_FILES):
            hasher.update(f"{file.path}\0{file.digest}\n".encode())
    return Digest.of_raw(hasher.digest())
