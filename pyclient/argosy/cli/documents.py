"""Messages of the wire as JSON documents: what ``-o json`` prints, and what the tables are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timezone
from typing import TYPE_CHECKING, Any

from argosy.v1.artifact_pb2 import ArtifactKind, ArtifactVersion
from argosy.v1.pipeline_pb2 import PipelineSummary, Run, RunState, StepState
from argosy.v1.step_cache_pb2 import CacheEntry

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from argosy.v1.artifact_pb2 import ArtifactProducer
    from argosy.v1.pipeline_pb2 import RunError, StepAttempt, StepRun

Document = dict[str, Any]


def version_document(version: ArtifactVersion) -> Document:
    """Return a version; files only where the message has them."""
    document: Document = {
        "name": version.name,
        "version": version.version,
        "id": version.id,
        "project": version.project,
        "format": version.format,
        "data_type": version.data_type,
        "materializer": version.materializer,
        "kind": _word(ArtifactKind.Name(version.kind), "ARTIFACT_KIND_"),
        "description": version.description,
        "size_bytes": version.size_bytes,
        "file_count": version.file_count,
        "content_digest": version.content_digest,
        "created": _time(version, "create_time"),
        "aliases": list(version.aliases),
        "tags": list(version.tags),
        "metadata": _values(version.metadata),
        "producer": _producer(version.producer) if version.HasField("producer") else None,
    }
    if version.files:
        document["files"] = [
            {"path": file.path, "size_bytes": file.size_bytes, "digest": file.digest} for file in version.files
        ]
    return document


def run_document(run: Run) -> Document:
    """Return a run; steps only where the message has them."""
    document: Document = {
        "name": run.name,
        "id": run.id,
        "project": run.project,
        "pipeline": run.pipeline_name,
        "status": _word(RunState.Name(run.state), "RUN_STATE_"),
        "cancel_requested": run.cancel_requested,
        "started": _time(run, "create_time"),
        "ended": _time(run, "end_time"),
        "seconds": _seconds(run, "create_time", "end_time"),
        "parameters": _values(run.parameters),
        "resumed": max(0, run.epoch - 1),
        "error": _error(run.error) if run.HasField("error") else None,
    }
    if run.steps:
        document["steps"] = [step_document(step) for step in run.steps]
    return document


def step_document(step: StepRun) -> Document:
    """Return a step of a run."""
    return {
        "invocation": step.invocation,
        "id": step.id,
        "step": step.step_name,
        "status": _word(StepState.Name(step.state), "STEP_STATE_"),
        "started": _time(step, "start_time"),
        "ended": _time(step, "end_time"),
        "seconds": _seconds(step, "start_time", "end_time"),
        "parameters": _values(step.parameters),
        "inputs": {
            item.name: [_reference(version) for version in item.versions] if item.is_list else _only(item.versions)
            for item in step.inputs
        },
        "outputs": {output.name: _reference(output.version) for output in step.outputs},
        "saved": [_reference(version) for version in step.saved],
        "loaded": [_reference(version) for version in step.loaded],
        "cached_from": step.cached_from or None,
        "cache_miss": list(step.cache_miss),
        "upstream": list(step.upstream),
        "metadata": _values(step.metadata),
        "attempt": step.attempt,
        "attempts": [_attempt(attempt) for attempt in step.attempts],
        "error": _error(step.error) if step.HasField("error") else None,
    }


def pipeline_document(summary: PipelineSummary) -> Document:
    """Return a pipeline with its most recent run."""
    entry = summary.latest_run.entry_point
    return {
        "name": summary.name,
        "run_count": summary.run_count,
        "entry_point": f"{entry.module}:{entry.qualname}" if entry.qualname else None,
        "file": entry.file or None,
        "latest_run": run_document(summary.latest_run),
    }


def cache_document(entry: CacheEntry) -> Document:
    """Return a step run whose outputs may be reused."""
    return {
        "id": entry.step_run_id,
        "run": entry.run_name,
        "run_id": entry.run_id,
        "pipeline": entry.pipeline_name,
        "step": entry.step_name,
        "invocation": entry.invocation,
        "cache_key": entry.cache_key,
        "ended": _time(entry, "end_time"),
        "hit_count": entry.hit_count,
        "size_bytes": entry.size_bytes,
    }


def _attempt(attempt: StepAttempt) -> Document:
    return {
        "attempt": attempt.attempt,
        "started": _time(attempt, "start_time"),
        "ended": _time(attempt, "end_time"),
        "error": _error(attempt.error) if attempt.HasField("error") else None,
    }


def _only(versions: Any) -> Document | None:
    return _reference(versions[0]) if versions else None


def _reference(version: ArtifactVersion) -> Document:
    return {"name": version.name, "version": version.version, "id": version.id}


def _producer(producer: ArtifactProducer) -> Document:
    return {
        "pipeline": producer.pipeline_name,
        "step": producer.invocation,
        "output": producer.output_name,
        "run_id": producer.run_id,
        "step_run_id": producer.step_run_id,
        "attempt": producer.attempt,
    }


def _error(error: RunError) -> Document:
    return {"type": error.type, "message": error.message, "step": error.invocation}


def _values(documents: Mapping[str, str]) -> Document:
    return {name: json.loads(text) for name, text in sorted(documents.items())}


def _word(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower()


def _time(message: Message, field: str) -> str | None:
    if not message.HasField(field):
        return None
    moment = getattr(message, field).ToDatetime(tzinfo=timezone.utc)
    text: str = moment.isoformat(timespec="milliseconds")
    return text


def _seconds(message: Message, start: str, end: str) -> float | None:
    if not message.HasField(start) or not message.HasField(end):
        return None
    nanoseconds: int = getattr(message, end).ToNanoseconds() - getattr(message, start).ToNanoseconds()
    return round(nanoseconds / 1e9, 3)


VERSION_KEYS = tuple(version_document(ArtifactVersion()))
"""The keys of a version in a list; one that is shown has its ``files`` too."""
RUN_KEYS = tuple(run_document(Run()))
"""The keys of a run in a list; one that is shown has its ``steps`` too."""
CACHE_KEYS = tuple(cache_document(CacheEntry()))
"""The keys of a step run whose outputs may be reused."""
PIPELINE_KEYS = tuple(pipeline_document(PipelineSummary()))
"""The keys of a pipeline in a list; one that is shown has its ``steps`` and ``runs`` too."""
