from __future__ import annotations

from typing import Any

import pytest
from grpc import StatusCode

from argosy.v1 import artifact_pb2 as nouns
from argosy.v1 import lineage_pb2 as lineage
from argosy.v1 import pipeline_pb2, step_calls_pb2
from tests.api.calls import Stubs, complete_step, create, expect_refusal, start_run, start_step
from tests.api.triggers import send

Edge = tuple[str, str, str, str]


def ask(stubs: Stubs, project: str, version: nouns.ArtifactVersion, **fields: Any) -> lineage.GetLineageResponse:
    selector = nouns.VersionSelector(id=version.id)
    return stubs.artifacts.GetLineage(lineage.GetLineageRequest(project=project, selector=selector, **fields))


def edges(reply: lineage.GetLineageResponse) -> list[Edge]:
    """(version, step, relation, name of the input or output)."""
    return [
        (
            reply.versions[edge.version].name,
            reply.steps[edge.step].invocation,
            lineage.LineageRelation.Name(edge.relation).removeprefix("LINEAGE_RELATION_"),
            edge.name,
        )
        for edge in reply.edges
    ]


def given(name: str, kind: str, *versions: nouns.ArtifactVersion) -> step_calls_pb2.StepInputSpec:
    return step_calls_pb2.StepInputSpec(
        name=name,
        kind=pipeline_pb2.InputKind.Value(f"INPUT_KIND_{kind}"),
        version_ids=[version.id for version in versions],
    )


def trained(stubs: Stubs, project: str) -> tuple[nouns.ArtifactVersion, nouns.ArtifactVersion]:
    """``data`` -clean-> ``table`` -fit-> ``model``, where fit also loads ``settings`` and saves ``report``."""
    data, settings = create(stubs, project, "data"), create(stubs, project, "settings")
    run = start_run(stubs, project, name="run-1")
    cleaned = complete_step(
        stubs, project, start_step(stubs, run, "clean", inputs=[given("raw", "EXTERNAL", data)]), table=b"t"
    )
    table = cleaned.outputs[0].version
    fitting = start_step(stubs, run, "fit", inputs=[given("table", "STEP_OUTPUT", table)])
    create(stubs, project, "report", step_run_id=fitting.step_run.id)
    loaded = step_calls_pb2.LoadedInput(selector=nouns.VersionSelector(name="settings"), version_id=settings.id)
    return data, complete_step(stubs, project, fitting, [loaded], model=b"m").outputs[0].version


def test_lineage_tells_every_kind_of_use_and_making(stubs: Stubs, project: str) -> None:
    data, model = trained(stubs, project)
    assert edges(ask(stubs, project, model, direction=lineage.LINEAGE_DIRECTION_UPSTREAM)) == [
        ("model", "fit", "RETURNED", "model"),
        ("table", "fit", "STEP_OUTPUT", "table"),
        ("settings", "fit", "LOADED", "settings"),
        ("table", "clean", "RETURNED", "table"),
        ("data", "clean", "EXTERNAL", "raw"),
    ]
    assert edges(ask(stubs, project, data, direction=lineage.LINEAGE_DIRECTION_DOWNSTREAM)) == [
        ("data", "clean", "EXTERNAL", "raw"),
        ("table", "clean", "RETURNED", "table"),
        ("table", "fit", "STEP_OUTPUT", "table"),
        ("report", "fit", "SAVED", ""),
        ("model", "fit", "RETURNED", "model"),
    ]


@pytest.mark.parametrize("direction", [lineage.LINEAGE_DIRECTION_UNSPECIFIED, lineage.LINEAGE_DIRECTION_BOTH])
def test_without_a_direction_it_goes_both_ways(
    stubs: Stubs, project: str, direction: lineage.LineageDirection.ValueType
) -> None:
    trained(stubs, project)
    reply = stubs.artifacts.GetLineage(
        lineage.GetLineageRequest(project=project, selector=nouns.VersionSelector(name="table"), direction=direction)
    )
    assert [version.name for version in reply.versions] == ["table", "data", "report", "model"]


def test_versions_and_steps_are_told_with_what_makes_them_readable(stubs: Stubs, project: str) -> None:
    _, model = trained(stubs, project)
    reply = ask(stubs, project, model)
    first, step = reply.versions[0], reply.steps[0]
    assert (first.id, first.name, first.version, first.format) == (model.id, "model", "1", "bytes")
    assert (first.kind, first.size_bytes, first.create_time) == (model.kind, 1, model.create_time)
    assert (first.named, first.deleted) == (True, False)
    assert (step.run_name, step.pipeline_name, step.invocation) == ("run-1", "training", "fit")
    assert (step.step_name, step.state) == ("fit", pipeline_pb2.STEP_STATE_COMPLETED)
    assert step.run_id == model.producer.run_id
    assert step.id == model.producer.step_run_id


