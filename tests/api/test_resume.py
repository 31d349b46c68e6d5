"""A run that did not complete is taken over: what completed stays, the rest starts again, nobody else goes on."""

from __future__ import annotations

import threading

import grpc
import pytest
from grpc import StatusCode

from argosy.v1 import pipeline_pb2 as states
from argosy.v1 import pipeline_service_pb2 as pipelines
from argosy.v1 import step_calls_pb2
from tests.api.calls import (
    Refusal,
    complete_step,
    create,
    expect_refusal,
    finish_run,
    get,
    get_run,
    new_request_id,
    start_run,
    start_step,
)
from tests.api.conftest import Service
from tests.api.run_calls import (
    abandon,
    create_run,
    fail,
    failed_run,
    finish,
    renew,
    resume,
    retry,
    states_of,
)

MOVES_BYTES = True


def given(version_id: str) -> list[step_calls_pb2.StepInputSpec]:
    return [step_calls_pb2.StepInputSpec(name="x", kind=states.INPUT_KIND_EXTERNAL, version_ids=[version_id])]


def test_a_failed_run_goes_on_where_it_failed(stubs: Service, project: str) -> None:
    run = start_run(stubs, project, name="nightly")
    complete_step(stubs, project, start_step(stubs, run, "load"), rows=b"1")
    failing = start_step(stubs, run)
    fail(stubs, project, failing, "disk full")
    finish(stubs, run, "FAILED", "evaluate")

    resumed = resume(stubs, run).run
    assert (resumed.id, resumed.name, resumed.state, resumed.epoch) == (run.id, "nightly", states.RUN_STATE_RUNNING, 2)
    assert (resumed.HasField("error"), resumed.HasField("end_time")) == (False, False)
    assert states_of(resumed) == {"load": "COMPLETED", "fit": "FAILED", "evaluate": "SKIPPED"}

    again = start_step(stubs, run)
    assert (again.step_run.id, again.step_run.attempt) == (failing.step_run.id, 2)
    assert again.attempt_token != failing.attempt_token
    complete_step(stubs, project, again, weights=b"1")
    evaluated = complete_step(stubs, project, start_step(stubs, run, "evaluate", upstream=["fit"]), score=b"1")
    assert (evaluated.attempt, list(evaluated.attempts)) == (1, [])
    ended = finish_run(stubs, run)
    assert states_of(ended) == {"load": "COMPLETED", "fit": "COMPLETED", "evaluate": "COMPLETED"}
    (attempt,) = ended.steps[1].attempts
    assert (attempt.attempt, attempt.error.message) == (1, "disk full")
    assert (ended.steps[1].attempt, ended.steps[1].HasField("error")) == (2, False)


