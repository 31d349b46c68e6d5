"""``ArtifactVersion``: one stored version as users see it; run records show it too, so it lives with them."""

from __future__ import annotations

from argosy.execution.artifact_version import ArtifactVersion

__all__ = ["ArtifactVersion"]
