"""Attempts of a step: the next one follows a failure, the one before is over and answers for what it did."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from grpc import StatusCode

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import artifact_service_pb2 as artifacts
from argosy.v1 import pipeline_pb2 as states
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
    upload_parts,
)
from tests.api.conftest import Service
from tests.api.run_calls import ERROR, abandon, fail, resume, retry, states_of


def load(stubs: Stubs, project: str, name: str) -> step_calls_pb2.LoadedInput:
    version = get(stubs, project, name=name)
    return step_calls_pb2.LoadedInput(selector=nouns.VersionSelector(name=name), version_id=version.id)


def test_a_retried_step_goes_on_running_under_a_new_token(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    first = start_step(stubs, run)
    second = retry(stubs, project, first, "first time")
    third = retry(stubs, project, second, "second time")
    assert len({first.attempt_token, second.attempt_token, third.attempt_token}) == 3
    assert (third.step_run.state, third.step_run.attempt) == (states.STEP_STATE_RUNNING, 3)
    completed = complete_step(stubs, project, third, weights=b"1")
    assert (completed.state, completed.attempt, completed.HasField("error")) == (states.STEP_STATE_COMPLETED, 3, False)
    assert [(attempt.attempt, attempt.error.message) for attempt in completed.attempts] == [
        (1, "first time"),
        (2, "second time"),
    ]
    times = [(attempt.start_time.ToNanoseconds(), attempt.end_time.ToNanoseconds()) for attempt in completed.attempts]
    assert times[0][0] <= times[0][1] <= times[1][0] <= times[1][1] <= completed.start_time.ToNanoseconds()
    assert finish_run(stubs, run).steps[0].attempts == completed.attempts


def test_the_token_of_an_attempt_that_is_over_is_refused(stubs: Stubs, project: str) -> None:
    first = start_step(stubs, start_run(stubs, project))
    retry(stubs, project, first)
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        complete_step(stubs, project, first, weights=b"1")
    with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
        fail(stubs, project, first)
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        get(stubs, project, name="weights")


def test_a_retry_that_is_sent_twice_begins_one_attempt(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    started = start_step(stubs, run)
    request = step_calls_pb2.FailStepRequest(
        project=project,
        request_id=new_request_id(),
        step_run_id=started.step_run.id,
        attempt_token=started.attempt_token,
        state=states.STEP_STATE_FAILED,
        error=ERROR,
        retry=True,
    )
    assert stubs.pipelines.FailStep(request) == stubs.pipelines.FailStep(request)
    assert get_run(stubs, project, run.id).steps[0].attempt == 2


def never_began(
    stubs: Stubs, project: str, started: step_calls_pb2.StartStepResponse, **fields: Any
) -> step_calls_pb2.FailStepResponse:
    return fail(stubs, project, started, error=None, never_began=True, **fields)


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_an_attempt_that_never_began_does_not_count(stubs: Stubs, project: str, state: str) -> None:
    run = start_run(stubs, project)
    second = retry(stubs, project, start_step(stubs, run), "first time")
    ended = never_began(stubs, project, second, state=states.StepState.Value(f"STEP_STATE_{state}")).step_run
    assert (states.StepState.Name(ended.state), ended.attempt) == (f"STEP_STATE_{state}", 1)
    assert (ended.error.message, list(ended.attempts)) == ("first time", [])
    assert get_run(stubs, project, run.id).steps[0] == ended


def test_only_an_attempt_that_follows_another_can_be_said_to_have_never_begun(stubs: Stubs, project: str) -> None:
    create(stubs, project, "data")
    run = start_run(stubs, project)
    first = start_step(stubs, run)
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        never_began(stubs, project, first)
    assert refused.refusal.fields == ["never_began"]
    second = retry(stubs, project, first)
    for wrong in ({"retry": True}, {"loaded": [load(stubs, project, "data")]}):
        with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
            never_began(stubs, project, second, **wrong)
        assert refused.refusal.fields == ["never_began"]
    assert get_run(stubs, project, run.id).steps[0].attempt == 2


def test_a_failure_that_is_not_retried_gives_no_token_and_can_not_be_retried_later(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    started = start_step(stubs, run)
    failed = fail(stubs, project, started)
    assert (failed.step_run.state, failed.attempt_token) == (states.STEP_STATE_FAILED, "")
    with expect_refusal(StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"):
        retry(stubs, project, started)
    assert states_of(get_run(stubs, project, run.id)) == {"fit": "FAILED"}


def test_a_step_that_was_stopped_is_not_retried(stubs: Stubs, project: str) -> None:
    started = start_step(stubs, start_run(stubs, project))
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        retry(stubs, project, started, state=states.STEP_STATE_CANCELLED)
    assert refused.refusal.fields == ["retry"]


def test_what_an_attempt_saved_and_loaded_stays_and_names_it(stubs: Stubs, project: str) -> None:
    create(stubs, project, "data")
    run = start_run(stubs, project)
    first = start_step(stubs, run)
    create(stubs, project, "early", step_run_id=first.step_run.id, step_attempt=1)
    second = retry(stubs, project, first, loaded=[load(stubs, project, "data")])
    create(stubs, project, "late", step_run_id=second.step_run.id, step_attempt=2)
    create(stubs, project, "later", step_run_id=second.step_run.id)
    complete_step(stubs, project, second, weights=b"1")
    (step,) = finish_run(stubs, run).steps
    assert {version.name: version.producer.attempt for version in step.saved} == {"early": 1, "late": 2, "later": 2}
    assert [version.name for version in step.loaded] == ["data"]
    assert get(stubs, project, name="weights").producer.attempt == 2


def refuses_to_save(stubs: Stubs, project: str, started: step_calls_pb2.StartStepResponse, *attempts: int) -> None:
    """Save inside these attempts of a step in each of the three ways, and expect that nothing of it is kept."""
    for attempt in attempts:
        inside: dict[str, Any] = {"step_run_id": started.step_run.id, "step_attempt": attempt}
        with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
            create(stubs, project, "late", **inside)
        parts = upload_parts(project, "late", b"1")
        start = next(parts)
        start.start.spec.MergeFrom(nouns.ArtifactSpec(**inside))
        with expect_refusal(StatusCode.ABORTED, "SUPERSEDED"):
            stubs.artifacts.UploadArtifact(itertools.chain([start], parts))
        spec = nouns.ArtifactSpec(name="late", format="bytes", **inside)
        file = nouns.NewArtifactFile(path="data.bin", inline_content=b"1")
        request = artifacts.BatchCreateArtifactVersionsRequest(
            project=project,
            request_id=new_request_id(),
            versions=[nouns.NewArtifactVersion(spec=spec, files=[file])],
        )
        (result,) = stubs.artifacts.BatchCreateArtifactVersions(request).results
        assert (result.status.code, result.status.reason) == (StatusCode.ABORTED.value[0], "SUPERSEDED")
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        get(stubs, project, name="late")


def test_an_attempt_that_was_given_up_saves_nothing_more(stubs: Stubs, project: str) -> None:
    first = start_step(stubs, start_run(stubs, project))
    retry(stubs, project, first)
    refuses_to_save(stubs, project, first, 1)


def test_a_step_that_has_ended_saves_nothing_more(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    completed = start_step(stubs, run)
    complete_step(stubs, project, completed, weights=b"1")
    failed = start_step(stubs, run, "judge")
    fail(stubs, project, failed)
    refuses_to_save(stubs, project, completed, 0, 1)
    refuses_to_save(stubs, project, failed, 0, 1)


def test_a_replaced_runner_saves_nothing_more(stubs: Service, project: str) -> None:
    run = start_run(stubs, project)
    started = start_step(stubs, run)
    abandon(stubs, run)
    refuses_to_save(stubs, project, started, 0, 1)
    resume(stubs, run)
    refuses_to_save(stubs, project, started, 0, 1)
    again = start_step(stubs, run)
    refuses_to_save(stubs, project, started, 1)
    complete_step(stubs, project, again, weights=b"1")
    refuses_to_save(stubs, project, started, 0, 1)


def test_a_version_cannot_be_saved_in_an_attempt_that_was_not_begun(stubs: Stubs, project: str) -> None:
    started = start_step(stubs, start_run(stubs, project))
    for attempt in (2, -1):
        with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
            create(stubs, project, "weights", step_run_id=started.step_run.id, step_attempt=attempt)
        assert refused.refusal.fields == ["spec.step_attempt"]


def test_a_hit_replays_only_what_the_last_attempt_saved_and_loaded(stubs: Stubs, project: str) -> None:
    create(stubs, project, "old")
    create(stubs, project, "data")
    first = start_step(stubs, start_run(stubs, project), cache_key="key")
    create(stubs, project, "early", step_run_id=first.step_run.id)
    second = retry(stubs, project, first, loaded=[load(stubs, project, "old")])
    create(stubs, project, "late", step_run_id=second.step_run.id)
    complete_step(stubs, project, second, [load(stubs, project, "data")], weights=b"1")
    # What a failed attempt had to do with may change: nothing depends on it.
    create(stubs, project, "old", b"2")
    create(stubs, project, "early", b"2")
    run = start_run(stubs, project)
    hit = start_step(stubs, run, cache_key="key").step_run
    assert hit.state == states.STEP_STATE_CACHED
    assert ([version.name for version in hit.saved], [version.name for version in hit.loaded]) == (["late"], ["data"])
    assert get_run(stubs, project, run.id).steps[0] == hit


def test_facts_of_a_step_are_kept_and_later_ones_win(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    second = retry(stubs, project, start_step(stubs, run), metadata={"rows": "1", "tries": "1"})
    assert dict(second.step_run.metadata) == {"rows": "1", "tries": "1"}
    request = step_calls_pb2.CompleteStepRequest(
        project=project,
        request_id=new_request_id(),
        step_run_id=second.step_run.id,
        attempt_token=second.attempt_token,
        metadata={"rows": "2", "loss": "0.5"},
    )
    completed = stubs.pipelines.CompleteStep(request).step_run
    assert dict(completed.metadata) == {"rows": "2", "tries": "1", "loss": "0.5"}
    assert finish_run(stubs, run).steps[0] == completed


@pytest.mark.parametrize("text", ["no json", ""])
def test_a_fact_of_a_step_that_is_no_json_is_refused(stubs: Stubs, project: str, text: str) -> None:
    started = start_step(stubs, start_run(stubs, project))
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        fail(stubs, project, started, metadata={"rows": text})
    assert refused.refusal.fields == ["metadata['rows']"]


def test_a_step_tells_what_it_had_to_wait_for(stubs: Stubs, project: str) -> None:
    run = start_run(stubs, project)
    complete_step(stubs, project, start_step(stubs, run, "load"))
    assert list(start_step(stubs, run, upstream=["load", "load"]).step_run.upstream) == ["load"]
    assert list(get_run(stubs, project, run.id).steps[1].upstream) == ["load"]
