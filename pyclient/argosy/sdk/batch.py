"""``save_artifacts``: many values in a few round trips."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from argosy.config import resolve
from argosy.errors import ArgosyError, BatchError, ParameterError
from argosy.execution.artifact_version import ArtifactVersion
from argosy.execution.prepared_value import PreparedValue, SaveOptions, prepare_value
from argosy.execution.stored_value import pickle_allowed_here, recording_step
from argosy.graph.switches import check_switches
from argosy.graph.user_metadata import checked_metadata, checked_tags
from argosy.sdk.artifacts import check_save
from argosy.transport.calls import new_request_id
from argosy.transport.connection import Connection, connect
from argosy.transport.error_mapping import item_error
from argosy.transport.retry import retrying
from argosy.transport.upload import upload_files
from argosy.v1.artifact_pb2 import NewArtifactVersion

_DESCRIPTION_BYTES = 1 << 20
"""With these and the inline bytes a request stays below what a message may have."""
_FILE_BYTES = 100


def save_artifacts(
    values: Mapping[str, object],
    *,
    tags: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    extract_metadata: bool = True,
    include_visualizations: bool = True,
    allow_pickle: bool | None = None,
) -> list[ArtifactVersion]:
    """Save many values, each as a new version of the artifact it is named after, in a few round trips.

    Each value is stored as a whole or not at all, on its own: one that is refused keeps no other from being saved.

    Args:
        values: the values by the names of their artifacts.
        tags: labels of all of them.
        metadata: facts of all of them; they win over those found in the values.
        extract_metadata: whether facts are found in the values (shape, columns, ...).
        include_visualizations: whether previews are made.
        allow_pickle: whether values may be pickled; as for :func:`argosy.save_artifact`.

    Returns:
        The new versions, in the order of the values.

    Raises:
        ParameterError: a malformed name, tag or option; nothing was saved.
        MaterializerError: a value cannot be kept faithfully; nothing was saved.
        BatchError: the store refused some of them; its attributes say which, and which are saved.
        UnavailableError: the store cannot be reached.
    """
    return save_all_to(
        connect(resolve()),
        values,
        tags=tags,
        metadata=metadata,
        extract_metadata=extract_metadata,
        include_visualizations=include_visualizations,
        allow_pickle=allow_pickle,
    )


def save_all_to(
    connection: Connection,
    values: Mapping[str, object],
    *,
    tags: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    extract_metadata: bool = True,
    include_visualizations: bool = True,
    allow_pickle: bool | None = None,
) -> list[ArtifactVersion]:
    """Do what :func:`save_artifacts` promises, through ``connection``."""
    if not isinstance(values, Mapping):
        raise ParameterError(
            f"save_artifacts got a {type(values).__name__}; give a mapping of names to values, "
            "and a single value to save_artifact"
        )
    for name, value in values.items():
        check_save(value, name)
    check_switches(extract_metadata=extract_metadata, include_visualizations=include_visualizations)
    options = SaveOptions(
        allow_pickle=pickle_allowed_here(allow_pickle, connection),
        extract_metadata=extract_metadata,
        include_visualizations=include_visualizations,
    )
    users = {"tags": checked_tags(tags), "metadata": checked_metadata(metadata)}
    saved: dict[str, ArtifactVersion] = {}
    refused: dict[str, ArgosyError] = {}
    with contextlib.ExitStack() as opened:
        prepared = [
            opened.enter_context(prepare_value(value, name, options, **users))  # type: ignore[arg-type]  # as checked
            for name, value in values.items()
        ]
        for batch in _batches(connection, prepared):
            _save_batch(connection, batch, saved, refused)
    if refused:
        name, error = next(iter(refused.items()))
        raise BatchError(
            f"{len(refused)} of {len(values)} values were refused, the others are saved; {name!r}: {error}",
            saved,
            refused,
        ) from error
    return [saved[name] for name in values]


def _batches(connection: Connection, prepared: Sequence[PreparedValue]) -> Iterator[list[PreparedValue]]:
    """Cut values to what one request may create, and say about them."""
    capabilities = connection.capabilities
    batch: list[PreparedValue] = []
    files = described = 0
    for value in prepared:
        size = value.spec.ByteSize() + sum(len(file.path.encode()) + _FILE_BYTES for file in value.files)
        files += len(value.files)
        described += size
        full = files > capabilities.max_files or len(batch) == capabilities.max_batch_items
        if batch and (full or described > _DESCRIPTION_BYTES):
            yield batch
            batch, files, described = [], len(value.files), size
        batch.append(value)
    if batch:
        yield batch


def _save_batch(
    connection: Connection,
    batch: Sequence[PreparedValue],
    saved: dict[str, ArtifactVersion],
    refused: dict[str, ArgosyError],
) -> None:
    step = recording_step(connection)
    room = connection.capabilities.max_batch_bytes
    uploaded = upload_files(connection, [value.files for value in batch], inline_bytes=room)
    for value in batch:
        value.spec.step_run_id = step.step_run_id if step is not None else ""
    new = [NewArtifactVersion(spec=value.spec, files=files) for value, files in zip(batch, uploaded, strict=True)]
    artifacts, request_id = connection.artifacts, new_request_id()
    results = retrying(
        f"creation of {len(new)} versions", lambda: artifacts.batch_create_artifact_versions(new, request_id)
    )
    for value, result in zip(batch, results, strict=True):
        error = item_error(result.status, f"artifact {value.spec.name!r}")
        if error is not None:
            refused[value.spec.name] = error
            continue
        made = saved[value.spec.name] = ArtifactVersion(result.artifact_version, connection)
        if step is not None:
            step.saved.append(made)
