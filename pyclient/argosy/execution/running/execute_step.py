"""Executes one attempt of a step: its inputs are loaded, the function is called, what it returned is saved.

This part runs wherever the runner puts it and needs nothing but the task: the store is reached from here. An attempt
that ends well is completed in the store, outputs and lineage in one call. One that does not is only reported: whether
it is tried again is for the driver of the run to say.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
from collections import OrderedDict
from collections.abc import Sequence

from argosy.errors import SaveOutputError
from argosy.execution.context import StepContext, entered_step
from argosy.execution.failure import is_retried, to_run_error
from argosy.execution.logs.capture import LogOutlet, captured_logs
from argosy.execution.logs.sender import OutgoingLog
from argosy.execution.running.forked_child import call_in_this_process
from argosy.execution.running.held_interrupt import held_interrupt
from argosy.execution.running.rescue import Endangered, rescue_values
from argosy.execution.running.save_outputs import save_outputs
from argosy.execution.running.step_patience import patient
from argosy.execution.running.step_task import Completed, Failed, Outcome, StepTask
from argosy.execution.running.stop_signal import StopSignal
from argosy.execution.running.stoppable_call import call_stoppable
from argosy.execution.step_traffic import executing
from argosy.graph.received_values import check_received
from argosy.graph.returned_values import ReturnedValue, bind_returned_values
from argosy.transport.connection import Connection, connect
from argosy.v1.pipeline_pb2 import StepRun
from argosy.v1.step_calls_pb2 import LoadedInput


def execute(task: StepTask, stop: StopSignal, log: LogOutlet | None = None) -> Outcome:
    """Execute an attempt to its end; whatever is raised in it is part of the outcome.

    Args:
        task: the attempt.
        stop: asks it to end early.
        log: where its log goes; to the store by default.
    """
    context = StepContext(
        run_id=task.run_id,
        step_run_id=task.step_run_id,
        pipeline_name=task.pipeline_name,
        step_name=task.step.name,
        invocation=task.invocation,
        allow_pickle=task.step.allow_pickle,
        attempt=task.attempt,
        outputs=task.output_names,
        patience=task.patience,
    )
    try:
        with executing(task.step_run_id), patient(task.patience):
            connection = connect(task.config)
            returned = _call(task, connection, context, stop, log or log_in_store(task))
            values = bind_returned_values(task.step, returned)
            stop.check()
            return Completed(_save(task, connection, values, context))
    except BaseException as error:
        with held_interrupt():  # one more Ctrl-C does not keep the end from being recorded
            return failed(task, error, loaded=context.loaded, metadata=context.metadata)


def failed(
    task: StepTask, error: BaseException, *, loaded: Sequence[LoadedInput] = (), metadata: dict[str, str] | None = None
) -> Failed:
    """Return the outcome of an attempt that ended with an exception."""
    return Failed(
        error,
        to_run_error(error, task.invocation),
        is_retried(task.step.retry, error),
        tuple(_distinct(loaded)),
        dict(metadata or {}),
    )


def log_in_store(task: StepTask) -> OutgoingLog:
    """Return the way of an attempt's log to the store."""
    append = connect(task.config).pipelines.append_step_logs
    return OutgoingLog(functools.partial(append, task.step_run_id, task.attempt_token), task.invocation)


def _call(task: StepTask, connection: Connection, context: StepContext, stop: StopSignal, log: LogOutlet) -> object:
    """Load the inputs and run the function; the inputs are let go before its outputs are saved."""
    step = task.step
    given = {
        item.name: item.load(connection, step.annotation_of(item.name), allow_pickle=step.allow_pickle)
        for item in task.inputs
    }
    for name, value in given.items():
        check_received(step, name, value)
    # A step may change what it is given; the graph, and the function's own defaults, stay as they are.
    given |= {name: copy.deepcopy(value) for name, value in task.parameters.items()}
    bound = inspect.BoundArguments(
        step.signature, OrderedDict((name, given[name]) for name in step.signature.parameters)
    )
    with entered_step(context), captured_logs(log) if task.config.capture_logs else contextlib.nullcontext():
        return call_in_this_process(
            lambda: call_stoppable(lambda: step.function(*bound.args, **bound.kwargs), stop),
        )


def _save(task: StepTask, connection: Connection, values: Sequence[ReturnedValue], context: StepContext) -> StepRun:
    try:
        outputs = save_outputs(connection, task.step, values, context)
        return connection.patient_pipelines(lambda: task.patience).complete_step(
            task.step_run_id,
            task.attempt_token,
            outputs,
            loaded=_distinct(context.loaded),
            metadata=context.metadata,
        )
    except Exception as error:
        if not values:
            raise
        materializers = task.step.output_materializers
        rescue = rescue_values(
            task.config.home,
            task.step_run_id,
            [Endangered(item.output.key, item.value, materializers.get(item.output.key)) for item in values],
        )
        text = str(error) if isinstance(error, SaveOutputError) else f"{type(error).__name__}: {error}"
        raise SaveOutputError(
            f"what step {task.invocation!r} returned could not be saved: {text}\n{rescue.advice(text)}"
        ) from (error.__cause__ or error)


def _distinct(loaded: Sequence[LoadedInput]) -> list[LoadedInput]:
    """Drop repetitions: a loop may load the same version by the same name a thousand times."""
    return list(
        {(item.selector.SerializeToString(deterministic=True), item.version_id): item for item in loaded}.values()
    )
