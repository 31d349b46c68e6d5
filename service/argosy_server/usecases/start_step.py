"""Starting a step: run it, or take its outputs from an earlier step run.

A hit needs an earlier completed step run with the same key whose outputs and saved versions are all live, whose bytes
are all in the storage in their full size, whose loaded names still mean the versions they meant, and whose saved names
have got no newer version since (running the step would make its own the latest). The bytes are looked for before the
transaction (``find_reusable``), rows are locked and checked again inside it. The hit replays exactly those versions
and leaves this run's own inputs as they are. A miss says why.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from argosy_server.domain.artifact import ArtifactVersion, VersionSelector
from argosy_server.domain.errors import ArtifactNotFound, IllegalTransition
from argosy_server.domain.identifiers import Digest, new_id, version_number
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import InputSpec, LoadedInput, Run, StepInput, StepRun, StepState
from argosy_server.usecases.artifacts import require_live
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction
from argosy_server.usecases.read_blob import mark_damaged
from argosy_server.usecases.track_runs import running

MAX_CANDIDATES = 5


@dataclass(frozen=True)
class Reusable:
    """An earlier step run whose outputs may be taken.

    Attributes:
        source: the step run, with what it returned and saved.
        loads: what its code loaded, and how it asked.
        digests: of the files of each version it made, by version id.
    """

    source: StepRun
    loads: tuple[LoadedInput, ...]
    digests: Mapping[str, frozenset[Digest]]

    def all_digests(self) -> set[Digest]:
        """Return the digests of all files."""
        return {digest for digests in self.digests.values() for digest in digests}


def find_reusable(metadata: MetadataStore, storage: BlobStorage, project: str, cache_key: str) -> Reusable | None:
    """Return the newest step run with this key whose outputs are all there, ``None`` when there is none."""
    if not cache_key:
        return None
    with metadata.read() as tx:
        candidates = [
            (found, tx.blobs.find_live(project, found.all_digests()))
            for step in tx.runs.cache_candidates(project, cache_key, MAX_CANDIDATES)
            if (found := _reusable(tx, project, step.id)) is not None
        ]
    for found, blobs in candidates:
        damaged = [blob for blob in blobs.values() if blob.location and storage.size(blob.location) != blob.size]
        for blob in damaged:
            # Or the step, when it has run again, would find that its outputs need not be stored.
            mark_damaged(metadata, blob)
        if blobs.keys() == found.all_digests() and not damaged:
            return found
    return None


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
    reusable: Reusable | None,
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
    given = _live_inputs(tx, project, inputs)
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
        return replace(_reuse(tx, run, step, inputs, reusable), inputs=given)
    miss = _explain_miss(tx, project, run, step)
    step = replace(step, attempt_token=secrets.token_hex(16), cache_miss=miss)
    return replace(tx.runs.add_step(run, step, inputs), inputs=given)


def _live_inputs(tx: Transaction, project: str, inputs: Sequence[InputSpec]) -> tuple[StepInput, ...]:
    ids = [version_id for spec in inputs for version_id in spec.version_ids]
    versions = iter([require_live(version) for version in tx.artifacts.get_many(project, ids)] if ids else ())
    return tuple(
        StepInput(spec.name, spec.kind, spec.is_list, tuple(islice(versions, len(spec.version_ids)))) for spec in inputs
    )


def _reuse(tx: Transaction, run: Run, step: StepRun, inputs: Sequence[InputSpec], reusable: Reusable) -> StepRun:
    source = reusable.source
    step = replace(step, state=StepState.CACHED, cached_from=source.cached_from or source.id)
    step = tx.runs.add_step(run, step, inputs)
    tx.runs.add_outputs(step, [(output.name, output.version.id) for output in source.outputs])
    for version in source.saved:
        tx.runs.add_saved(step.id, version.id)
    tx.runs.add_loaded(step, reusable.loads)
    return replace(step, outputs=source.outputs, saved=source.saved, loaded=source.loaded)


def _lock_outputs(tx: Transaction, limits: Limits, project: str, reusable: Reusable) -> bool:
    """Keep what will be reused, unless something about it has changed since it was found."""
    digests = reusable.all_digests()
    return (
        tx.blobs.lease(project, digests, limits.blob_lease) == digests
        and tx.artifacts.live_digests(project, list(reusable.digests)) == reusable.digests
        and _still_mean(tx, project, reusable.loads)
        and not _overtaken(tx, project, reusable.source.saved)
    )


def _reusable(tx: Transaction, project: str, step_run_id: str) -> Reusable | None:
    """Return what may be taken from a step run, or ``None`` when it does not hold any more."""
    source = tx.runs.load_step(project, step_run_id)
    ids = {version.id for version in (*(output.version for output in source.outputs), *source.saved)}
    digests = tx.artifacts.live_digests(project, sorted(ids))
    loads = tuple(tx.runs.loads(step_run_id)) if source.loaded else ()
    if digests.keys() != ids or not _still_mean(tx, project, loads) or _overtaken(tx, project, source.saved):
        return None
    return Reusable(source, loads, digests)


def _still_mean(tx: Transaction, project: str, loads: Sequence[LoadedInput]) -> bool:
    return all(_still_means(tx, project, load.selector, load.version_id) for load in loads)


def _still_means(tx: Transaction, project: str, selector: VersionSelector, version_id: str) -> bool:
    try:
        version = tx.artifacts.get(project, selector)
    except ArtifactNotFound:
        return False
    return version.id == version_id and not version.deleted


def _overtaken(tx: Transaction, project: str, saved: Sequence[ArtifactVersion]) -> set[str]:
    """Return the names under which the step saved, but whose latest version is not one of its own any more.

    A label the step chose itself says which version is meant, whatever came after.
    """
    ids = {version.id for version in saved}
    numbered = {version.name for version in saved if version_number(version.version) is not None}
    return {name for name in numbered if tx.artifacts.get(project, VersionSelector(name=name)).id not in ids}


def _explain_miss(tx: Transaction, project: str, run: Run, step: StepRun) -> tuple[str, ...]:
    if not step.cache_key:
        return ("disabled",)
    for same in tx.runs.cache_candidates(project, step.cache_key, 1):
        return _explain_same_key(tx, project, same)
    previous = tx.runs.previous_step(project, run.pipeline_name, step)
    if previous is None:
        return ("first_run",)
    before, now = previous.cache_key_parts, step.cache_key_parts
    differing = {name for name in {*before, *now} if before.get(name) != now.get(name)}
    return tuple(sorted(differing))


def _explain_same_key(tx: Transaction, project: str, same: StepRun) -> tuple[str, ...]:
    source = tx.runs.load_step(project, same.id)
    if any(version.deleted for version in (*(output.version for output in source.outputs), *source.saved)):
        return ("outputs_deleted",)
    loaded = [
        f"loaded:{load.selector.name or load.version_id}"
        for load in tx.runs.loads(same.id)
        if not _still_means(tx, project, load.selector, load.version_id)
    ]
    saved = [f"saved:{name}" for name in _overtaken(tx, project, source.saved)]
    return tuple(sorted([*loaded, *saved])) or ("outputs_deleted",)
