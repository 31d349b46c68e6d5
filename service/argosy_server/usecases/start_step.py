"""Starting a step: run it, or take its outputs from an earlier step run.

A hit needs an earlier completed step run with the same key whose outputs and saved versions are all live, whose bytes
are all in the storage, and whose loaded names still mean the versions they meant. The bytes are looked for before the
transaction (``find_reusable``), rows are locked and checked again inside it. The hit replays exactly those versions
and leaves this run's own inputs as they are. A miss says why.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from argosy_server.domain.artifact import ArtifactVersion, VersionSelector
from argosy_server.domain.errors import ArtifactNotFound, IllegalTransition
from argosy_server.domain.identifiers import Digest, new_id
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import InputSpec, Run, StepRun, StepState
from argosy_server.usecases.artifacts import require_live
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction
from argosy_server.usecases.track_runs import running

MAX_CANDIDATES = 5


def find_reusable(metadata: MetadataStore, storage: BlobStorage, project: str, cache_key: str) -> str:
    """Return the id of the newest step run with this key whose outputs are all there, ``""`` when there is none."""
    if not cache_key:
        return ""
    with metadata.read() as tx:
        candidates = [
            (step.id, blobs)
            for step in tx.runs.cache_candidates(project, cache_key, MAX_CANDIDATES)
            if (blobs := _reusable_blobs(tx, project, step.id)) is not None
        ]
    for step_run_id, blobs in candidates:
        if all(not location or storage.size(location) == size for location, size in blobs):
            return step_run_id
    return ""


def start_step(
    tx: Transaction,
    limits: Limits,
    project: str,
    run_id: str,
    invocation: str,
    step_name: str,
    parameters: Mapping[str, str],
    inputs: Sequence[InputSpec],
    cache_key: str,
    cache_key_parts: Mapping[str, str],
    reusable: str,
) -> StepRun:
    """Record the start of a step: RUNNING with an attempt token, or CACHED with outputs.

    Args:
        tx: the transaction.
        limits: for the lease of reused bytes.
        project: the project.
        run_id: the run.
        invocation: unique in the run.
        step_name: the step.
        parameters: name to JSON text.
        inputs: what the step is given.
        cache_key: ``""`` when it may not be cached.
        cache_key_parts: what the key was made of.
        reusable: what :func:`find_reusable` returned.

    Raises:
        RunNotFound: no such run.
        LeaseExpired: the run is abandoned.
        IllegalTransition: the run has ended or shall stop, or the invocation was started before.
        ArtifactNotFound: an input names no live version.
    """
    run = running(tx.runs.get(project, run_id))
    if run.cancel_requested:
        raise IllegalTransition(f"run {run.name!r} is being cancelled", resource=f"run {run.id}", state="cancelling")
    _check_inputs(tx, project, inputs)
    step = StepRun(
        id=new_id(),
        run_id=run.id,
        invocation=invocation,
        step_name=step_name,
        state=StepState.RUNNING,
        parameters=parameters,
        cache_key=cache_key,
        cache_key_parts=cache_key_parts,
    )
    if reusable and _lock_outputs(tx, limits, project, reusable):
        return _reuse(tx, project, run, step, inputs, reusable)
    miss = _explain_miss(tx, project, run, step)
    step = replace(step, attempt_token=secrets.token_hex(16), cache_miss=miss)
    tx.runs.add_step(run, step, inputs)
    return replace(tx.runs.load_step(project, step.id), attempt_token=step.attempt_token)


def _check_inputs(tx: Transaction, project: str, inputs: Sequence[InputSpec]) -> None:
    ids = [version_id for spec in inputs for version_id in spec.version_ids]
    for version in tx.artifacts.get_many(project, ids) if ids else ():
        require_live(version)


def _reuse(
    tx: Transaction, project: str, run: Run, step: StepRun, inputs: Sequence[InputSpec], source_id: str
) -> StepRun:
    source = tx.runs.load_step(project, source_id)
    step = replace(step, state=StepState.CACHED, cached_from=source.cached_from or source.id)
    tx.runs.add_step(run, step, inputs)
    tx.runs.add_outputs(step, [(output.name, output.version.id) for output in source.outputs])
    for version in source.saved:
        tx.runs.add_saved(step.id, version.id)
    tx.runs.add_loaded(step, tx.runs.loads(source.id))
    return tx.runs.load_step(project, step.id)


def _lock_outputs(tx: Transaction, limits: Limits, project: str, step_run_id: str) -> bool:
    versions = _reusable_versions(tx, project, step_run_id)
    if versions is None:
        return False
    digests = {file.digest for version in versions for file in version.files}
    return tx.blobs.lease(project, digests, limits.blob_lease) == digests


def _reusable_blobs(tx: Transaction, project: str, step_run_id: str) -> list[tuple[str, int]] | None:
    versions = _reusable_versions(tx, project, step_run_id)
    if versions is None:
        return None
    digests: set[Digest] = {file.digest for version in versions for file in version.files}
    blobs = tx.blobs.find(project, digests)
    return None if len(blobs) < len(digests) else [(blob.location, blob.size) for blob in blobs.values()]


def _reusable_versions(tx: Transaction, project: str, step_run_id: str) -> list[ArtifactVersion] | None:
    """Return what the step run made, with files, or ``None`` when it does not hold any more."""
    step = tx.runs.load_step(project, step_run_id)
    made = [*(output.version for output in step.outputs), *step.saved]
    if any(version.deleted for version in made):
        return None
    if any(not _still_means(tx, project, load.selector, load.version_id) for load in tx.runs.loads(step_run_id)):
        return None
    return [tx.artifacts.get(project, VersionSelector(id=version.id)) for version in made]


def _still_means(tx: Transaction, project: str, selector: VersionSelector, version_id: str) -> bool:
    try:
        version = tx.artifacts.get(project, selector)
    except ArtifactNotFound:
        return False
    return version.id == version_id and not version.deleted


def _explain_miss(tx: Transaction, project: str, run: Run, step: StepRun) -> tuple[str, ...]:
    if not step.cache_key:
        return ("disabled",)
    previous = tx.runs.previous_step(project, run.pipeline_name, step)
    if previous is None:
        return ("first_run",)
    before, now = previous.cache_key_parts, step.cache_key_parts
    differing = {name for name in {*before, *now} if before.get(name) != now.get(name)}
    return tuple(sorted(differing)) or _explain_same_key(tx, project, previous)


def _explain_same_key(tx: Transaction, project: str, previous: StepRun) -> tuple[str, ...]:
    changed = [
        f"loaded:{load.selector.name or load.version_id}"
        for load in tx.runs.loads(previous.id)
        if not _still_means(tx, project, load.selector, load.version_id)
    ]
    return tuple(sorted(changed)) or ("outputs_deleted",)
