from __future__ import annotations

from typing import Any

import pytest
from grpc import StatusCode

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import pipeline_pb2 as states
from argosy.v1 import pipeline_service_pb2 as pipelines
from argosy.v1 import step_calls_pb2
from tests.api.calls import (
    Stubs,
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

ABSENT = "3a92ae32-a764-4420-98ba-07da8f742b76"


def cancel(stubs: Stubs, run: states.Run) -> states.Run:
    request = pipelines.CancelRunRequest(project=run.project, request_id=new_request_id(), run_id=run.id)
    return stubs.pipelines.CancelRun(request).run


def renew(stubs: Stubs, run: states.Run) -> states.Run:
    request = pipelines.RenewRunRequest(project=run.project, request_id=new_request_id(), run_id=run.id)
    return stubs.pipelines.RenewRun(request).run


def fail_step(
    stubs: Stubs, project: str, started: step_calls_pb2.StartStepResponse, state: str = "FAILED"
) -> states.StepRun:
    request = step_calls_pb2.FailStepRequest(
        project=project,
        request_id=new_request_id(),
        step_run_id=started.step_run.id,
        attempt_token=started.attempt_token,
        state=states.StepState.Value(f"STEP_STATE_{state}"),
        error=states.RunError(type="builtins:ValueError", message="no"),
    )
    return stubs.pipelines.FailStep(request).step_run


def test_a_run_is_recorded_from_start_to_end(stubs: Stubs, project: str) -> None:
    data = create(stubs, project, "data", b"rows")
    run = start_run(stubs, project, name="first")
    assert (run.state, run.name) == (states.RUN_STATE_RUNNING, "first")
    spec = step_calls_pb2.StepInputSpec(name="x", kind=states.INPUT_KIND_EXTERNAL, version_ids=[data.id])
    started = start_step(stubs, run, parameters={"rate": "0.1"}, inputs=[spec])
    saved = create(stubs, project, "side", step_run_id=started.step_run.id)
    loaded = step_calls_pb2.LoadedInput(selector=nouns.VersionSelector(name="data"), version_id=data.id)
    complete_step(stubs, project, started, loaded=[loaded], weights=b"w")
    finished = finish_run(stubs, run)
    assert finished == get_run(stubs, project, "first") == get_run(stubs, project, run.id)
    (step,) = finished.steps
    assert (finished.state, step.state) == (states.RUN_STATE_COMPLETED, states.STEP_STATE_COMPLETED)
    assert dict(step.parameters) == {"rate": "0.1"}
    assert [(given.name, [version.id for version in given.versions]) for given in step.inputs] == [("x", [data.id])]
    assert [output.name for output in step.outputs] == ["weights"]
    assert ([version.id for version in step.saved], [version.id for version in step.loaded]) == ([saved.id], [data.id])
    made = get(stubs, project, name="weights")
    producer = made.producer
    assert (producer.run_id, producer.invocation, producer.output_name) == (run.id, "fit", "weights")
    assert made.kind == nouns.ARTIFACT_KIND_STEP_OUTPUT


def test_lists_of_artifacts_keep_their_order(stubs: Stubs, project: str) -> None:
    ids = [create(stubs, project, name).id for name in ["b", "a", "c"]]
    spec = step_calls_pb2.StepInputSpec(
        name="parts", kind=states.INPUT_KIND_EXTERNAL, is_list=True, version_ids=[*ids, ids[0]]
    )
    started = start_step(stubs, start_run(stubs, project), inputs=[spec])
    (given,) = started.step_run.inputs
    assert (given.is_list, [version.id for version in given.versions]) == (True, [*ids, ids[0]])


def test_outputs_appear_all_together_or_not_at_all(stubs: Stubs, project: str) -> None:
    create(stubs, project, "second", version="taken")
    run = start_run(stubs, project)
    started = start_step(stubs, run)
    request = step_calls_pb2.CompleteStepRequest(
        project=project,
        request_id=new_request_id(),
        step_run_id=started.step_run.id,
        attempt_token=started.attempt_token,
    )
    for name, version in [("first", ""), ("second", "taken")]:
        output = request.outputs.add(name=name, spec=nouns.ArtifactSpec(name=name, version=version, format="bytes"))
        output.files.add(path="data.bin", inline_content=b"x")
    with expect_refusal(StatusCode.ALREADY_EXISTS, "VERSION_EXISTS"):
        stubs.pipelines.CompleteStep(request)
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        get(stubs, project, name="first")
    assert get_run(stubs, project, run.id).steps[0].state == states.STEP_STATE_RUNNING


def test_a_step_completes_once_and_a_retry_changes_nothing(stubs: Stubs, project: str) -> None:
    started = start_step(stubs, start_run(stubs, project))
    complete_step(stubs, project, started, weights=b"1")
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        complete_step(stubs, project, started, weights=b"1")
    assert get(stubs, project, name="weights").version == "1"


def test_a_zombie_without_the_token_is_refused(stubs: Stubs, project: str) -> None:
    started = start_step(stubs, start_run(stubs, project))
    started.attempt_token = "stale"
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        complete_step(stubs, project, started, weights=b"1")
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        fail_step(stubs, project, started)


def test_a_failed_step_fails_the_run_and_the_rest_is_skipped(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    failed = fail_step(stubs, project, start_step(stubs, run))
    assert (failed.state, failed.error.message) == (states.STEP_STATE_FAILED, "no")
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        finish_run(stubs, run, "COMPLETED")
    request = pipelines.FinishRunRequest(
        project=project,
        request_id=new_request_id(),
        run_id=run.id,
        state=states.RUN_STATE_FAILED,
        error=states.RunError(type="builtins:ValueError", message="no", invocation="fit"),
        skipped=[pipelines.SkippedStep(invocation="evaluate", step_name="evaluate")],
    )
    ended = stubs.pipelines.FinishRun(request).run
    assert (ended.state, ended.error.invocation) == (states.RUN_STATE_FAILED, "fit")
    assert [step.state for step in ended.steps] == [states.STEP_STATE_FAILED, states.STEP_STATE_SKIPPED]


def test_a_run_does_not_end_while_a_step_runs(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    start_step(stubs, run)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        finish_run(stubs, run)


def test_a_run_that_ended_stays_as_it_is(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    finish_run(stubs, run)
    for call in (finish_run, renew, cancel, start_step):
        with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
            call(stubs, run)


def test_an_invocation_starts_once_in_a_run(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    start_step(stubs, run)
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        start_step(stubs, run)


def test_a_cancelled_run_hears_of_it_at_renewal_and_at_the_next_step(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    assert not renew(stubs, run).cancel_requested
    assert cancel(stubs, run).cancel_requested
    assert renew(stubs, run).cancel_requested
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        start_step(stubs, run)
    assert finish_run(stubs, run, "CANCELLED").state == states.RUN_STATE_CANCELLED


def test_renewal_moves_the_lease(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    assert renew(stubs, run).lease_expire_time.ToNanoseconds() > run.lease_expire_time.ToNanoseconds()


def test_a_run_name_is_given_once(stubs: Stubs, project: str) -> None:
    start_run(stubs, project, name="nightly")
    with expect_refusal(StatusCode.ALREADY_EXISTS, "RUN_EXISTS"):
        start_run(stubs, project, name="nightly")


def test_a_run_without_a_name_gets_one_of_its_pipeline(stubs: Stubs, project: str) -> None:
    first, second = start_run(stubs, project), start_run(stubs, project)
    assert first.name.startswith("training-")
    assert first.name != second.name


def test_the_name_a_run_gets_is_a_name_also_for_a_long_pipeline(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project, "x" * 255)
    assert get_run(stubs, project, run.name).id == run.id


def test_answers_about_runs_leave_metadata_out_where_they_would_be_too_large(stubs: Stubs, project: str) -> None:
    metadata = {"text": '"' + "x" * 250_000 + '"'}
    inputs = [create(stubs, project, f"x{number}", metadata=metadata).id for number in range(20)]
    given = step_calls_pb2.StepInputSpec(name="xs", kind=states.INPUT_KIND_EXTERNAL, is_list=True, version_ids=inputs)
    run = start_run(stubs, project)
    started = start_step(stubs, run, inputs=[given])
    assert [version.id for version in started.step_run.inputs[0].versions] == inputs
    completed = complete_step(stubs, project, started, model=b"model")
    assert completed.outputs[0].version.files[0].size_bytes == 5
    finished = finish_run(stubs, run)
    assert finished == get_run(stubs, project, run.id)
    assert [version.name for version in finished.steps[0].inputs[0].versions] == [f"x{number}" for number in range(20)]


def test_more_inputs_or_outputs_than_a_step_may_have_are_refused(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    inputs = [
        step_calls_pb2.StepInputSpec(name=f"x{number}", kind=states.INPUT_KIND_EXTERNAL, is_list=True)
        for number in range(1001)
    ]
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
        start_step(stubs, run, inputs=inputs)
    started = start_step(stubs, run)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "LIMIT_EXCEEDED"):
        complete_step(stubs, project, started, (), **{f"x{number}": b"" for number in range(1001)})
    assert get_run(stubs, project, run.id).steps[0].state == states.STEP_STATE_RUNNING


def test_runs_are_listed_newest_first_and_filtered(stubs: Stubs, project: str) -> None:
    runs = [start_run(stubs, project, pipeline, name) for pipeline, name in [("a", "1"), ("b", "2"), ("a", "3")]]
    finish_run(stubs, runs[0])

    def listed(**filters: Any) -> list[str]:
        request = pipelines.ListRunsRequest(project=project, **filters)
        return [run.name for run in stubs.pipelines.ListRuns(request).runs]

    assert listed() == ["3", "2", "1"]
    assert listed(pipeline_name="a") == ["3", "1"]
    assert listed(state=states.RUN_STATE_RUNNING) == ["3", "2"]
    first_page = stubs.pipelines.ListRuns(pipelines.ListRunsRequest(project=project, page_size=2))
    assert listed(page_size=2, page_token=first_page.next_page_token) == ["1"]


def test_pipelines_are_listed_with_their_latest_run(stubs: Stubs, project: str) -> None:
    for pipeline, name in [("b", "1"), ("a", "2"), ("b", "3")]:
        start_run(stubs, project, pipeline, name)
    listed = stubs.pipelines.ListPipelines(pipelines.ListPipelinesRequest(project=project)).pipelines
    assert [(row.name, row.latest_run.name, row.run_count) for row in listed] == [("a", "2", 1), ("b", "3", 2)]


def test_unknown_runs_and_steps_are_not_found_also_from_another_project(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    started = start_step(stubs, run)
    other = f"{project}-other"
    with expect_refusal(StatusCode.NOT_FOUND, "RUN_NOT_FOUND"):
        get_run(stubs, project, ABSENT)
    with expect_refusal(StatusCode.NOT_FOUND, "RUN_NOT_FOUND"):
        get_run(stubs, other, run.id)
    with expect_refusal(StatusCode.NOT_FOUND, "RUN_NOT_FOUND"):
        complete_step(stubs, other, started)
    with expect_refusal(StatusCode.NOT_FOUND, "RUN_NOT_FOUND"):
        fail_step(stubs, other, started)
    elsewhere = states.Run()
    elsewhere.CopyFrom(run)
    elsewhere.project = other
    for call in (renew, cancel, finish_run, start_step):
        with expect_refusal(StatusCode.NOT_FOUND, "RUN_NOT_FOUND"):
            call(stubs, elsewhere)


def test_an_input_that_does_not_exist_is_refused(stubs: Stubs, project: str) -> None:
    elsewhere = create(stubs, f"{project}-other", "data").id
    for version_id in (ABSENT, elsewhere):
        spec = step_calls_pb2.StepInputSpec(name="x", kind=states.INPUT_KIND_EXTERNAL, version_ids=[version_id])
        with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
            start_step(stubs, start_run(stubs, project), inputs=[spec])


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("parameters['rate']", {"parameters": {"rate": "not json"}}),
        ("inputs[0].kind", {"inputs": [step_calls_pb2.StepInputSpec(name="x", version_ids=[ABSENT])]}),
        (
            "inputs[0].version_ids",
            {"inputs": [step_calls_pb2.StepInputSpec(name="x", kind=states.INPUT_KIND_EXTERNAL, version_ids=["no"])]},
        ),
        (
            "inputs[0].kinds",
            {
                "inputs": [
                    step_calls_pb2.StepInputSpec(
                        name="x",
                        kind=states.INPUT_KIND_EXTERNAL,
                        is_list=True,
                        version_ids=[ABSENT, ABSENT],
                        kinds=[states.INPUT_KIND_EXTERNAL],
                    )
                ]
            },
        ),
    ],
)
def test_a_bad_field_of_a_step_is_named(stubs: Stubs, project: str, field: str, fields: dict[str, Any]) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        start_step(stubs, start_run(stubs, project), **fields)
    assert refused.refusal.fields == [field]


@pytest.mark.parametrize("name", ["", "..", "a\0"])
def test_bad_pipeline_names_are_refused(stubs: Stubs, project: str, name: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        start_run(stubs, project, name)
    assert refused.refusal.fields == ["pipeline_name"]


@pytest.mark.parametrize("state", ["RUNNING", "ABANDONED", "UNSPECIFIED"])
def test_a_run_ends_only_in_a_final_state(stubs: Stubs, project: str, state: str) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        finish_run(stubs, start_run(stubs, project), state)
    assert refused.refusal.fields == ["state"]


@pytest.mark.parametrize("state", ["COMPLETED", "RUNNING", "SKIPPED"])
def test_a_step_fails_only_as_failed_or_cancelled(stubs: Stubs, project: str, state: str) -> None:
    started = start_step(stubs, start_run(stubs, project))
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        fail_step(stubs, project, started, state)
    assert refused.refusal.fields == ["state"]
