"""How a version becomes visible: all of it or nothing.

Its bytes are staged before (``staging``). In one transaction, which first waits for its turn at the artifact, the new
blobs are inserted, those the caller names are proved live and locked, the artifact's counter gives number and ordinal,
version, files, tags and aliases are written, lineage and event too. A refusal rolls all of it back, the counter
included, so numbering has no gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from argosy_server.domain.artifact import ArtifactFile, ArtifactSpec, ArtifactVersion, NewVersion, Producer
from argosy_server.domain.blob import refuse_missing
from argosy_server.domain.errors import (
    DomainError,
    InvalidField,
    StorageFull,
    StorageUnavailable,
    Superseded,
)
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import Run, StepRun, StepState
from argosy_server.usecases.artifacts.artifact_events import record_created
from argosy_server.usecases.blobs.staging import StagedFile, publish_rows, publish_staged, published
from argosy_server.usecases.ports import Transaction


@dataclass(frozen=True)
class Save:
    """What shall become one version: what the caller says about it, and its bytes.

    Attributes:
        producer: the step run whose output it is; one that is saved inside a step names that in its ``spec``.
    """

    spec: ArtifactSpec
    staged: Sequence[StagedFile]
    producer: Producer | None = None


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
        LimitExceeded: no version number is left.
        RunNotFound: ``spec.step_run_id`` names no step run.
        InvalidField: ``spec.step_attempt`` was never begun.
        UploadNotFound: staged bytes waited longer than their lease.
    """
    tx.artifacts.take_turn(project, [spec.name])
    [version] = create_in_turn(tx, limits, project, [Save(spec, staged)])
    return version


def create_versions(
    tx: Transaction, limits: Limits, project: str, saves: Sequence[Save]
) -> list[ArtifactVersion | DomainError]:
    """Make each of many versions visible, or nothing of it; return it, or why it was refused.

    Raises:
        StorageFull, StorageUnavailable: nothing was written.
    """
    if saves:
        tx.artifacts.take_turn(project, [save.spec.name for save in saves])
    return create_each(tx, limits, project, saves)


def create_each(
    tx: Transaction, limits: Limits, project: str, saves: Sequence[Save]
) -> list[ArtifactVersion | DomainError]:
    """Do as :func:`create_versions` for those whose turn it is.

    Raises:
        StorageFull, StorageUnavailable: nothing was written.
    """
    try:
        with tx.attempt():
            return list(create_in_turn(tx, limits, project, saves))
    except (StorageFull, StorageUnavailable):
        raise
    except DomainError:
        # Seldom: now each of them is tried on its own, which takes a savepoint each.
        return [_attempt(tx, limits, project, save) for save in saves]


def create_in_turn(tx: Transaction, limits: Limits, project: str, saves: Sequence[Save]) -> list[ArtifactVersion]:
    """Do as :func:`create_version` for many, whose turn it is; the first that is refused ends the transaction."""
    producers = [_saving_step(tx, project, save.spec) for save in saves]
    for_steps = [replace(save, producer=producer) for save, producer in zip(saves, producers, strict=True)]
    versions = insert_versions(tx, limits, project, for_steps)
    for version, producer in zip(versions, producers, strict=True):
        if producer is not None:
            tx.runs.add_saved(project, producer.step_run_id, version.id, producer.attempt)
    return versions


def _attempt(tx: Transaction, limits: Limits, project: str, save: Save) -> ArtifactVersion | DomainError:
    try:
        with tx.attempt():
            [version] = create_in_turn(tx, limits, project, [save])
            return version
    except (StorageFull, StorageUnavailable):
        raise
    except DomainError as error:
        return error


def insert_versions(tx: Transaction, limits: Limits, project: str, saves: Sequence[Save]) -> list[ArtifactVersion]:
    """Write versions with their blobs and events, in turn; see :func:`create_version` for what it raises."""
    files = _publish_files(tx, limits, project, [save.staged for save in saves])
    inserted = {file.digest for save in saves for file in save.staged if file.blob is not None}
    named = [(save.spec.name, alias) for save in saves for alias in save.spec.aliases]
    pointed_at = {(name, alias): tx.artifacts.alias_target(project, name, alias) for name, alias in named}
    wanted = [NewVersion(save.spec, of_save, save.producer) for save, of_save in zip(saves, files, strict=True)]
    versions = tx.artifacts.add_many(project, wanted, inserted=inserted)
    record_created(tx, project, versions, pointed_at)
    return versions


def _saving_step(tx: Transaction, project: str, spec: ArtifactSpec) -> Producer | None:
    if not spec.step_run_id:
        return None
    run, step = tx.runs.get_step(project, spec.step_run_id)
    attempt = _running_attempt(run, step, spec)
    return Producer(run.id, step.id, run.pipeline_name, step.invocation, attempt=attempt)


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


def _publish_files(
    tx: Transaction, limits: Limits, project: str, staged: Sequence[Sequence[StagedFile]]
) -> list[list[ArtifactFile]]:
    files = [file for of_save in staged for file in of_save]
    many = len(files) > 1
    if many:
        publish_rows(tx, files)
    promised = [file.digest for file in files if file.blob is None]
    sizes = {digest: blob.size for digest, blob in tx.blobs.find_live(project, promised).items()} if promised else {}
    refuse_missing(project, [digest for digest in promised if digest not in sizes])
    for file in files:
        blob = publish_staged(tx, limits, project, published(file) if many else file)
        if blob is not None:
            sizes[file.digest] = blob.size
    return [[ArtifactFile(file.path, file.digest, sizes[file.digest]) for file in of_save] for of_save in staged]