def test_a_cached_step_is_part_of_it_and_its_own_input_too(stubs: Stubs, project: str) -> None:
    data, again = create(stubs, project, "data"), create(stubs, project, "again")
    first = start_step(stubs, start_run(stubs, project), cache_key="k", inputs=[given("x", "EXTERNAL", data)])
    model = complete_step(stubs, project, first, model=b"m").outputs[0].version
    start_step(stubs, start_run(stubs, project), cache_key="k", inputs=[given("x", "EXTERNAL", again)])
    reply = ask(stubs, project, model)
    assert edges(reply) == [
        ("model", "fit", "RETURNED", "model"),
        ("model", "fit", "REUSED", "model"),
        ("data", "fit", "EXTERNAL", "x"),
        ("again", "fit", "EXTERNAL", "x"),
    ]
    assert [step.state for step in reply.steps] == [
        pipeline_pb2.STEP_STATE_COMPLETED,
        pipeline_pb2.STEP_STATE_CACHED,
    ]
    assert [edge.step for edge in reply.edges] == [0, 1, 0, 1]


def test_attempts_of_a_step_stand_apart(stubs: Stubs, project: str) -> None:
    old, new = create(stubs, project, "old"), create(stubs, project, "new")
    started = start_step(stubs, start_run(stubs, project), inputs=[given("x", "EXTERNAL", old)])
    part = create(stubs, project, "part", step_run_id=started.step_run.id)
    step_run_id, token = started.step_run.id, started.attempt_token
    failed = send(stubs, project, "FailStep", step_run_id=step_run_id, attempt_token=token, retry=True)  # type: ignore[arg-type]
    loaded = step_calls_pb2.LoadedInput(selector=nouns.VersionSelector(name="new"), version_id=new.id)
    model = complete_step(stubs, project, failed, [loaded], model=b"m").outputs[0].version
    reply = ask(stubs, project, model, direction=lineage.LINEAGE_DIRECTION_UPSTREAM)
    assert [version.name for version in reply.versions] == ["model", "old", "new"]
    reply = ask(stubs, project, part, direction=lineage.LINEAGE_DIRECTION_UPSTREAM)
    assert [version.name for version in reply.versions] == ["part", "old"]
    reply = ask(stubs, project, old)
    assert edges(reply) == [
        ("old", "fit", "EXTERNAL", "x"),
        ("old", "fit", "EXTERNAL", "x"),
        ("part", "fit", "SAVED", ""),
        ("model", "fit", "RETURNED", "model"),
    ]
    assert [(step.attempt, step.state) for step in reply.steps] == [
        (1, pipeline_pb2.STEP_STATE_FAILED),
        (2, pipeline_pb2.STEP_STATE_COMPLETED),
    ]
    assert [edge.step for edge in reply.edges] == [0, 1, 0, 1]


def test_a_deleted_version_answers_by_id_and_stands_in_the_lineage_of_others(stubs: Stubs, project: str) -> None:
    data, model = trained(stubs, project)
    for version in (data, model):
        send(stubs, project, "DeleteArtifactVersion", id=version.id, force=True)  # type: ignore[arg-type]
    reply = ask(stubs, project, model)
    assert {version.name: version.deleted for version in reply.versions} == {
        "model": True,
        "table": False,
        "settings": False,
        "data": True,
    }
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        stubs.artifacts.GetLineage(
            lineage.GetLineageRequest(project=project, selector=nouns.VersionSelector(name="model"))
        )


def test_depth_and_edges_are_bounded_and_it_is_told(stubs: Stubs, project: str) -> None:
    _, model = trained(stubs, project)
    whole = ask(stubs, project, model)
    near = ask(stubs, project, model, depth=1)
    assert (len(near.edges), near.truncated, whole.truncated) == (3, True, False)
    few = ask(stubs, project, model, max_edges=4)
    assert (set(edges(few)[:3]), len(few.edges), few.truncated) == (set(edges(whole)[:3]), 4, True)
    most = ask(stubs, project, model, depth=2_000_000_000, max_edges=2_000_000_000)
    assert (edges(most), most.truncated) == (edges(whole), False)


@pytest.mark.kinds("server")
def test_an_answer_that_would_be_too_large_is_cut(stubs: Stubs, project: str) -> None:
    """Names are long here, so that fewer edges than are allowed have more bytes than a message."""
    run = start_run(stubs, project)
    data = create(stubs, project, "d" * 200)
    for number in range(9):
        step = start_step(stubs, run, f"{'s' * 200}-{number}", inputs=[given("x" * 200, "EXTERNAL", data)])
        outputs = {f"{'o' * 200}-{number}-{index}": b"" for index in range(900)}
        complete_step(stubs, project, step, [], **outputs)
    reply = ask(stubs, project, data)
    assert reply.truncated
    assert 3000 < len(reply.edges) < 9 * 901
    assert reply.ByteSize() < 4 << 20


@pytest.mark.parametrize(
    ("field", "value"), [("depth", -1), ("max_edges", -1), ("direction", 9), ("project", ""), ("selector", None)]
)
def test_a_malformed_question_is_refused(stubs: Stubs, project: str, field: str, value: Any) -> None:
    fields = {"project": project, "selector": nouns.VersionSelector(name="data"), field: value}
    with expect_refusal(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as refused:
        stubs.artifacts.GetLineage(lineage.GetLineageRequest(**fields))
    assert refused.refusal.fields == [field]


def test_another_project_has_no_lineage_of_it(stubs: Stubs, project: str) -> None:
    data, _ = trained(stubs, project)
    with expect_refusal(StatusCode.NOT_FOUND, "ARTIFACT_NOT_FOUND"):
        ask(stubs, f"{project}-other", data)
