"""What the store promises, as plain dictionaries. It knows nothing of how the promises are kept."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class ModelVersion:
    """One version somebody saved."""

    id: str
    name: str
    label: str
    ordinal: int
    content: bytes
    tags: tuple[str, ...]
    deleted: bool = False


@dataclass
class ModelArtifact:
    """All versions of a name, deleted ones too, with the aliases that point at live ones."""

    versions: list[ModelVersion] = field(default_factory=list)
    aliases: dict[str, ModelVersion] = field(default_factory=dict)
    highest_number: int = 0

    def by_label(self, label: str) -> ModelVersion | None:
        """Find a version whether it was deleted or not: labels are never given twice."""
        return next((version for version in self.versions if version.label == label), None)

    @property
    def live(self) -> list[ModelVersion]:
        """Versions that can be loaded, in the order they were saved."""
        return [version for version in self.versions if not version.deleted]

    @property
    def latest(self) -> ModelVersion | None:
        """The one saved last among the live."""
        return self.live[-1] if self.live else None


class StoreModel:
    """The perfect store."""

    def __init__(self) -> None:
        self.artifacts: dict[str, ModelArtifact] = {}

    def artifact(self, name: str) -> ModelArtifact:
        """Return the artifact, empty when nothing was saved under the name."""
        return self.artifacts.setdefault(name, ModelArtifact())

    def next_label(self, name: str) -> str:
        """Return the number an automatic save gets now."""
        return str(self.artifact(name).highest_number + 1)

    def save(self, version_id: str, name: str, label: str, content: bytes, tags: tuple[str, ...]) -> ModelVersion:
        """Remember an acknowledged save."""
        artifact = self.artifact(name)
        version = ModelVersion(version_id, name, label, len(artifact.versions) + 1, content, tags)
        artifact.versions.append(version)
        if label.isdigit():
            artifact.highest_number = max(artifact.highest_number, int(label))
        return version

    def delete(self, version: ModelVersion) -> None:
        """Forget the value, its tags and its aliases; keep the label."""
        version.deleted = True
        version.tags = ()
        aliases = self.artifact(version.name).aliases
        for alias in [alias for alias, target in aliases.items() if target is version]:
            del aliases[alias]

    def all_versions(self) -> list[ModelVersion]:
        """Return every version ever saved."""
        return [version for artifact in self.artifacts.values() for version in artifact.versions]
