"""How a version becomes visible: all of it or nothing.

Its bytes are staged before (``staging``). In one transaction, which first waits for its turn at the artifact, the new
blobs are inserted, those the caller names are proved live and locked, the artifact's counter gives number and ordinal,
version, files, tags and aliases are written, lineage and event too. A refusal rolls all of it back, the counter
included, so numbering has no gaps.
"""

from __future__ import annotations

from collections.abc import Sequence

from argosy_server.domain.artifact import ArtifactFile, ArtifactSpec, ArtifactVersion, Producer
from argosy_server.domain.blob import refuse_missing
from argosy_server.domain.errors import (
    DomainError,
    InvalidField,
    LimitExceeded,
    StorageFull,
    StorageUnavailable,
    Superseded,
)
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import Run, StepRun, StepState
from argosy_server.usecases.artifact_events import record_created
from argosy_server.usecases.ports import Transaction
from argosy_server.usecases.staging import StagedFile, publish_rows, publish_staged, published


def create_version(
    tx: Transaction, limits: Limits, project: str, spec: ArtifactSpec, staged: Sequence[StagedFile]
) -> ArtifactVersion:
    """Make a version visible; one saved inside a step is linked to the step run, whatever becomes of it.

    An attempt that was given up, or whose run another process resumed, may not know it and go on for long. What it
    saves is refused, or it would become the latest version after what the attempt that counts has saved.

    Raises:
        Superseded: the attempt that ``spec`` names is not running any more.
        VersionExists: the label is taken.
        BlobMissing: a file names a digest the project does not have.
        LimitExceeded: too much metadata.
        RunNotFound: ``spec.step_run_id`` names no step run.
        InvalidField: ``spec.step_attempt`` was never begun.
        UploadNotFound: staged bytes waited longer than their lease.
    """
    tx.artifacts.take_turn(project, [spec.name])
    return _create_in_turn(tx, limits, project, spec, staged)


def _create_in_turn(
    tx: Transaction, limits: Limits, project: str, spec: ArtifactSpec, staged: Sequence[StagedFile]
) -> ArtifactVersion:
    producer = None
    if spec.step_run_id:
        run, step = tx.runs.get_step(project, spec.step_run_id)
        attempt = _running_attempt(run, step, spec)
        producer = Producer(run.id, step.id, run.pipeline_name, step.invocation, attempt=attempt)
    version = insert_version(tx, limits, project, spec, staged, producer)
    if producer is not None:
        tx.runs.add_saved(producer.step_run_id, version.id, producer.attempt)
    return version


def create_versions(
    tx: Transaction,
    limits: Limits,
    project: str,
    wanted: Sequence[tuple[ArtifactSpec, Sequence[StagedFile]]],
) -> list[ArtifactVersion | DomainError]:
    """Make each of many versions visible, or nothing of it; return it, or why it was refused.

    Raises:
        StorageFull, StorageUnavailable: nothing was written.
    """
    ready = [(spec, [published(file) for file in staged]) for spec, staged in wanted]
    if wanted:
        tx.artifacts.take_turn(project, [spec.name for spec, _ in wanted])
    try:
        with tx.attempt():
            publish_rows(tx, [file for _, staged in wanted for file in staged])
            return [_create_in_turn(tx, limits, project, spec, staged) for spec, staged in ready]
    except (StorageFull, StorageUnavailable):
        raise
    except DomainError:
        # Seldom: now each of them is tried on its own, which takes a savepoint each.
        return [_attempt(tx, limits, project, spec, staged) for spec, staged in wanted]


def _attempt(
    tx: Transaction, limits: Limits, project: str, spec: ArtifactSpec, staged: Sequence[StagedFile]
) -> ArtifactVersion | DomainError:
    try:
        with tx.attempt():
            return _create_in_turn(tx, limits, project, spec, staged)
    except (StorageFull, StorageUnavailable):
        raise
    except DomainError as error:
        return error


def insert_version(
    tx: Transaction,
    limits: Limits,
    project: str,
    spec: ArtifactSpec,
    staged: Sequence[StagedFile],
    producer: Producer | None,
) -> ArtifactVersion:
    """Write a version with its blobs and its event, in turn; see :func:`create_version` for what it raises."""
    _check_spec(limits, spec)
    files = _publish_files(tx, limits, project, staged)
    inserted = {file.digest for file in staged if file.blob is not None}
    pointed_at = {alias: tx.artifacts.alias_target(project, spec.name, alias) for alias in spec.aliases}
    version = tx.artifacts.add(project, spec, files, producer, inserted=inserted)
    record_created(tx, version, pointed_at)
    return version


def _running_attempt(run: Run, step: StepRun, spec: ArtifactSpec) -> int:
    if spec.step_attempt > step.attempt:
        raise InvalidField(
            "spec.step_attempt", f"{spec.step_attempt} was not begun; step {step.invocation!r} is at {step.attempt}"
        )
    if step.state is not StepState.RUNNING:
        raise Superseded(
            f"step {step.invocation!r} of run {run.name!r} is {step.state.value} and saves nothing more",
            resource=f"step run {step.id}",
        )
    if spec.step_attempt not in (0, step.attempt):
        raise Superseded(
            f"attempt {spec.step_attempt} of step {step.invocation!r} was given up and saves nothing more; attempt "
            f"{step.attempt} runs",
            resource=f"step run {step.id}",
        )
    return step.attempt


def _check_spec(limits: Limits, spec: ArtifactSpec) -> None:
    size = sum(len(key.encode()) + len(text.encode()) for key, text in spec.metadata.items())
    if size > limits.max_metadata_bytes:
        raise LimitExceeded(
            f"{size} bytes of metadata; at most {limits.max_metadata_bytes} fit; save large facts as an artifact",
            limit=limits.max_metadata_bytes,
        )


def _publish_files(tx: Transaction, limits: Limits, project: str, staged: Sequence[StagedFile]) -> list[ArtifactFile]:
    promised = [file.digest for file in staged if file.blob is None]
    sizes = {digest: blob.size for digest, blob in tx.blobs.find_live(project, promised).items()} if promised else {}
    refuse_missing(project, [digest for digest in promised if digest not in sizes])
    many = len(staged) > 1
    if many:
        publish_rows(tx, staged)
    for file in staged:
        blob = publish_staged(tx, limits, project, published(file) if many else file)
        if blob is not None:
            sizes[file.digest] = blob.size
    return [ArtifactFile(file.path, file.digest, sizes[file.digest]) for file in staged]