def test_a_step_that_completed_does_not_start_again(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    complete_step(stubs, project, start_step(stubs, run, "load"), rows=b"1")
    finish(stubs, run)
    resume(stubs, run)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION") as refused:
        start_step(stubs, run, "load")
    assert "completed and does not start again" in refused.refusal.message


def test_a_step_starts_once_also_in_a_resumed_run(stubs: Service, project: str) -> None:
    run = failed_run(stubs, project)
    resume(stubs, run)
    started = start_step(stubs, run)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        start_step(stubs, run)
    fail(stubs, project, started)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        start_step(stubs, run)
    new = start_step(stubs, run, "another")
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        start_step(stubs, run, "another")
    fail(stubs, project, new)
    finish(stubs, run)
    resume(stubs, run)
    assert start_step(stubs, run).step_run.attempt == 3


def test_an_abandoned_run_is_taken_over_and_what_it_left_running_is_void(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    lost = start_step(stubs, run)
    abandon(stubs, run)
    resumed = resume(stubs, run).run
    assert states_of(resumed) == {"fit": "ABANDONED"}
    assert resumed.steps[0].end_time == run.create_time
    for call in (complete_step, fail):
        with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
            call(stubs, project, lost)
    again = start_step(stubs, run)
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        complete_step(stubs, project, lost, weights=b"late")
    complete_step(stubs, project, again, weights=b"1")
    (attempt,) = finish_run(stubs, run).steps[0].attempts
    assert (attempt.attempt, attempt.HasField("error")) == (1, False)
    assert get(stubs, project, name="weights").version == "1"


def test_a_cancelled_run_that_is_resumed_is_not_asked_to_stop_any_more(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    stubs.pipelines.CancelRun(pipelines.CancelRunRequest(project=project, request_id=new_request_id(), run_id=run.id))
    finish(stubs, run, "CANCELLED", "fit")
    assert not resume(stubs, run).run.cancel_requested
    assert start_step(stubs, run).step_run.attempt == 1


def test_a_run_that_runs_or_has_completed_is_not_resumed(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION") as refused:
        resume(stubs, run)
    assert (refused.refusal.metadata["state"], "its runner is alive" in refused.refusal.message) == ("running", True)
    finish_run(stubs, run)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION") as refused:
        resume(stubs, run)
    assert refused.refusal.metadata["state"] == "completed"


def test_of_those_that_resume_at_once_one_wins_and_the_others_hear_of_it(stubs: Service, project: str) -> None:
    run = failed_run(stubs, project)
    won: list[pipelines.ResumeRunResponse] = []
    refused: list[Refusal] = []

    def take_over() -> None:
        try:
            won.append(resume(stubs, run))
        except grpc.RpcError as error:
            refused.append(Refusal(error))

    threads = [threading.Thread(target=take_over) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.run.epoch for answer in won] == [2]
    assert [(refusal.reason, refusal.metadata["epoch"]) for refusal in refused] == [("ILLEGAL_TRANSITION", "2")] * 3
    assert "another runner resumed it at" in refused[0].message
    renew(stubs, run, won[0].driver_token)


def test_resuming_again_with_the_same_request_id_gives_the_same_answer(stubs: Service, project: str) -> None:
    run = failed_run(stubs, project)
    request_id = new_request_id()
    assert resume(stubs, run, request_id) == resume(stubs, run, request_id)
    assert get_run(stubs, project, run.id).epoch == 2


def test_a_runner_that_was_replaced_is_refused(stubs: Service, project: str) -> None:
    created = create_run(stubs, project)
    run, old = created.run, created.driver_token
    renew(stubs, run, old)
    abandon(stubs, run)
    with expect_refusal(StatusCode.ABORTED, "LEASE_EXPIRED"):
        renew(stubs, run, old)
    new = resume(stubs, run).driver_token
    assert new != old
    for call in (
        lambda: renew(stubs, run, old),
        lambda: start_step(stubs, run, driver_token=old),
        lambda: finish(stubs, run, driver_token=old),
    ):
        with expect_refusal(StatusCode.ABORTED, "SUPERSEDED") as refused:
            call()
        assert "was resumed by another runner at" in refused.refusal.message
    renew(stubs, run, new)
    start_step(stubs, run, driver_token=new)
    renew(stubs, run)  # a runner that sends none is trusted


def test_a_runner_that_was_replaced_is_refused_also_when_the_run_has_ended(stubs: Service, project: str) -> None:
    created = create_run(stubs, project)
    abandon(stubs, created.run)
    finish(stubs, created.run, "COMPLETED", driver_token=resume(stubs, created.run).driver_token)
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        finish(stubs, created.run, "COMPLETED", driver_token=created.driver_token)


def test_tokens_are_for_the_runner_alone(stubs: Service, project: str) -> None:
    created = create_run(stubs, project)
    started = start_step(stubs, created.run)
    shown = get_run(stubs, project, created.run.id).SerializeToString()
    assert created.driver_token.encode() not in shown
    assert started.attempt_token.encode() not in shown


def test_an_abandoned_run_whose_name_was_taken_is_not_resumed(stubs: Service, project: str) -> None:
    lost = start_run(stubs, project, name="nightly")
    abandon(stubs, lost)
    start_run(stubs, project, name="nightly")
    with expect_refusal(StatusCode.ALREADY_EXISTS, "RUN_EXISTS") as refused:
        resume(stubs, lost)
    assert "another run is named 'nightly' now" in refused.refusal.message
    assert get_run(stubs, project, lost.id).state == states.RUN_STATE_ABANDONED


def test_a_resumed_run_has_its_name_again(stubs: Service, project: str) -> None:
    lost = start_run(stubs, project, name="nightly")
    abandon(stubs, lost)
    resume(stubs, lost)
    with expect_refusal(StatusCode.ALREADY_EXISTS, "RUN_EXISTS"):
        start_run(stubs, project, name="nightly")


def test_a_step_that_starts_again_shows_the_inputs_it_is_given_now(stubs: Service, project: str) -> None:
    one, two = create(stubs, project, "one"), create(stubs, project, "two")
    run = start_run(stubs, project)
    first = start_step(stubs, run, inputs=given(one.id), parameters={"rate": "1"}, upstream=["load"])
    fail(stubs, project, retry(stubs, project, first))
    finish(stubs, run)
    resume(stubs, run)
    again = start_step(stubs, run, inputs=given(two.id), parameters={"rate": "2"}).step_run
    assert [version.id for version in again.inputs[0].versions] == [two.id]
    assert (dict(again.parameters), list(again.upstream), again.attempt) == ({"rate": "2"}, [], 3)
    shown = get_run(stubs, project, run.id).steps[0]
    assert (shown.inputs, shown.parameters, shown.upstream) == (again.inputs, again.parameters, again.upstream)
    assert [attempt.attempt for attempt in shown.attempts] == [1, 2]


def test_a_step_that_starts_again_may_be_taken_from_cache(stubs: Service, project: str) -> None:
    run = failed_run(stubs, project)
    made = complete_step(stubs, project, start_step(stubs, start_run(stubs, project), cache_key="key"), weights=b"1")
    resume(stubs, run)
    taken = start_step(stubs, run, cache_key="key")
    assert (taken.step_run.state, taken.step_run.attempt, taken.attempt_token) == (states.STEP_STATE_CACHED, 2, "")
    assert [output.version.id for output in taken.step_run.outputs] == [made.outputs[0].version.id]
    assert get_run(stubs, project, run.id).steps[0] == taken.step_run
    assert finish(stubs, run, "COMPLETED").state == states.RUN_STATE_COMPLETED


def test_what_was_skipped_before_may_be_skipped_again(stubs: Service, project: str) -> None:
    run = failed_run(stubs, project)
    resume(stubs, run)
    fail(stubs, project, start_step(stubs, run))
    ended = finish(stubs, run, "FAILED", "evaluate", "report")
    assert states_of(ended) == {"fit": "FAILED", "evaluate": "SKIPPED", "report": "SKIPPED"}
    assert [(step.attempt, list(step.upstream)) for step in ended.steps[1:]] == [(0, ["fit"]), (0, ["fit"])]


def test_what_started_cannot_be_called_skipped(stubs: Service, project: str) -> None:
    run = failed_run(stubs, project)
    resume(stubs, run)
    fail(stubs, project, start_step(stubs, run))
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        finish(stubs, run, "FAILED", "fit")


def test_a_step_that_failed_before_and_is_no_part_of_the_pipeline_any_more_does_not_keep_a_run_from_completing(
    stubs: Service, project: str
) -> None:
    run = failed_run(stubs, project)
    resume(stubs, run)
    complete_step(stubs, project, start_step(stubs, run, "fit_better"), weights=b"1")
    assert finish(stubs, run, "COMPLETED").state == states.RUN_STATE_COMPLETED


def test_a_run_tells_where_its_pipeline_is_defined(stubs: Service, project: str) -> None:
    file = "/src/" + "x" * 300 + "/train.py"
    entry_point = states.EntryPoint(module="train", qualname="training", file=file, arguments=["--rows", "5", ""])
    run = create_run(stubs, project, entry_point=entry_point).run
    assert get_run(stubs, project, run.id).entry_point == entry_point
    assert not get_run(stubs, project, create_run(stubs, project).run.id).HasField("entry_point")


@pytest.mark.parametrize(
    ("field", "entry_point"),
    [
        ("entry_point.module", states.EntryPoint(qualname="training")),
        ("entry_point.qualname", states.EntryPoint(module="train")),
        ("entry_point.file", states.EntryPoint(module="train", qualname="training", file="x" * 5000)),
        ("entry_point.arguments", states.EntryPoint(module="train", qualname="training", arguments=["x" * 16_384])),
    ],
)
def test_a_bad_entry_point_is_refused(stubs: Service, project: str, field: str, entry_point: states.EntryPoint) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        create_run(stubs, project, entry_point=entry_point)
    assert refused.refusal.fields == [field]


def test_what_was_lost_and_did_not_start_again_keeps_a_run_neither_from_failing_nor_from_completing(
    stubs: Service, project: str
) -> None:
    run = start_run(stubs, project)
    start_step(stubs, run, "load")
    abandon(stubs, run)
    resume(stubs, run)
    fail(stubs, project, start_step(stubs, run))
    assert states_of(finish(stubs, run, "FAILED", "load")) == {"load": "ABANDONED", "fit": "FAILED"}
    resume(stubs, run)
    complete_step(stubs, project, start_step(stubs, run), weights=b"1")
    assert finish(stubs, run, "COMPLETED").state == states.RUN_STATE_COMPLETED
