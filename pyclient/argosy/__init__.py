"""Argosy stores, versions and exchanges the artifacts of machine-learning pipelines.

Importing it loads nothing heavy: each name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib
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
    from argosy.execution.lineage import Lineage
    from argosy.execution.rescue import load_rescued
    from argosy.execution.run_record import PipelineRun
    from argosy.execution.transfer_progress import TransferProgress
    from argosy.graph.artifact_config import ArtifactConfig
    from argosy.graph.external_artifact import ExternalArtifact
    from argosy.graph.fan_out import each
    from argosy.graph.step_options import Retry
    from argosy.materializers.base import Materializer, register_materializer
    from argosy.sdk.artifact_events import ArtifactEvent
    from argosy.sdk.artifact_functions import (
        delete_artifact,
        get_artifact,
        list_artifact_versions,
        prune_artifacts,
    )
    from argosy.sdk.artifacts import load_artifact, save_artifact
    from argosy.sdk.batch import save_artifacts
    from argosy.sdk.client import Client
    from argosy.sdk.metadata import log_metadata
    from argosy.sdk.pipelines import pipeline
    from argosy.sdk.register import register_artifact
    from argosy.sdk.steps import step
    from argosy.sdk.values import value_of
    from argosy.sdk.versions import ArtifactVersion
    from argosy.sdk.watch_queries import watch_artifacts

    __version__: str

_HOMES = {
    "AlreadyExistsError": "errors",
    "ArgosyError": "errors",
    "ArtifactConfig": "graph.artifact_config",
    "ArtifactEvent": "sdk.artifact_events",
    "ArtifactVersion": "sdk.versions",
    "BatchError": "errors",
    "Client": "sdk.client",
    "ConfigurationError": "errors",
    "ConflictError": "errors",
    "CorruptDataError": "errors",
    "CursorExpiredError": "errors",
    "DeadlineError": "errors",
    "DefinitionError": "errors",
    "EventLoopError": "errors",
    "ExternalArtifact": "graph.external_artifact",
    "GraphError": "errors",
    "InvalidRequestError": "errors",
    "Lineage": "execution.lineage",
    "Materializer": "materializers.base",
    "MaterializerError": "errors",
    "NotFoundError": "errors",
    "OutputError": "errors",
    "ParameterError": "errors",
    "PickleRefusedError": "errors",
    "PipelineNotFoundError": "errors",
    "PipelineRun": "execution.run_record",
    "PreconditionError": "errors",
    "RemoteStepError": "errors",
    "ResourceExhaustedError": "errors",
    "Retry": "graph.step_options",
    "RunCancelledError": "errors",
    "SaveOutputError": "errors",
    "ServiceError": "errors",
    "StepTimeoutError": "errors",
    "TransferProgress": "execution.transfer_progress",
    "UnavailableError": "errors",
    "WorkerImportError": "errors",
    "WorkerLostError": "errors",
    "delete_artifact": "sdk.artifact_functions",
    "each": "graph.fan_out",
    "get_artifact": "sdk.artifact_functions",
    "list_artifact_versions": "sdk.artifact_functions",
    "load_artifact": "sdk.artifacts",
    "load_rescued": "execution.rescue",
    "log_metadata": "sdk.metadata",
    "pipeline": "sdk.pipelines",
    "prune_artifacts": "sdk.artifact_functions",
    "register_artifact": "sdk.register",
    "register_materializer": "materializers.base",
    "save_artifact": "sdk.artifacts",
    "save_artifacts": "sdk.batch",
    "step": "sdk.steps",
    "tune_allocator": "allocator",
    "value_of": "sdk.values",
    "watch_artifacts": "sdk.watch_queries",
}

__all__ = [
    "AlreadyExistsError",
    "ArgosyError",
    "ArtifactConfig",
    "ArtifactEvent",
    "ArtifactVersion",
    "BatchError",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "CorruptDataError",
    "CursorExpiredError",
    "DeadlineError",
    "DefinitionError",
    "EventLoopError",
    "ExternalArtifact",
    "GraphError",
    "InvalidRequestError",
    "Lineage",
    "Materializer",
    "MaterializerError",
    "NotFoundError",
    "OutputError",
    "ParameterError",
    "PickleRefusedError",
    "PipelineNotFoundError",
    "PipelineRun",
    "PreconditionError",
    "RemoteStepError",
    "ResourceExhaustedError",
    "Retry",
    "RunCancelledError",
    "SaveOutputError",
    "ServiceError",
    "StepTimeoutError",
    "TransferProgress",
    "UnavailableError",
    "WorkerImportError",
    "WorkerLostError",
    "__version__",
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


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        found: object = version("argosy")
    elif name == "aio":
        found = importlib.import_module("argosy.aio")
    elif name in _HOMES:
        found = getattr(importlib.import_module(f"argosy.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'argosy' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
