"""The names users may rely on. A change of this list is a change of the interface: tell it in CHANGELOG.md."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import argosy
import argosy.errors

ROOT = Path(__file__).parents[2]

PUBLIC_NAMES = [
    "AlreadyExistsError",
    "ArgosyError",
    "ArtifactConfig",
    "ArtifactEvent",
    "ArtifactVersion",
    "BatchError",
    "CSVString",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "CorruptDataError",
    "CursorExpiredError",
    "DeadlineError",
    "DefinitionError",
    "EventLoopError",
    "ExternalArtifact",
    "FileSink",
    "FileSource",
    "GraphError",
    "HTMLString",
    "InvalidRequestError",
    "JSONString",
    "Lineage",
    "MarkdownString",
    "Materializer",
    "MaterializerError",
    "NotFoundError",
    "OutputError",
    "ParameterError",
    "PickleRefusedError",
    "PipelineNotFoundError",
    "PipelineRun",
    "PreconditionError",
    "Preview",
    "RemoteStepError",
    "ResourceExhaustedError",
    "Retry",
    "RunCancelledError",
    "SaveOutputError",
    "ServiceError",
    "StepTimeoutError",
    "TransferProgress",
    "UnavailableError",
    "VersionDriftWarning",
    "WorkerImportError",
    "WorkerLostError",
    "__version__",
    "add_tags",
    "current_step",
    "delete_artifact",
    "each",
    "get_artifact",
    "list_artifact_versions",
    "load_artifact",
    "load_rescued",
    "log_metadata",
    "pipeline",
    "prune_artifacts",
    "register_artifact",
    "register_materializer",
    "save_artifact",
    "save_artifacts",
    "step",
    "tune_allocator",
    "value_of",
    "watch_artifacts",
]


def test_the_public_names_are_exactly_these() -> None:
    assert sorted(argosy.__all__) == PUBLIC_NAMES


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in PUBLIC_NAMES if not callable(getattr(argosy, name)) and name != "__version__"] == []


def test_every_error_that_the_pages_name_is_public() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {word for page in pages for word in re.findall(r"[A-Z]\w+Error", page.read_text())}
    assert sorted(named & vars(argosy.errors).keys() - {*argosy.__all__}) == []


def test_the_version_is_that_of_the_installed_distribution() -> None:
    assert argosy.__version__ == version("argosy")


def test_dir_shows_the_public_names() -> None:
    assert dir(argosy) == PUBLIC_NAMES
