"""Which earlier step run a step may take its outputs from, and why none.

A hit needs an earlier completed step run with the same key, not evicted and not too old, whose outputs and saved
versions are all live, whose bytes are all in the storage in their full size, whose loaded names still mean the versions
they meant, and whose saved names have got no newer version since (running the step would make its own the latest).
Only what its last attempt saved and loaded counts: the others failed. The bytes are looked for before the transaction
(:func:`look_up`), rows are locked and checked again inside it (:func:`lock_outputs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from argosy_server.domain.artifact import ArtifactVersion, VersionSelector
from argosy_server.domain.blob import Blob
from argosy_server.domain.errors import ArtifactNotFound
from argosy_server.domain.identifiers import Digest, version_number
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import LoadedInput, Run, StepRun
from argosy_server.usecases.blobs.read_blob import mark_damaged
from argosy_server.usecases.ports import BlobStorage, MetadataStore, Transaction
from argosy_server.usecases.ports.cache_repository import Holder

MAX_CANDIDATES = 5


@dataclass(frozen=True)
class Reusable:
    """An earlier step run whose outputs may be taken.

    Attributes:
        source: the step run, with what it returned.
        saved: the versions its last attempt saved.
        loads: what its last attempt loaded, and how it asked.
        digests: of the files of each version it made, by version id.
    """

    source: StepRun
    saved: tuple[ArtifactVersion, ...]
    loads: tuple[LoadedInput, ...]
    digests: Mapping[str, frozenset[Digest]]

    @property
    def loaded(self) -> tuple[ArtifactVersion, ...]:
        """The versions its last attempt loaded."""
        versions = {version.id: version for version in self.source.loaded}
        return tuple(versions[load.version_id] for load in self.loads)

    def all_digests(self) -> set[Digest]:
        """Return the digests of all files."""
        return {digest for digests in self.digests.values() for digest in digests}


@dataclass(frozen=True)
class CacheLook:
    """What a look for an earlier step run has shown.

    Attributes:
        reusable: the one whose outputs may be taken.
        newest: id of the newest one with the key, whether or not it may be taken; empty for none.
        holder: who computes the key now, when there is no earlier one.
    """

    reusable: Reusable | None = None
    newest: str = ""
    holder: Holder | None = None


def look_up(
    metadata: MetadataStore, storage: BlobStorage, project: str, cache_key: str, max_age: timedelta | None = None
) -> CacheLook:
    """Look for the newest step run with this key whose outputs are all there."""
    if not cache_key:
        return CacheLook()
    with metadata.read() as tx:
        steps = _candidates(tx, project, cache_key, MAX_CANDIDATES, max_age)
        candidates = [
            (found, tx.blobs.find_live(project, found.all_digests()))
            for step in steps
            if (found := _reusable(tx, project, step.id)) is not None
        ]
        if not candidates:
            return CacheLook(None, _first_id(steps), tx.reservations.holder(project, cache_key))
    for found, blobs in candidates:
        damaged = [blob for blob in blobs.values() if blob.location and _lacks_bytes(storage, blob)]
        for blob in damaged:
            # Or the step, when it has run again, would find that its outputs need not be stored.
            mark_damaged(metadata, blob)
        if blobs.keys() == found.all_digests() and not damaged:
            return CacheLook(found, _first_id(steps))
    return CacheLook(None, _first_id(steps))


def _lacks_bytes(storage: BlobStorage, blob: Blob) -> bool:
    """Ask twice before bytes count as lost: a store may answer wrongly once."""
    return all(storage.size(blob.location) != blob.size for _ in range(2))


def lock_outputs(tx: Transaction, limits: Limits, project: str, reusable: Reusable) -> bool:
    """Keep what will be reused, unless something about it has changed since it was found."""
    digests = reusable.all_digests()
    return (
        tx.blobs.lease(project, digests, limits.blob_lease) == digests
        and tx.artifacts.live_digests(project, list(reusable.digests)) == reusable.digests
        and _still_mean(tx, project, reusable.loads)
        and not _overtaken(tx, project, reusable.saved)
    )


def has_appeared(tx: Transaction, same: StepRun | None, look: CacheLook, max_age: timedelta | None) -> bool:
    """Tell whether ``same``, the newest step run with the key, has completed since the look and may be reused."""
    return same is not None and same.id != look.newest and not (same.evicted_at or _is_too_old(tx, same, max_age))


def explain_miss(
    tx: Transaction, project: str, run: Run, step: StepRun, same: StepRun | None, max_age: timedelta | None
) -> tuple[str, ...]:
    """Return why nothing was taken from cache, as ``StepRun.cache_miss`` of the contract says it.

    Args:
        tx: the transaction.
        project: the project.
        run: the run of the step.
        step: the one that starts.
        same: the newest completed step run with the same key, ``None`` when there is none.
        max_age: what the step says about the age of outputs.
    """
    if not step.cache_key:
        return ("disabled",)
    if same is not None:
        return _explain_same_key(tx, project, same, max_age)
    previous = tx.cache.previous_step(project, run.pipeline_name, step)
    if previous is None:
        return ("first_run",)
    return tuple(sorted(differing_parts(previous, step)))


def differing_parts(before: StepRun, now: StepRun) -> set[str]:
    """Return the names of the parts of two cache keys that differ."""
    names = {*before.cache_key_parts, *now.cache_key_parts}
    return {name for name in names if before.cache_key_parts.get(name) != now.cache_key_parts.get(name)}


def _candidates(tx: Transaction, project: str, cache_key: str, limit: int, max_age: timedelta | None) -> list[StepRun]:
    return tx.cache.candidates(project, cache_key, limit, None if max_age is None else tx.now() - max_age)


def _is_too_old(tx: Transaction, step: StepRun, max_age: timedelta | None) -> bool:
    return max_age is not None and step.ended_at is not None and step.ended_at < tx.now() - max_age


def _first_id(steps: Sequence[StepRun]) -> str:
    return steps[0].id if steps else ""


def _reusable(tx: Transaction, project: str, step_run_id: str) -> Reusable | None:
    """Return what may be taken from a step run, or ``None`` when it does not hold any more."""
    source = tx.runs.load_step(project, step_run_id)
    saved = _saved_last(source)
    ids = {version.id for version in (*(output.version for output in source.outputs), *saved)}
    digests = tx.artifacts.live_digests(project, sorted(ids))
    loads = tuple(tx.runs.loads(project, step_run_id)) if source.loaded else ()
    if digests.keys() != ids or not _still_mean(tx, project, loads) or _overtaken(tx, project, saved):
        return None
    return Reusable(source, saved, loads, digests)


def _saved_last(source: StepRun) -> tuple[ArtifactVersion, ...]:
    return tuple(version for version in source.saved if version.producer and version.producer.attempt == source.attempt)


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


def _explain_same_key(tx: Transaction, project: str, same: StepRun, max_age: timedelta | None) -> tuple[str, ...]:
    if same.evicted_at is not None:
        return ("evicted",)
    if _is_too_old(tx, same, max_age):
        return ("expired",)
    source = tx.runs.load_step(project, same.id)
    made = _saved_last(source)
    if any(version.deleted for version in (*(output.version for output in source.outputs), *made)):
        return ("outputs_deleted",)
    loaded = [
        f"loaded:{load.selector.name or load.version_id}"
        for load in tx.runs.loads(project, same.id)
        if not _still_means(tx, project, load.selector, load.version_id)
    ]
    saved = [f"saved:{name}" for name in _overtaken(tx, project, made)]
    return tuple(sorted([*loaded, *saved])) or ("outputs_deleted",)
