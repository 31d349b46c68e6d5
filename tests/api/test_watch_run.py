"""WatchRun over the wire and embedded: all of the run first, then what changes, until it has ended."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import grpc
import pytest

from argosy.v1 import pipeline_pb2, pipeline_service_pb2, step_calls_pb2
from argosy.v1.watch_pb2 import WatchRunRequest, WatchRunResponse
from tests.api.calls import complete_step, expect_refusal, finish_run, get_run, new_request_id, start_run, start_step
from tests.api.conftest import Service
from tests.api.past_the_service import alter
from tests.api.watching import Patient

RUNNING, COMPLETED = pipeline_pb2.RUN_STATE_RUNNING, pipeline_pb2.RUN_STATE_COMPLETED
STEP_RUNNING, STEP_COMPLETED = pipeline_pb2.STEP_STATE_RUNNING, pipeline_pb2.STEP_STATE_COMPLETED


def watched(stubs: Service, project: str, run: str) -> Patient:
    return Patient(stubs.pipelines.WatchRun(WatchRunRequest(project=project, run=run)))


def until(stream: Iterator[WatchRunResponse], invocation: str, state: int) -> pipeline_pb2.StepRun:
    """Read on until a step is told to be in a state."""
    for message in stream:
        for step in message.steps:
            if (step.invocation, step.state) == (invocation, state):
                return step
    pytest.fail(f"{invocation} was never told to be in state {state}")


def put_together(messages: list[WatchRunResponse]) -> pipeline_pb2.Run:
    run, steps = pipeline_pb2.Run(), {}
    for message in messages:
        if message.HasField("run"):
            run.CopyFrom(message.run)
        steps.update({step.id: step for step in message.steps})
    run.steps.extend(steps.values())
    return run


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_run_is_told_from_its_state_to_its_end(stubs: Service, project: str, by: str) -> None:
    run = start_run(stubs, project)
    first = start_step(stubs, run, "first")
    with watched(stubs, project, getattr(run, by)) as stream:
        messages = [next(stream)]
        assert (messages[0].run.state, messages[0].run.name) == (RUNNING, run.name)
        assert [(step.invocation, step.state) for step in messages[0].steps] == [("first", STEP_RUNNING)]

        complete_step(stubs, project, first, model=b"1")
        done = until(stream, "first", STEP_COMPLETED)
        assert [(output.name, output.version.version) for output in done.outputs] == [("model", "1")]

        second = start_step(stubs, run, "second")
        until(stream, "second", STEP_RUNNING)
        complete_step(stubs, project, second)
        until(stream, "second", STEP_COMPLETED)
        finish_run(stubs, run)
        last = list(stream)
        assert stream.code() is grpc.StatusCode.OK
    assert last[-1].run.state == COMPLETED


def test_the_messages_together_are_the_run(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    with watched(stubs, project, run.id) as stream:
        messages = [next(stream)]
        for number in range(20):
            complete_step(stubs, project, start_step(stubs, run, f"step_{number}"), out=b"x")
        finish_run(stubs, run)
        messages += list(stream)
    assert put_together(messages) == get_run(stubs, project, run.id)


def test_a_run_that_has_ended_is_told_and_the_call_ends(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    complete_step(stubs, project, start_step(stubs, run))
    finish_run(stubs, run)
    with watched(stubs, project, run.id) as stream:
        [only] = list(stream)
    assert (only.run.state, [step.state for step in only.steps]) == (COMPLETED, [STEP_COMPLETED])


def test_failed_and_skipped_steps_and_a_wish_to_stop_are_told(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    started = start_step(stubs, run, "fit")
    with watched(stubs, project, run.id) as stream:
        next(stream)
        ask = pipeline_service_pb2.CancelRunRequest(project=project, request_id=new_request_id(), run_id=run.id)
        stubs.pipelines.CancelRun(ask)
        assert next(message for message in stream if message.run.cancel_requested)
        stubs.pipelines.FailStep(
            step_calls_pb2.FailStepRequest(
                project=project,
                request_id=new_request_id(),
                step_run_id=started.step_run.id,
                attempt_token=started.attempt_token,
                state=pipeline_pb2.STEP_STATE_FAILED,
                error=pipeline_pb2.RunError(type="builtins:ValueError", message="why"),
            )
        )
        failed = until(stream, "fit", pipeline_pb2.STEP_STATE_FAILED)
        assert failed.error.message == "why"
        stubs.pipelines.FinishRun(
            pipeline_service_pb2.FinishRunRequest(
                project=project,
                request_id=new_request_id(),
                run_id=run.id,
                state=pipeline_pb2.RUN_STATE_FAILED,
                skipped=[pipeline_service_pb2.SkippedStep(invocation="after", step_name="after")],
            )
        )
        rest = put_together(list(stream))
    assert (rest.state, [step.invocation for step in rest.steps]) == (pipeline_pb2.RUN_STATE_FAILED, ["after"])
    assert [step.state for step in rest.steps] == [pipeline_pb2.STEP_STATE_SKIPPED]


def test_a_run_whose_runner_is_gone_is_told_as_abandoned(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    start_step(stubs, run, "fit")
    in_a_second = (time.time_ns() + 10**9) // 1000
    alter(stubs, "UPDATE runs SET lease_expires_at = :then WHERE id = :id", then=in_a_second, id=run.id)
    with watched(stubs, project, run.id) as stream:
        told = put_together(list(stream))
    assert told.state == pipeline_pb2.RUN_STATE_ABANDONED
    assert [step.state for step in told.steps] == [pipeline_pb2.STEP_STATE_ABANDONED]


def test_nothing_is_told_of_other_runs(stubs: Service, project: str) -> None:
    run, other = start_run(stubs, project), start_run(stubs, project)
    with watched(stubs, project, run.id) as stream:
        next(stream)
        complete_step(stubs, project, start_step(stubs, other, "theirs"))
        finish_run(stubs, other)
        finish_run(stubs, run)
        messages = list(stream)
    assert [step.invocation for message in messages for step in message.steps] == []
    assert {message.run.id for message in messages} == {run.id}


def test_many_steps_come_first_in_several_messages(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    large = {"text": json.dumps("x" * 50_000)}
    for number in range(60):
        complete_step(stubs, project, start_step(stubs, run, f"step_{number}", parameters=large))
    finish_run(stubs, run)
    with watched(stubs, project, run.id) as stream:
        messages = list(stream)
    assert len(messages) > 1
    assert max(message.ByteSize() for message in messages) < 2 << 20
    assert len(put_together(messages).steps) == 60


def test_an_absent_run_and_one_of_another_project_are_not_found(stubs: Service, project: str) -> None:
    run = start_run(stubs, f"{project}-other")
    with (
        expect_refusal(grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND"),
        watched(stubs, project, run.id) as stream,
    ):
        next(stream)


def test_a_waiting_watch_can_be_cancelled_from_another_thread(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    with watched(stubs, project, run.id) as stream:
        next(stream)
        threading.Timer(0.1, stream.cancel).start()
        with pytest.raises(grpc.RpcError) as ended:
            list(stream)
    assert ended.value.code() is grpc.StatusCode.CANCELLED
