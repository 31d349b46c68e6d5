"""Where the names of ``argosy`` lie today, and what they are called for ever: users know them by ``argosy`` alone."""

from __future__ import annotations

LASTING = "argosy"
HOMES = {
    "AlreadyExistsError": "errors",
    "ArgosyError": "errors",
    "ArtifactConfig": "graph.artifact_config",
    "ArtifactEvent": "sdk.queries.artifact_events",
    "ArtifactVersion": "execution.records.artifact_version",
    "BatchError": "errors",
    "CSVString": "materializers.strings",
    "Client": "sdk.client",
    "ConfigurationError": "errors",
    "ConflictError": "errors",
    "CorruptDataError": "errors",
    "CursorExpiredError": "errors",
    "DeadlineError": "errors",
    "DefinitionError": "errors",
    "EventLoopError": "errors",
    "ExternalArtifact": "graph.external_artifact",
    "FileSink": "materializers.files",
    "FileSource": "materializers.files",
    "GraphError": "errors",
    "HTMLString": "materializers.strings",
    "InvalidRequestError": "errors",
    "JSONString": "materializers.strings",
    "Lineage": "execution.records.lineage",
    "MarkdownString": "materializers.strings",
    "Materializer": "materializers.base",
    "MaterializerError": "errors",
    "NotFoundError": "errors",
    "OutputError": "errors",
    "ParameterError": "errors",
    "PickleRefusedError": "errors",
    "PipelineNotFoundError": "errors",
    "PipelineRun": "execution.records.run_record",
    "PreconditionError": "errors",
    "Preview": "execution.values.preview",
    "RemoteStepError": "errors",
    "ResourceExhaustedError": "errors",
    "Retry": "graph.step_options",
    "RunCancelledError": "errors",
    "SaveOutputError": "errors",
    "ServiceError": "errors",
    "StepTimeoutError": "errors",
    "TransferProgress": "execution.views.transfer_progress",
    "UnavailableError": "errors",
    "VersionDriftWarning": "materializers.packages",
    "WorkerImportError": "errors",
    "WorkerLostError": "errors",
    "add_tags": "sdk.tags",
    "current_step": "sdk.running_step",
    "delete_artifact": "sdk.artifact_functions",
    "each": "graph.fan_out",
    "get_artifact": "sdk.artifact_functions",
    "list_artifact_versions": "sdk.artifact_functions",
    "load_artifact": "sdk.artifacts",
    "load_rescued": "execution.running.rescue",
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
    "watch_artifacts": "sdk.artifact_functions",
}
"""The module of each, below ``argosy``."""


def lasting_module(module: str, qualname: str) -> str:
    """Return the module to remember something by: ``argosy`` for what is public there, wherever it lies today.

    Args:
        module: where it lies.
        qualname: its name there.
    """
    home = HOMES.get(qualname.partition(".")[0])
    return LASTING if home is not None and module == f"argosy.{home}" else module
