"""Two runs that can wait never compute one cache key at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from grpc import StatusCode

from argosy.v1 import pipeline_pb2 as states
from argosy.v1 import pipeline_service_pb2 as pipelines
from argosy.v1 import step_calls_pb2
from tests.api.calls import complete_step, expect_refusal, get_run, new_request_id, start_run, start_step
from tests.api.conftest import Service
from tests.api.run_calls import abandon, create_run, fail, finish, resume, retry, states_of

Started = step_calls_pb2.StartStepResponse


def ask(stubs: Service, run: states.Run, invocation: str = "fit", *, may_wait: bool = True) -> Started:
    return start_step(stubs, run, invocation, cache_key="key", may_wait=may_wait)


def test_a_step_that_can_wait_is_told_who_computes_the_same_and_nothing_is_recorded(
    stubs: Service, project: str
) -> None:
    holder, waiter = start_run(stubs, project, name="first"), start_run(stubs, project)
    held = ask(stubs, holder)
    waiting = ask(stubs, waiter)
    assert not waiting.HasField("step_run")
    assert waiting.attempt_token == ""
    assert (waiting.wait.step_run_id, waiting.wait.run_id, waiting.wait.run_name) == (
        held.step_run.id,
        holder.id,
        "first",
    )
    assert waiting.wait.retry_after.ToMilliseconds() == 50
    assert states_of(get_run(stubs, project, waiter.id)) == {}


def test_a_step_that_waited_takes_the_outputs(stubs: Service, project: str) -> None:
    holder, waiter = start_run(stubs, project), start_run(stubs, project)
    held = ask(stubs, holder)
    assert ask(stubs, waiter).HasField("wait")
    complete_step(stubs, project, held, weights=b"1")
    taken = ask(stubs, waiter).step_run
    assert (taken.state, taken.cached_from) == (states.STEP_STATE_CACHED, held.step_run.id)


def test_the_same_request_may_be_sent_again_after_it_was_told_to_wait(stubs: Service, project: str) -> None:
    holder, waiter = start_run(stubs, project), start_run(stubs, project)
    held = ask(stubs, holder)
    request = step_calls_pb2.StartStepRequest(
        project=project,
        request_id=new_request_id(),
        run_id=waiter.id,
        invocation="fit",
        step_name="fit",
        cache_key="key",
        may_wait=True,
    )
    assert stubs.pipelines.StartStep(request).HasField("wait")
    fail(stubs, project, held)
    started = stubs.pipelines.StartStep(request)
    assert started.step_run.state == states.STEP_STATE_RUNNING
    assert stubs.pipelines.StartStep(request) == started  # what it would wait for now is itself


def test_a_step_that_cannot_wait_runs_as_well(stubs: Service, project: str) -> None:
    held = ask(stubs, start_run(stubs, project))
    beside = ask(stubs, start_run(stubs, project), may_wait=False)
    assert beside.step_run.state == states.STEP_STATE_RUNNING
    complete_step(stubs, project, beside, weights=b"1")
    complete_step(stubs, project, held, weights=b"1")


def test_a_step_waits_also_for_one_that_could_not_wait(stubs: Service, project: str) -> None:
    held = ask(stubs, start_run(stubs, project), may_wait=False)
    assert ask(stubs, start_run(stubs, project)).wait.step_run_id == held.step_run.id


def test_equal_steps_of_one_run_wait_for_each_other(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    held = ask(stubs, run)
    assert ask(stubs, run, "fit_2").wait.step_run_id == held.step_run.id
    complete_step(stubs, project, held, weights=b"1")
    assert ask(stubs, run, "fit_2").step_run.state == states.STEP_STATE_CACHED


def test_other_keys_other_projects_and_steps_without_a_key_do_not_wait(stubs: Service, project: str) -> None:
    ask(stubs, start_run(stubs, project))
    run = start_run(stubs, project)
    assert start_step(stubs, run, "a", cache_key="other", may_wait=True).HasField("step_run")
    assert start_step(stubs, run, "b", may_wait=True).HasField("step_run")
    assert start_step(stubs, run, "c", may_wait=True).HasField("step_run")
    assert ask(stubs, start_run(stubs, f"{project}-other")).HasField("step_run")


def test_a_step_that_is_tried_again_keeps_its_key(stubs: Service, project: str) -> None:
    held = ask(stubs, start_run(stubs, project))
    again = retry(stubs, project, held)
    waiter = start_run(stubs, project)
    assert ask(stubs, waiter).wait.step_run_id == held.step_run.id
    fail(stubs, project, again)
    assert ask(stubs, waiter).step_run.state == states.STEP_STATE_RUNNING


def resumed(stubs: Service, run: states.Run) -> None:
    abandon(stubs, run)
    resume(stubs, run)


@pytest.mark.parametrize("lose", [abandon, resumed], ids=["its lease ended", "its run was resumed"])
def test_what_a_lost_runner_held_is_taken_over(
    stubs: Service, project: str, lose: Callable[[Service, states.Run], None]
) -> None:
    holder, waiter = start_run(stubs, project), start_run(stubs, project)
    ask(stubs, holder)
    assert ask(stubs, waiter).HasField("wait")
    lose(stubs, holder)
    taken_over = ask(stubs, waiter)
    assert taken_over.step_run.state == states.STEP_STATE_RUNNING
    third = start_run(stubs, project)
    assert ask(stubs, third).wait.step_run_id == taken_over.step_run.id
    complete_step(stubs, project, taken_over, weights=b"1")
    assert ask(stubs, third).step_run.state == states.STEP_STATE_CACHED


def test_a_step_of_a_resumed_run_holds_its_key_again(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    first = ask(stubs, run)
    resumed(stubs, run)
    again = ask(stubs, run)
    assert (again.step_run.id, again.step_run.attempt) == (first.step_run.id, 2)
    assert ask(stubs, start_run(stubs, project)).wait.step_run_id == again.step_run.id


def test_who_waits_hears_that_its_run_shall_stop(stubs: Service, project: str) -> None:
    ask(stubs, start_run(stubs, project))
    created = create_run(stubs, project)
    waiter = created.run
    stubs.pipelines.CancelRun(
        pipelines.CancelRunRequest(project=project, request_id=new_request_id(), run_id=waiter.id)
    )
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION") as refused:
        ask(stubs, waiter)
    assert refused.refusal.metadata["state"] == "cancelling"
    finish(stubs, waiter, "CANCELLED")
    resume(stubs, waiter)
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        start_step(stubs, waiter, cache_key="key", may_wait=True, driver_token=created.driver_token)


def test_many_runs_at_once_compute_a_key_once(stubs: Service, project: str) -> None:
    computing: list[str] = []
    at_once: list[int] = []
    ended: list[int] = []
    deadline = time.monotonic() + 30

    def run_once() -> None:
        run = start_run(stubs, project)
        while (started := ask(stubs, run)).HasField("wait"):
            assert time.monotonic() < deadline
        if started.step_run.state == states.STEP_STATE_RUNNING:
            computing.append(run.id)
            at_once.append(len(computing))
            complete_step(stubs, project, started, weights=b"1")
            computing.remove(run.id)
        ended.append(started.step_run.state)

    threads = [threading.Thread(target=run_once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert at_once == [1]
    assert sorted(ended) == [states.STEP_STATE_RUNNING, *[states.STEP_STATE_CACHED] * 7]


def test_a_step_that_was_started_before_does_not_wait_for_itself(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    ask(stubs, run)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        ask(stubs, run)
