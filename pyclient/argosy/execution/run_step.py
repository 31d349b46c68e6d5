"""The whole story of one step of a run.

Its inputs are resolved to versions, the cache key is made of what it would do, and the store is
asked. A hit costs that one call: nothing is loaded. A miss loads the inputs, runs the user's
function, saves what it returned and completes the step, outputs and lineage in one call.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import time
from collections import OrderedDict
from collections.abc import Sequence

from argosy.errors import (
    ArgosyError,
    NotFoundError,
    PreconditionError,
    RunCancelledError,
    SaveOutputError,
    ServiceError,
)
from argosy.execution.active_run import ActiveRun
from argosy.execution.context import StepContext, entered_step
from argosy.execution.failure import add_note, to_run_error
from argosy.execution.held_interrupt import held_interrupt
from argosy.execution.input_versions import ResolvedInput
from argosy.execution.rescue import Endangered, rescue_values
from argosy.execution.save_outputs import save_outputs
from argosy.execution.step_cache import step_cache_key
from argosy.graph.model import Invocation
from argosy.graph.returned_values import ReturnedValue, bind_returned_values
from argosy.v1.pipeline_pb2 import StepRun, StepState
from argosy.v1.step_calls_pb2 import LoadedInput, StartStepResponse

_NO_NEWS = frozenset({"first_run", "disabled"})
"""Reasons for running which a person need not be told."""


def run_step(run: ActiveRun, invocation: Invocation) -> None:
    """Run one step or take its outputs from cache; its outputs are then known to ``run``.

    Raises:
        RunCancelledError: the run shall stop.
        ConflictError: the lease of the run expired.
        NotFoundError: an id, name, version or alias it is given means nothing.
        SaveOutputError: what it returned could not be saved; the text says where it was rescued to.
        Exception: what the user's function raised.
    """
    run.lease.check()
    began = time.perf_counter()
    inputs, started = _start(run, invocation)
    if started.step_run.state == StepState.STEP_STATE_CACHED:
        status, step_run = "cached", started.step_run
    else:
        run.progress.step_started(invocation.id)
        status, step_run = "completed", _execute(run, invocation, inputs, started, began)
    for output in step_run.outputs:
        run.versions.outputs[invocation.id, output.name] = output.version
    news = [reason for reason in started.step_run.cache_miss if reason not in _NO_NEWS]
    note = f"changed: {', '.join(news)}" if news else ""
    run.progress.step_ended(invocation.id, status, time.perf_counter() - began, note)


def _start(run: ActiveRun, invocation: Invocation) -> tuple[list[ResolvedInput], StartStepResponse]:
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
    run.recorded.add(invocation.id)
    return inputs, started


def _announce(run: ActiveRun, invocation: Invocation, inputs: Sequence[ResolvedInput]) -> StartStepResponse:
    key = step_cache_key(run, invocation, inputs)
    return run.connection.pipelines.start_step(
        run.run.id,
        invocation.id,
        invocation.step.name,
        parameters={name: parameter.json for name, parameter in invocation.parameters.items()},
        inputs=[item.to_spec() for item in inputs],
        cache_key=key.digest if key else "",
        cache_key_parts=key.parts if key else None,
    )


def _record_as_failed(run: ActiveRun, invocation: Invocation, error: BaseException) -> None:
    """Record a step that could not start, so that the run shows which one it was."""
    with contextlib.suppress(ArgosyError):
        started = run.connection.pipelines.start_step(run.run.id, invocation.id, invocation.step.name)
        run.recorded.add(invocation.id)
        _fail(run, invocation, started, error, ())


def _execute(
    run: ActiveRun, invocation: Invocation, inputs: Sequence[ResolvedInput], started: StartStepResponse, began: float
) -> StepRun:
    context = StepContext(
        run_id=run.run.id,
        step_run_id=started.step_run.id,
        pipeline_name=run.graph.pipeline.name,
        step_name=invocation.step.name,
        invocation=invocation.id,
        allow_pickle=invocation.step.allow_pickle,
    )
    try:
        returned = _call(run, invocation, inputs, context)
        values = bind_returned_values(invocation.step, returned)
        return _save(run, invocation, started, values, context)
    except BaseException as error:
        _fail(run, invocation, started, error, context.loaded)
        is_cancelled = isinstance(error, KeyboardInterrupt)
        seconds = time.perf_counter() - began
        run.progress.step_ended(invocation.id, "cancelled" if is_cancelled else "failed", seconds, type(error).__name__)
        raise


def _call(run: ActiveRun, invocation: Invocation, inputs: Sequence[ResolvedInput], context: StepContext) -> object:
    """Load the inputs and run the function; the inputs are let go before its outputs are saved."""
    step = invocation.step
    given = {
        item.name: item.load(run.connection, step.annotation_of(item.name), allow_pickle=step.allow_pickle)
        for item in inputs
    }
    # A step may change what it is given; the graph, and the function's own defaults, stay as they are.
    given |= {name: copy.deepcopy(parameter.value) for name, parameter in invocation.parameters.items()}
    bound = inspect.BoundArguments(
        step.signature, OrderedDict((name, given[name]) for name in step.signature.parameters)
    )
    with entered_step(context):
        return step.function(*bound.args, **bound.kwargs)


def _save(
    run: ActiveRun,
    invocation: Invocation,
    started: StartStepResponse,
    values: Sequence[ReturnedValue],
    context: StepContext,
) -> StepRun:
    step_run_id = started.step_run.id
    try:
        outputs = save_outputs(run.connection, run.graph, invocation, values)
        return run.connection.pipelines.complete_step(
            step_run_id, started.attempt_token, outputs, loaded=_distinct(context.loaded)
        )
    except Exception as error:
        if not values:
            raise
        materializers = invocation.step.output_materializers
        rescue = rescue_values(
            run.config.home,
            step_run_id,
            [Endangered(item.output.key, item.value, materializers.get(item.output.key)) for item in values],
        )
        text = str(error) if isinstance(error, SaveOutputError) else f"{type(error).__name__}: {error}"
        raise SaveOutputError(
            f"what step {invocation.id!r} returned could not be saved: {text}\n{rescue.advice(text)}"
        ) from (error.__cause__ or error)


def _fail(
    run: ActiveRun,
    invocation: Invocation,
    started: StartStepResponse,
    error: BaseException,
    loaded: Sequence[LoadedInput],
) -> None:
    """Record the end of the step; when the store is away the run's lease will end it."""
    run.failed = invocation.id
    is_cancelled = isinstance(error, KeyboardInterrupt)
    with contextlib.suppress(ArgosyError), held_interrupt():
        run.connection.pipelines.fail_step(
            started.step_run.id,
            started.attempt_token,
            None if is_cancelled else to_run_error(error, invocation.id),
            state=StepState.STEP_STATE_CANCELLED if is_cancelled else StepState.STEP_STATE_FAILED,
            loaded=_distinct(loaded),
        )


def _distinct(loaded: Sequence[LoadedInput]) -> list[LoadedInput]:
    """Drop repetitions: a loop may load the same version by the same name a thousand times."""
    return list(
        {(item.selector.SerializeToString(deterministic=True), item.version_id): item for item in loaded}.values()
    )
