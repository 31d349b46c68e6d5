"""When a step's outputs are taken from an earlier step run, and why not, by raw stubs."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import pipeline_pb2 as states
from argosy.v1 import step_cache_pb2, step_calls_pb2
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
from tests.api.conftest import Service
from tests.api.past_the_service import alter
from tests.api.run_calls import cache_entries, evict, explain
from tests.api.test_change_versions import delete


def run_once(stubs: Stubs, project: str, cache_key: str, content: bytes = b"1", **fields: Any) -> states.StepRun:
    """A whole run of one step; returns the step run as it ended."""
    run = start_run(stubs, project)
    started = start_step(stubs, run, cache_key=cache_key, **fields)
    step = started.step_run
    if step.state == states.STEP_STATE_RUNNING:
        complete_step(stubs, project, started, weights=content)
    return next(iter(finish_run(stubs, run).steps))


def test_an_equal_key_takes_the_outputs_from_cache(stubs: Stubs, project: str) -> None:
    first = run_once(stubs, project, "key", b"1")
    second = run_once(stubs, project, "key", b"2")
    assert (second.state, second.cached_from) == (states.STEP_STATE_CACHED, first.id)
    assert second.outputs[0].version.id == first.outputs[0].version.id
    assert run_once(stubs, project, "key").cached_from == first.id  # a hit on a hit names the origin


def test_a_hit_leaves_this_runs_own_inputs_as_they_are(stubs: Stubs, project: str) -> None:
    one, two = create(stubs, project, "one").id, create(stubs, project, "two").id
    inputs = [
        [step_calls_pb2.StepInputSpec(name="x", kind=states.INPUT_KIND_EXTERNAL, version_ids=[version])]
        for version in (one, two)
    ]
    run_once(stubs, project, "key", inputs=inputs[0])
    assert run_once(stubs, project, "key", inputs=inputs[1]).inputs[0].versions[0].id == two


def test_the_answer_of_a_start_is_what_the_run_shows_from_then_on(stubs: Stubs, project: str) -> None:
    one, two = create(stubs, project, "one", tags=["t"]), create(stubs, project, "two")
    inputs = [
        step_calls_pb2.StepInputSpec(name="x", kind=states.INPUT_KIND_EXTERNAL, version_ids=[two.id]),
        step_calls_pb2.StepInputSpec(
            name="xs", kind=states.INPUT_KIND_STEP_OUTPUT, is_list=True, version_ids=[two.id, one.id, two.id]
        ),
        step_calls_pb2.StepInputSpec(name="none", kind=states.INPUT_KIND_EXTERNAL, is_list=True),
        step_calls_pb2.StepInputSpec(
            name="mixed",
            kind=states.INPUT_KIND_STEP_OUTPUT,
            is_list=True,
            version_ids=[one.id, two.id],
            kinds=[states.INPUT_KIND_STEP_OUTPUT, states.INPUT_KIND_EXTERNAL],
        ),
    ]
    loaded = step_calls_pb2.LoadedInput(selector=nouns.VersionSelector(name="one"), version_id=one.id)
    for state in (states.STEP_STATE_RUNNING, states.STEP_STATE_CACHED):
        run = start_run(stubs, project)
        started = start_step(
            stubs, run, cache_key="key", inputs=inputs, parameters={"rate": "0.1"}, cache_key_parts={"code": "c"}
        )
        assert started.step_run.state == state
        assert get_run(stubs, project, run.id).steps[0] == started.step_run
        if state == states.STEP_STATE_RUNNING:
            create(stubs, project, "saved", step_run_id=started.step_run.id)
            complete_step(stubs, project, started, [loaded], second=b"2", first=b"1")
    assert [output.name for output in started.step_run.outputs] == ["second", "first"]
    assert [version.name for version in (*started.step_run.saved, *started.step_run.loaded)] == ["saved", "one"]


def test_a_miss_says_which_part_differs(stubs: Stubs, project: str) -> None:
    parts = {"code": "a", "parameter:rate": "0.1"}
    assert list(run_once(stubs, project, "one", cache_key_parts=parts).cache_miss) == ["first_run"]
    changed = run_once(stubs, project, "two", cache_key_parts={**parts, "parameter:rate": "0.2"})
    assert list(changed.cache_miss) == ["parameter:rate"]
    assert list(run_once(stubs, project, "").cache_miss) == ["disabled"]


def test_deleted_outputs_are_no_hit(stubs: Stubs, project: str) -> None:
    first = run_once(stubs, project, "key")
    delete(stubs, project, first.outputs[0].version.id, force=True)
    second = run_once(stubs, project, "key")
    assert (second.state, list(second.cache_miss)) == (states.STEP_STATE_COMPLETED, ["outputs_deleted"])


def test_a_name_that_means_another_version_now_is_no_hit(stubs: Stubs, project: str) -> None:
    def once() -> step_calls_pb2.StartStepResponse:
        run = start_run(stubs, project)
        started = start_step(stubs, run, cache_key="key")
        if started.step_run.state == states.STEP_STATE_RUNNING:
            current = get(stubs, project, name="data")
            loaded = step_calls_pb2.LoadedInput(selector=nouns.VersionSelector(name="data"), version_id=current.id)
            complete_step(stubs, project, started, loaded=[loaded], weights=b"1")
        finish_run(stubs, run)
        return started

    create(stubs, project, "data", b"old")
    once()
    assert once().step_run.state == states.STEP_STATE_CACHED
    create(stubs, project, "data", b"new")
    assert list(once().step_run.cache_miss) == ["loaded:data"]


def test_a_step_that_saved_under_a_name_with_a_newer_version_now_is_no_hit(stubs: Stubs, project: str) -> None:
    def once(key: str, version: str = "") -> states.StepRun:
        run = start_run(stubs, project)
        started = start_step(stubs, run, cache_key=key)
        if started.step_run.state == states.STEP_STATE_RUNNING:
            create(stubs, project, "inner", key.encode(), version=version, step_run_id=started.step_run.id)
            complete_step(stubs, project, started, weights=key.encode())
        finish_run(stubs, run)
        return started.step_run

    once("a")
    assert once("a").state == states.STEP_STATE_CACHED
    once("b")
    assert list(once("a").cache_miss) == ["saved:inner"]
    assert get(stubs, project, name="inner").version == "3"
    once("c", version="label")
    create(stubs, project, "inner")
    assert once("c").state == states.STEP_STATE_CACHED  # the label still says which one is meant


def aged(stubs: Service, step: states.StepRun, days: int) -> None:
    """Let a step run have ended days ago."""
    microseconds = days * 24 * 3600 * 1_000_000
    alter(stubs, f"UPDATE step_runs SET ended_at = ended_at - {microseconds} WHERE id = :id", id=step.id)


def test_outputs_that_are_too_old_are_no_hit(stubs: Service, project: str) -> None:
    old = run_once(stubs, project, "key")
    aged(stubs, old, 2)
    day, week = Duration(seconds=24 * 3600), Duration(seconds=7 * 24 * 3600)
    assert run_once(stubs, project, "key", max_age=week).cached_from == old.id
    assert run_once(stubs, project, "key").cached_from == old.id
    expired = run_once(stubs, project, "key", max_age=day)
    assert (expired.state, list(expired.cache_miss)) == (states.STEP_STATE_COMPLETED, ["expired"])
    assert run_once(stubs, project, "key", max_age=day).cached_from == expired.id
    assert list(run_once(stubs, project, "key", max_age=Duration()).cache_miss) == ["expired"]


@pytest.mark.parametrize("seconds", [-1, 10**11, 10**18], ids=["negative", "too long", "uncountable"])
def test_an_age_that_cannot_be_is_refused(stubs: Service, project: str, seconds: int) -> None:
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        run_once(stubs, project, "key", max_age=Duration(seconds=seconds))
    assert refused.refusal.fields == ["max_age"]


def test_what_was_evicted_is_no_hit_and_its_outputs_stay(stubs: Service, project: str) -> None:
    first = run_once(stubs, project, "key", b"1")
    assert evict(stubs, project, step_run_ids=[first.id]) == 1
    assert evict(stubs, project, step_run_ids=[first.id]) == 0
    second = run_once(stubs, project, "key", b"2")
    assert (second.state, list(second.cache_miss)) == (states.STEP_STATE_COMPLETED, ["evicted"])
    assert run_once(stubs, project, "key").cached_from == second.id
    assert get(stubs, project, name="weights", version="1").id == first.outputs[0].version.id


def test_a_key_that_differs_from_an_evicted_run_is_explained_by_what_differs(stubs: Service, project: str) -> None:
    run_once(stubs, project, "a", cache_key_parts={"code": "1"})
    evict(stubs, project, everything=True)
    assert list(run_once(stubs, project, "b", cache_key_parts={"code": "2"}).cache_miss) == ["code"]


def test_what_may_be_reused_is_listed_newest_first_with_its_hits_and_size(stubs: Service, project: str) -> None:
    first = run_once(stubs, project, "a", b"123")
    second = run_once(stubs, project, "b", b"12345")
    run_once(stubs, project, "a")
    run_once(stubs, project, "a")
    run_once(stubs, project, "")
    start_step(stubs, start_run(stubs, project), cache_key="c")
    run_once(stubs, f"{project}-other", "a")
    entries = cache_entries(stubs, project).entries
    assert [(entry.step_run_id, entry.cache_key, entry.hit_count, entry.size_bytes) for entry in entries] == [
        (second.id, "b", 0, 5),
        (first.id, "a", 2, 3),
    ]
    entry = entries[1]
    assert (entry.run_id, entry.pipeline_name, entry.step_name, entry.invocation) == (
        first.run_id,
        "training",
        "fit",
        "fit",
    )
    assert entry.run_name == get_run(stubs, project, first.run_id).name
    assert entry.end_time == first.end_time


def test_pages_of_the_cache_lead_through_all_of_it(stubs: Service, project: str) -> None:
    made = [run_once(stubs, project, f"key{number}").id for number in range(5)]
    seen: list[str] = []
    token = ""
    while True:
        page = cache_entries(stubs, project, page_size=2, page_token=token)
        seen += [entry.step_run_id for entry in page.entries]
        if not (token := page.next_page_token):
            break
    assert seen == made[::-1]


def test_the_cache_is_filtered_by_step_and_pipeline(stubs: Service, project: str) -> None:
    for pipeline, invocation in [("a", "fit"), ("a", "load"), ("b", "fit")]:
        started = start_step(
            stubs, start_run(stubs, project, pipeline), invocation, cache_key=f"{pipeline}{invocation}"
        )
        complete_step(stubs, project, started)

    def listed(**filters: str) -> list[str]:
        return [entry.cache_key for entry in cache_entries(stubs, project, **filters).entries]

    assert listed(step_name="fit") == ["bfit", "afit"]
    assert listed(pipeline_name="a") == ["aload", "afit"]
    assert listed(pipeline_name="a", step_name="fit") == ["afit"]
    assert evict(stubs, project, pipeline_name="a", step_name="fit") == 1
    assert listed() == ["bfit", "aload"]
    assert evict(stubs, project, step_name="fit") == 1
    assert listed() == ["aload"]


def test_old_entries_are_evicted_and_young_ones_stay(stubs: Service, project: str) -> None:
    old, young = run_once(stubs, project, "old"), run_once(stubs, project, "young")
    aged(stubs, old, 3)
    yesterday = Timestamp(seconds=young.end_time.seconds - 24 * 3600)
    assert evict(stubs, project, ended_before=yesterday) == 1
    assert [entry.step_run_id for entry in cache_entries(stubs, project).entries] == [young.id]


def test_what_has_lost_an_output_is_neither_listed_nor_evicted(stubs: Service, project: str) -> None:
    step = run_once(stubs, project, "key")
    delete(stubs, project, step.outputs[0].version.id, force=True)
    assert list(cache_entries(stubs, project).entries) == []
    assert evict(stubs, project, everything=True) == 0


def test_evicting_needs_to_be_told_what(stubs: Service, project: str) -> None:
    run_once(stubs, project, "key")
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        evict(stubs, project)
    assert refused.refusal.fields == ["everything"]
    assert evict(stubs, project, everything=True) == 1


def test_evicting_again_with_the_same_request_id_gives_the_same_answer(stubs: Service, project: str) -> None:
    run_once(stubs, project, "key")
    request = step_cache_pb2.EvictCacheRequest(project=project, request_id=new_request_id(), everything=True)
    assert [stubs.pipelines.EvictCache(request).evicted_count for _ in range(2)] == [1, 1]


def test_a_miss_is_explained_by_the_parts_before_and_now(stubs: Service, project: str) -> None:
    before = run_once(stubs, project, "a", cache_key_parts={"code": "1", "parameter:rate": "0.1", "input:x": "d"})
    now = run_once(stubs, project, "b", cache_key_parts={"code": "1", "parameter:rate": "0.2", "file:conf": "f"})
    found = explain(stubs, project, now.run_id)
    assert (found.step_run.id, found.earlier.id) == (now.id, before.id)
    assert found.earlier_run_name == get_run(stubs, project, before.run_id).name
    assert [(item.part, item.before, item.now) for item in found.differences] == [
        ("file:conf", "", "f"),
        ("input:x", "d", ""),
        ("parameter:rate", "0.1", "0.2"),
    ]
    # What came later does not change what is said of it.
    run_once(stubs, project, "c", cache_key_parts={"code": "2"})
    assert explain(stubs, project, now.run_id) == found


def test_a_miss_is_compared_with_the_nearest_run_though_it_was_a_hit(stubs: Service, project: str) -> None:
    run_once(stubs, project, "a", cache_key_parts={"code": "1", "parameter:rate": "0.1"})
    run_once(stubs, project, "b", cache_key_parts={"code": "1", "parameter:rate": "0.2"})
    hit = run_once(stubs, project, "a", cache_key_parts={"code": "1", "parameter:rate": "0.1"})
    now = run_once(stubs, project, "c", cache_key_parts={"code": "2", "parameter:rate": "0.1"})
    found = explain(stubs, project, now.run_id)
    assert (found.earlier.id, [item.part for item in found.differences]) == (hit.id, ["code"])
    assert list(now.cache_miss) == ["code"]


def test_a_hit_is_explained_by_where_it_came_from(stubs: Service, project: str) -> None:
    first = run_once(stubs, project, "key", cache_key_parts={"code": "1"})
    hit = run_once(stubs, project, "key", cache_key_parts={"code": "1"})
    found = explain(stubs, project, get_run(stubs, project, hit.run_id).name)
    assert (found.step_run.state, found.earlier.id, list(found.differences)) == (
        states.STEP_STATE_CACHED,
        first.id,
        [],
    )


def test_an_equal_key_that_was_no_hit_is_explained_by_its_reason(stubs: Service, project: str) -> None:
    first = run_once(stubs, project, "key", cache_key_parts={"code": "1"})
    run_once(stubs, project, "nearer", cache_key_parts={"code": "2"})
    evict(stubs, project, everything=True)
    found = explain(stubs, project, run_once(stubs, project, "key", cache_key_parts={"code": "1"}).run_id)
    assert (found.earlier.id, list(found.step_run.cache_miss), list(found.differences)) == (first.id, ["evicted"], [])


def test_a_first_run_and_one_without_a_key_have_nothing_to_be_compared_with(stubs: Service, project: str) -> None:
    first = explain(stubs, project, run_once(stubs, project, "key").run_id)
    disabled = explain(stubs, project, run_once(stubs, project, "").run_id)
    for found, reason in [(first, "first_run"), (disabled, "disabled")]:
        assert (list(found.step_run.cache_miss), found.HasField("earlier")) == ([reason], False)


def test_a_step_without_a_key_is_explained_by_what_its_client_said(stubs: Service, project: str) -> None:
    run_once(stubs, project, "key", cache_key_parts={"code": "1"})
    found = explain(stubs, project, run_once(stubs, project, "", cache_key_parts={"uncacheable": "off"}).run_id)
    assert [(item.part, item.before, item.now) for item in found.differences] == [("uncacheable", "", "off")]
    assert (list(found.step_run.cache_miss), found.HasField("earlier")) == (["disabled"], False)


def test_an_unknown_step_is_told_with_those_there_are(stubs: Service, project: str) -> None:
    run = run_once(stubs, project, "key").run_id
    with expect_refusal(StatusCode.NOT_FOUND, "RUN_NOT_FOUND") as refused:
        explain(stubs, project, run, "fitt")
    assert "has no step 'fitt' (did you mean 'fit'?); it has fit" in refused.refusal.message
