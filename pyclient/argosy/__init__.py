"""Argosy stores, versions and exchanges the artifacts of machine-learning pipelines.

Importing it loads nothing heavy: each name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argosy import aio as aio
    from argosy.allocator import tune_allocator
    from argosy.errors import (
        AlreadyExistsError,
        ArgosyError,
        BatchError,
        ConfigurationError,
        ConflictError,
        CorruptDataError,
        CursorExpiredError,
        DeadlineError,
        DefinitionError,
        EventLoopError,
        GraphError,
        InvalidRequestError,
        MaterializerError,
        NotFoundError,
        OutputError,
        ParameterError,
        PickleRefusedError,
        PipelineNotFoundError,
        PreconditionError,
        RemoteStepError,
        ResourceExhaustedError,
        RunCancelledError,
        SaveOutputError,
        ServiceError,
        StepTimeoutError,
        UnavailableError,
        WorkerImportError,
        WorkerLostError,
    )
    from argosy.execution.records.artifact_version import ArtifactVersion
    from argosy.execution.records.lineage import Lineage
    from argosy.execution.records.run_record import PipelineRun
    from argosy.execution.running.rescue import load_rescued
    from argosy.execution.values.preview import Preview
    from argosy.execution.views.transfer_progress import TransferProgress
    from argosy.graph.artifact_config import ArtifactConfig
    from argosy.graph.external_artifact import ExternalArtifact
    from argosy.graph.fan_out import each
    from argosy.graph.step_options import Retry
    from argosy.materializers.base import Materializer, register_materializer
    from argosy.materializers.files import FileSink, FileSource
    from argosy.materializers.packages import VersionDriftWarning
    from argosy.materializers.strings import CSVString, HTMLString, JSONString, MarkdownString
    from argosy.sdk.artifact_functions import (
        delete_artifact,
        get_artifact,
        list_artifact_versions,
        prune_artifacts,
        watch_artifacts,
    )
    from argosy.sdk.artifacts import load_artifact, save_artifact
    from argosy.sdk.batch import save_artifacts
    from argosy.sdk.client import Client
    from argosy.sdk.metadata import log_metadata
    from argosy.sdk.pipelines import pipeline
    from argosy.sdk.queries.artifact_events import ArtifactEvent
    from argosy.sdk.register import register_artifact
    from argosy.sdk.running_step import current_step
    from argosy.sdk.steps import step
    from argosy.sdk.tags import add_tags
    from argosy.sdk.values import value_of

    __version__: str

__all__ = [
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


if not TYPE_CHECKING:  # checkers know the names from above, and would take any other for one, too

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used (PEP 562)."""
        from argosy.public_names import HOMES

        if name == "__version__":
            from importlib.metadata import version

            found: object = version("argosy")
        elif name == "aio":
            found = importlib.import_module("argosy.aio")
        elif name in HOMES:
            found = getattr(importlib.import_module(f"argosy.{HOMES[name]}"), name)
        else:
            raise _unknown(name)
        globals()[name] = found
        return found


def _unknown(name: str) -> Exception:
    if name.startswith("_"):  # asked by Python and by tools all the time
        return AttributeError(f"module 'argosy' has no attribute {name!r}")
    from argosy.sdk.zenml_names import answer_to

    # Of `from argosy import name` Python would tell its own words for an AttributeError, and lose these.
    answer = answer_to(name)
    if answer and sys._getframe(2).f_code.co_name == "_handle_fromlist":
        return ImportError(f"cannot import name {name!r} from 'argosy'{answer}", name="argosy", path=__file__)
    return AttributeError(f"module 'argosy' has no attribute {name!r}{answer}")


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
