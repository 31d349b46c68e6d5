"""``save_artifacts``: many values in a few round trips."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from argosy.config import resolve
from argosy.errors import ArgosyError, BatchError, ParameterError, UnavailableError
from argosy.execution.records.artifact_version import ArtifactVersion
from argosy.execution.values.prepared_value import PreparedValue, prepare_value
from argosy.execution.values.sent_values import send_values
from argosy.execution.views.transfer_progress import OnProgress, Show, shown
from argosy.graph.keyword_suggestions import suggests_keywords
from argosy.graph.user_metadata import checked_metadata, checked_tags
from argosy.sdk.artifacts import record_saved
from argosy.sdk.save_arguments import BatchArguments, check_names, check_value, link_to_step
from argosy.transport.connection import Connection, connect
from argosy.transport.progress import Progress
from argosy.transport.rpc.calls import new_request_id
from argosy.transport.rpc.error_mapping import item_error
from argosy.transport.rpc.retry import retrying
from argosy.v1.artifact_pb2 import NewArtifactVersion

_DESCRIPTION_BYTES = 1 << 20
"""With these and the inline bytes a request stays below what a message may have."""
_FILE_BYTES = 100


@suggests_keywords
def save_artifacts(
    values: Mapping[str, object],
    *,
    tags: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    extract_metadata: bool = True,
    include_visualizations: bool = True,
    allow_pickle: bool | None = None,
    on_progress: OnProgress | None = None,
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
        on_progress: as for :func:`argosy.save_artifact`.

    Returns:
        The new versions, in the order of the values.

    Raises:
        ParameterError: a malformed name, tag or option; nothing was saved.
        MaterializerError: a value cannot be kept faithfully; nothing was saved.
        BatchError: some could not be saved; its attributes say which and why, and which are saved.
        UnavailableError: the store cannot be reached.
    """
    return save_all_to(
        connect(resolve()),
        values,
        BatchArguments(
            tags=tags,
            metadata=metadata,
            extract_metadata=extract_metadata,
            include_visualizations=include_visualizations,
            allow_pickle=allow_pickle,
            on_progress=on_progress,
        ),
    )


def save_all_to(
    connection: Connection, values: Mapping[str, object], arguments: BatchArguments, show: Show = shown
) -> list[ArtifactVersion]:
    """Do what :func:`save_artifacts` promises, through ``connection``."""
    if not isinstance(values, Mapping):
        raise ParameterError(
            f"save_artifacts got a {type(values).__name__}; give a mapping of names to values, "
            "and a single value to save_artifact"
        )
    for name, value in values.items():
        check_value("save_artifacts", value)
        check_names("save_artifacts", name)
    options = arguments.options(connection)
    users = {"tags": checked_tags(arguments.tags), "metadata": checked_metadata(arguments.metadata)}
    with contextlib.ExitStack() as opened:
        prepared = [
            opened.enter_context(prepare_value(value, name, options, **users))  # type: ignore[arg-type]  # as checked
            for name, value in values.items()
        ]
        with show(f"{len(values)} values", arguments.on_progress) as progress:
            progress.expect(sum(file.size_bytes for value in prepared for file in value.files))
            saving = _Saving(connection, progress)
            for batch in _batches(connection, prepared):
                saving.save(batch)
    if not saving.refused:
        return [saving.saved[name] for name in values]
    name, error = next(iter(saving.refused.items()))
    if not saving.saved and isinstance(error, UnavailableError):
        raise error
    raise BatchError(
        f"{len(saving.refused)} of {len(values)} values could not be saved, the others are; {name!r}: {error}",
        saving.saved,
        saving.refused,
    ) from error


class _Parts(Progress):
    """Passes on what parts of a transfer tell of themselves; the whole was announced before."""

    def __init__(self, whole: Progress) -> None:
        self._whole = whole

    def advance(self, count: int) -> None:
        self._whole.advance(count)


class _Saving:
    """What became of the values so far."""

    def __init__(self, connection: Connection, progress: Progress) -> None:
        self.saved: dict[str, ArtifactVersion] = {}
        self.refused: dict[str, Exception] = {}
        self._connection = connection
        self._progress = _Parts(progress)
        self._lost: UnavailableError | None = None

    def save(self, batch: Sequence[PreparedValue]) -> None:
        """Save values together; when that fails, each on its own, so that one does not keep the others from it."""
        if self._lost is None:
            try:
                self._save_together(batch)
            except UnavailableError as error:
                self._lost = error
            except (ArgosyError, OSError) as error:
                if len(batch) == 1:
                    self.refused[batch[0].spec.name] = error
                else:
                    for value in batch:
                        self.save([value])
        if self._lost is not None:
            self.refused.update({value.spec.name: self._lost for value in batch if value.spec.name not in self.saved})

    def _save_together(self, batch: Sequence[PreparedValue]) -> None:
        room = self._connection.capabilities.max_batch_bytes
        uploaded = send_values(self._connection, batch, self._progress, inline_bytes=room)
        for value in batch:
            link_to_step(value.spec, self._connection)
        new = [NewArtifactVersion(spec=value.spec, files=files) for value, files in zip(batch, uploaded, strict=True)]
        artifacts, request_id = self._connection.artifacts, new_request_id()
        results = retrying(
            f"creation of {len(new)} versions", lambda: artifacts.batch_create_artifact_versions(new, request_id)
        )
        for value, result in zip(batch, results, strict=True):
            error = item_error(result.status, f"artifact {value.spec.name!r}")
            if error is not None:
                self.refused[value.spec.name] = error
                continue
            self.saved[value.spec.name] = record_saved(result.artifact_version, self._connection)


def _batches(connection: Connection, prepared: Sequence[PreparedValue]) -> Iterator[list[PreparedValue]]:
    """Cut values to what one request may create, and say about them."""
    capabilities = connection.capabilities
    batch: list[PreparedValue] = []
    files = described = 0
    for value in prepared:
        size = value.spec.ByteSize() + sum(len(file.path.encode()) + _FILE_BYTES for file in value.files)
        files += value.most_files
        described += size
        full = files > capabilities.max_files or len(batch) == capabilities.max_batch_items
        if batch and (full or described > _DESCRIPTION_BYTES):
            yield batch
            batch, files, described = [], value.most_files, size
        batch.append(value)
    if batch:
        yield batch
