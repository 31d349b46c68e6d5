"""When a step's outputs are taken from an earlier step run, and why not, by raw stubs."""

from __future__ import annotations

from typing import Any

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import pipeline_pb2 as states
from argosy.v1 import step_calls_pb2
from tests.api.calls import Stubs, complete_step, create, finish_run, get, get_run, start_run, start_step
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
