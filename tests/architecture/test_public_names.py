"""The names users may rely on. A change of this list is a change of the interface: tell it in CHANGELOG.md."""

from __future__ import annotations

import argosy

PUBLIC_NAMES = [
    "ArtifactConfig",
    "ArtifactVersion",
    "Client",
    "ExternalArtifact",
    "Materializer",
    "Pipeline",
    "PipelineRun",
    "Step",
    "__version__",
    "errors",
    "load_artifact",
    "pipeline",
    "save_artifact",
    "step",
]


def test_the_public_names_are_exactly_these() -> None:
    assert sorted(argosy.__all__) == PUBLIC_NAMES


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in PUBLIC_NAMES if getattr(argosy, name, None) is None] == []


def test_dir_shows_the_public_names() -> None:
    assert set(PUBLIC_NAMES) <= set(dir(argosy))
