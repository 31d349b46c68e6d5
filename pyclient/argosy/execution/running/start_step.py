"""How a step starts: its inputs are resolved, its cache key is made, and the store is asked.

A hit costs that one call: nothing is loaded. A miss gives the task that some worker executes. When a step of another
run computes the same now, the store says so, and it is asked again later.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from argosy.errors import ArgosyError, NotFoundError, PreconditionError, RunCancelledError, ServiceError
from argosy.execution.caching.told_parts import told_parts
from argosy.execution.failure import add_note, to_run_error
from argosy.execution.running.active_run import ActiveRun
from argosy.execution.running.input_versions import ResolvedInput
from argosy.execution.running.step_cache import step_cache_key
from argosy.execution.running.step_task import StepTask
from argosy.graph.definitions import DEFAULT_CACHE, NO_HOOKS
from argosy.graph.model import Invocation
from argosy.v1.pipeline_pb2 import StepRun, StepState
from argosy.v1.step_calls_pb2 import StartStepResponse, StepWait

Start: TypeAlias = "tuple[StepRun, StepTask | None] | StepWait"
"""The step run, with what is to be executed unless it was taken from cache; or whom to wait for."""


def start_step(run: ActiveRun, invocation: Invocation) -> Start:
    """Start a step or take its outputs from cache.

    Raises:
        RunCancelledError: the run shall stop.
        ConflictError: the lease of the run expired, or another process resumed it.
        NotFoundError: an id, name, version or alias it is given means nothing.
        Exception: its code or a value could not be looked at for the cache key.
    """
    run.lease.check()
    try:
        inputs = run.versions.resolve(run.connection, invocation)
        started = _announce(run, invocation, inputs)
    except NotFoundError as error:
        add_note(error, f"{invocation.location}: an input of step {invocation.id!r}")
        _record_as_failed(run, invocation, error)
        raise
    except PreconditionError as error:
        if error.metadata.get("state") != "cancelling":
            raise
        raise RunCancelledError(
            f"run {run.run.name!r} was asked to stop and did so before step {invocation.id!r}"
        ) from None
    except ServiceError:  # the store does not take the run any further: there is nothing to record
        raise
    except Exception as error:  # the code or a value of the user's could not be looked at
        _record_as_failed(run, invocation, error)
        raise
    if started.HasField("wait"):
        return started.wait
    run.recorded.add(invocation.id)
    if started.step_run.state == StepState.STEP_STATE_CACHED:
        return started.step_run, None
    return started.step_run, _task(run, invocation, inputs, started)


def _announce(run: ActiveRun, invocation: Invocation, inputs: Sequence[ResolvedInput]) -> StartStepResponse:
    key = step_cache_key(run, invocation, inputs)
    return run.pipelines.start_step(
        run.run.id,
        invocation.id,
        invocation.step.name,
        parameters={name: parameter.json for name, parameter in invocation.parameters.items()},
        inputs=[item.to_spec() for item in inputs],
        cache_key=key.digest,
        cache_key_parts=told_parts(key.parts),
        max_age=invocation.step.cache.max_age,
        may_wait=bool(key.digest),
        upstream=invocation.upstream,
        driver_token=run.driver_token,
    )


def _record_as_failed(run: ActiveRun, invocation: Invocation, error: BaseException) -> None:
    """Record a step that could not start, so that the run shows which one it was."""
    details = to_run_error(error, invocation.id)
    run.fails_by(invocation.id, details)
    with contextlib.suppress(ArgosyError):
        started = run.pipelines.start_step(
            run.run.id,
            invocation.id,
            invocation.step.name,
            upstream=invocation.upstream,
            driver_token=run.driver_token,
        )
        run.recorded.add(invocation.id)
        run.pipelines.fail_step(started.step_run.id, started.attempt_token, details)


def _task(
    run: ActiveRun, invocation: Invocation, inputs: Sequence[ResolvedInput], started: StartStepResponse
) -> StepTask:
    outputs = invocation.step.outputs
    return StepTask(
        config=run.config,
        run_id=run.run.id,
        pipeline_name=run.graph.pipeline.name,
        invocation=invocation.id,
        # Hooks and cache options are the driver's matter, and may be what cannot travel.
        step=replace(invocation.step, hooks=NO_HOOKS, cache=DEFAULT_CACHE),
        inputs=tuple(inputs),
        parameters={name: parameter.value for name, parameter in invocation.parameters.items()},
        output_names={output.key: run.graph.output_name(invocation, output) for output in outputs},
        step_run_id=started.step_run.id,
        attempt_token=started.attempt_token,
        attempt=max(started.step_run.attempt, 1),
        patience=run.lease.seconds,
    )
