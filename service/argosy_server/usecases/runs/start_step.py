"""Starting a step: run it, take its outputs from an earlier step run, or wait for an equal one that runs now.

A hit replays exactly the versions of the earlier step run and leaves this run's own inputs as they are; a miss says
why. A step that runs under a cache key reserves it: others that can wait get :class:`KeyReserved` as long as it and its
run are alive, so two of them never compute the same at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

from argosy_server.domain.errors import IllegalTransition
from argosy_server.domain.identifiers import new_id
from argosy_server.domain.limits import Limits
from argosy_server.domain.pipeline import InputSpec, Run, StepInput, StepRun, StepState, check_restart
from argosy_server.usecases.artifacts.change_version import require_live
from argosy_server.usecases.ports import MetadataStore, Transaction
from argosy_server.usecases.ports.cache_repository import Holder
from argosy_server.usecases.runs.reuse_step import CacheLook, Reusable, explain_miss, has_appeared, lock_outputs
from argosy_server.usecases.runs.track_runs import driven, step_changed

WAIT = timedelta(milliseconds=50)
"""After how long a client that waits may ask again."""


@dataclass(frozen=True)
class NewStep:
    """What a runner says about a step it wants to start.

    Attributes:
        invocation: unique in the run.
        parameters: name to JSON text.
        cache_key: ``""`` when it may not be cached.
        cache_key_parts: what the key was made of.
        max_age: outputs of step runs that ended longer ago are not taken.
        may_wait: whether it can wait for an equal step that runs now.
        driver_token: proves that the runner has the run; ``""`` is not checked.
    """

    run_id: str
    invocation: str
    step_name: str
    parameters: Mapping[str, str]
    inputs: Sequence[InputSpec]
    cache_key: str = ""
    cache_key_parts: Mapping[str, str] | None = None
    max_age: timedelta | None = None
    upstream: tuple[str, ...] = ()
    may_wait: bool = False
    driver_token: str = ""


class KeyReserved(Exception):
    """An equal step runs now; nothing may be recorded, so the transaction is left by this."""

    def __init__(self, holder: Holder) -> None:
        """Tell which one."""
        super().__init__(f"step {holder.invocation!r} of run {holder.run_name!r} computes the same now")
        self.holder = holder


class OutputsAppeared(Exception):
    """An equal step has completed since the cache was looked at; nothing may be recorded, look again."""


def check_reserved(
    metadata: MetadataStore, project: str, request_id: str, wanted: NewStep, holder: Holder | None
) -> None:
    """Let a step that would have to wait for ``holder`` hear so without a transaction that writes.

    Raises:
        KeyReserved: an equal step runs now.
        DomainError: as :func:`start_step`.
    """
    if holder is None or not wanted.may_wait or _is_itself(holder, wanted):
        return
    with metadata.read() as tx:
        # A request that comes twice gets its first answer.
        if not tx.replies.find(project, {request_id}):
            _startable(tx, project, wanted)
            raise KeyReserved(holder)


def start_step(
    tx: Transaction, limits: Limits, project: str, wanted: NewStep, look: CacheLook, *, last_look: bool = True
) -> StepRun:
    """Record the start of a step: RUNNING with an attempt token, or CACHED with outputs.

    In a run that was resumed a step that had not completed starts again, as another attempt of its step run.

    Args:
        tx: the transaction.
        limits: for the lease of reused bytes.
        project: the project.
        wanted: what shall start.
        look: what ``look_up`` returned.
        last_look: start even if outputs have appeared since.

    Raises:
        RunNotFound: no such run.
        LeaseExpired: the run is abandoned.
        Superseded: the run was resumed by another runner.
        IllegalTransition: the run has ended or shall stop, or the invocation was started before.
        ArtifactNotFound: an input names no live version.
        KeyReserved: an equal step runs now, and this one can wait.
        OutputsAppeared: an equal step has completed since the look, unless it was the last.
    """
    run = _startable(tx, project, wanted)
    given = _live_inputs(tx, project, wanted.inputs)
    earlier = tx.runs.find_step(run, wanted.invocation) if run.epoch > 1 else None
    if earlier is not None:
        check_restart(run, earlier)
    step = StepRun(
        id=earlier.id if earlier else new_id(),
        run_id=run.id,
        invocation=wanted.invocation,
        step_name=wanted.step_name,
        state=StepState.RUNNING,
        parameters=wanted.parameters,
        cache_key=wanted.cache_key,
        cache_key_parts=wanted.cache_key_parts or {},
        upstream=wanted.upstream,
    )
    if look.reusable and lock_outputs(tx, limits, project, look.reusable):
        started = _reuse(tx, run, earlier, step, wanted.inputs, look.reusable)
    else:
        same = _reserve(tx, project, run, step, wanted)
        if not last_look and has_appeared(tx, same, look, wanted.max_age):
            raise OutputsAppeared
        miss = explain_miss(tx, project, run, step, same, wanted.max_age)
        step = replace(step, attempt_token=secrets.token_hex(16), cache_miss=miss)
        started = _add(tx, run, earlier, step, wanted.inputs)
    step_changed(tx, run, started)
    return replace(started, inputs=given)


def _startable(tx: Transaction, project: str, wanted: NewStep) -> Run:
    run = driven(tx.runs.get(project, wanted.run_id), wanted.driver_token)
    if run.cancel_requested:
        raise IllegalTransition(f"run {run.name!r} is being cancelled", resource=f"run {run.id}", state="cancelling")
    return run


def _reserve(tx: Transaction, project: str, run: Run, step: StepRun, wanted: NewStep) -> StepRun | None:
    """Hold the key of the step from now on, and return the newest completed step run that has it."""
    if not wanted.cache_key:
        return None
    holder = tx.reservations.reserve(run, wanted.cache_key, step.id)
    if holder is not None and wanted.may_wait and not _is_itself(holder, wanted):
        raise KeyReserved(holder)
    return tx.cache.newest(project, wanted.cache_key)


def _is_itself(holder: Holder, wanted: NewStep) -> bool:
    """Tell whether a step would wait for itself: it was started before, which is what shall be told."""
    return (holder.run_id, holder.invocation) == (wanted.run_id, wanted.invocation)


def _live_inputs(tx: Transaction, project: str, inputs: Sequence[InputSpec]) -> tuple[StepInput, ...]:
    ids = [version_id for spec in inputs for version_id in spec.version_ids]
    versions = iter([require_live(version) for version in tx.artifacts.get_many(project, ids)] if ids else ())
    return tuple(
        StepInput(spec.name, spec.kind, spec.is_list, tuple(islice(versions, len(spec.version_ids))), spec.kinds)
        for spec in inputs
    )


def _add(tx: Transaction, run: Run, earlier: StepRun | None, step: StepRun, inputs: Sequence[InputSpec]) -> StepRun:
    if earlier is None:
        return tx.runs.add_step(run, step, inputs)
    return tx.runs.restart_step(run, earlier, step, inputs)


def _reuse(
    tx: Transaction,
    run: Run,
    earlier: StepRun | None,
    step: StepRun,
    inputs: Sequence[InputSpec],
    reusable: Reusable,
) -> StepRun:
    source = reusable.source
    step = replace(step, state=StepState.CACHED, cached_from=source.cached_from or source.id)
    step = _add(tx, run, earlier, step, inputs)
    tx.runs.add_outputs(run.project, step, [(output.name, output.version.id) for output in source.outputs])
    for version in reusable.saved:
        tx.runs.add_saved(run.project, step.id, version.id, step.attempt)
    tx.runs.add_loaded(run.project, step, reusable.loads)
    if earlier is not None:
        return tx.runs.load_step(run.project, step.id)
    return replace(step, outputs=source.outputs, saved=reusable.saved, loaded=reusable.loaded)
