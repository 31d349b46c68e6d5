"""Lineage as users ask for it: of a version they hold, whoever made it, whatever became of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from xml.etree import ElementTree

import pytest

import argosy
from argosy.errors import ParameterError
from tests.warm import process as warm

ARGOSY = str(Path(sys.executable).with_name("argosy"))


@argosy.step
def clean(raw: dict[str, int], times: int = 2) -> Annotated[list[int], "table"]:
    return [*raw.values()] * times


@argosy.step
def fit(table: list[int]) -> Annotated[int, "model"]:
    argosy.save_artifact(len(table), "report")
    factor: int = argosy.load_artifact("factor")
    return sum(table) * factor


@argosy.step
def evaluate(model: int, table: list[int]) -> Annotated[float, "score"]:
    return model / len(table)


@argosy.pipeline
def training(times: int = 2) -> None:
    table = clean(argosy.ExternalArtifact(name="raw"), times)
    evaluate(fit(table), table)


@pytest.fixture
def run(store: str) -> argosy.PipelineRun:
    argosy.save_artifact({"a": 1}, "raw")
    argosy.save_artifact(10, "factor")
    return training()


def edges(lineage: argosy.Lineage) -> set[tuple[str, str, str, str]]:
    return {(edge.version.name, edge.step.invocation, edge.relation, edge.name) for edge in lineage.edges}


def names(versions: Any) -> list[str]:
    return [version.name for version in versions]


def test_a_version_tells_what_it_was_made_from_and_what_was_made_from_it(run: argosy.PipelineRun) -> None:
    lineage = run.steps["fit"].output.lineage()
    assert edges(lineage) == {
        ("model", "fit", "returned", "model"),
        ("table", "fit", "step_output", "table"),
        ("factor", "fit", "loaded", "factor"),
        ("table", "clean", "returned", "table"),
        ("raw", "clean", "external", "raw"),
        ("model", "evaluate", "step_output", "model"),
        ("score", "evaluate", "returned", "score"),
    }
    assert names(lineage.upstream) == ["table", "factor", "raw"]
    assert names(lineage.downstream) == ["score"]
    assert lineage.root.id == run.steps["fit"].output.id
    assert {step.run_name for step in lineage.steps} == {run.name}


def test_each_item_of_a_list_is_an_input_of_its_own_kind(store: str) -> None:
    @argosy.step
    def made(i: int) -> Annotated[int, "made"]:
        return i

    @argosy.step
    def total(xs: list[int], pair: tuple[int, int]) -> Annotated[int, "total"]:
        return sum(xs) + sum(pair)

    @argosy.pipeline
    def mixed() -> None:
        outside = argosy.ExternalArtifact(name="outside")
        total([made(1), outside, argosy.ExternalArtifact(5)], (outside, made(2)))

    outside = argosy.save_artifact(7, "outside")
    step = mixed().steps["total"]
    used = [(edge.version.name, edge.relation, edge.name) for edge in step.output.lineage("up", depth=1).edges[1:]]
    assert used == [
        ("made", "step_output", "xs"),
        ("outside", "external", "xs"),
        ("mixed::total::xs", "external", "xs"),
        ("outside", "external", "pair"),
        ("made", "step_output", "pair"),
    ]
    assert [version.version for version in step.inputs["pair"]] == [outside.version, "2"]
    assert command("total", "--direction", "up", "--depth", "1").count("[external]") == 3


def test_it_goes_one_way_and_as_far_as_asked(run: argosy.PipelineRun) -> None:
    raw = argosy.Client().get_artifact_version("raw")
    assert names(raw.lineage("up")) == ["raw"]
    near = raw.lineage("down", depth=1)
    assert (names(near), near.truncated) == (["raw", "table"], True)
    far = raw.lineage("down", depth=100)
    assert (sorted(names(far)), far.truncated) == (["model", "raw", "report", "score", "table"], False)


def test_it_goes_through_a_step_that_was_taken_from_cache(run: argosy.PipelineRun) -> None:
    argosy.save_artifact({"a": 1}, "raw")
    again = training()
    assert {str(step.status) for step in again.steps.values()} == {"cached"}
    raw = argosy.Client().get_artifact_version("raw")
    assert raw.version == "2"
    assert ("table", "clean", "reused", "table") in edges(raw.lineage("down"))
    report = argosy.Client().get_artifact_version("report")
    assert [edge.relation for edge in report.lineage("up", depth=1).edges if edge.made] == ["saved", "reused"]
    assert raw.lineage("down").downstream[-1].name == "score"
    upstream = again.steps["evaluate"].output.lineage("up").upstream
    assert sorted(version.version for version in upstream if version.name == "raw") == ["1", "2"]


def test_it_goes_through_versions_that_were_deleted(run: argosy.PipelineRun) -> None:
    table = run.steps["clean"].output
    table.delete(force=True)
    lineage = run.steps["evaluate"].output.lineage("up")
    assert sorted(names(lineage)) == ["factor", "model", "raw", "score", "table"]
    assert [version.name for version in lineage if version.deleted] == ["table"]
    assert names(table.lineage("up")) == ["table", "raw"]


def test_a_version_tells_the_step_that_made_it_and_its_run(run: argosy.PipelineRun) -> None:
    model, report = run.steps["fit"].output, run.steps["fit"].saved[0]
    for version in (model, report):
        assert version.producer is not None
        assert version.producer_run is not None
        assert (version.producer.id, version.producer.status) == (run.steps["fit"].id, "completed")
        assert version.producer_run.id == run.id
    raw = argosy.Client().get_artifact_version("raw")
    assert (raw.producer, raw.producer_run) == (None, None)


def test_a_version_tells_the_steps_that_were_given_or_loaded_it(run: argosy.PipelineRun) -> None:
    again = training()
    table = run.steps["clean"].output
    expected = [step.id for one in (run, again) for step in (one.steps["fit"], one.steps["evaluate"])]
    assert sorted(step.id for step in table.consumers()) == sorted(expected)
    assert [step.status for step in table.consumers()] == ["completed", "completed", "cached", "cached"]
    factor = argosy.Client().get_artifact_version("factor")
    assert [step.id for step in factor.consumers()] == [one.steps["fit"].id for one in (run, again)]
    assert run.steps["evaluate"].output.consumers() == ()


def test_a_version_that_a_step_got_and_loaded_is_an_input_of_it_and_one_it_only_got_is_not(store: str) -> None:
    @argosy.step
    def fit() -> Annotated[int, "model"]:
        version = argosy.get_artifact("factor")
        argosy.Client().get_artifact_version("looked at")
        value: int = version.load()
        return value

    @argosy.pipeline
    def fitting() -> None:
        fit()

    factor = argosy.save_artifact(10, "factor")
    argosy.save_artifact(1, "looked at")
    first, second = fitting().steps["fit"], fitting().steps["fit"]
    assert [list(step.loaded) for step in (first, second)] == [[factor], [factor]]
    assert ("factor", "fit", "loaded", "factor") in edges(second.output.lineage("up"))
    assert [(step.id, step.status) for step in factor.consumers()] == [(first.id, "completed"), (second.id, "cached")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"direction": "upwards"}, "'upwards' is none of 'up', 'down', 'both'"),
        ({"direction": ["up"]}, "is none of 'up', 'down', 'both'"),
        ({"depth": 0}, "depth=0 is no number of steps from 1 to 100"),
        ({"depth": 101}, "depth=101 is no number"),
        ({"depth": True}, "depth=True is no number"),
        ({"depth": 1.5}, "depth=1.5 is no number"),
    ],
    ids=["word", "list", "zero", "far", "truth", "fraction"],
)
def test_a_direction_or_depth_that_does_not_exist_is_refused(home: Path, arguments: Any, words: str) -> None:
    version = argosy.save_artifact(1, "raw")
    with pytest.raises(ParameterError, match=words.replace("[", r"\[")):
        version.lineage(**arguments)


def command(*arguments: str, code: int = 0) -> str:
    done = warm.run([ARGOSY, "artifact", "lineage", *arguments])
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def test_the_command_shows_a_tree(run: argosy.PipelineRun) -> None:
    assert command("model", "--direction", "up").splitlines() == [
        "model 1",
        f"└── made by fit, run {run.name}",
        "    ├── table 1",
        f"    │   └── made by clean, run {run.name}",
        "    │       └── raw 1 [external]",
        "    └── factor 1 [loaded]",
    ]


def test_the_command_selects_versions_as_the_others_do(run: argosy.PipelineRun) -> None:
    model = run.steps["fit"].output
    model.set_alias("prod")
    argosy.save_artifact(3, "model")
    expected = command(model.id, "--direction", "up")
    assert command("model", "--alias", "prod", "--direction", "up") == expected
    assert command("model", "--version", "1", "--direction", "up") == expected
    assert command("model", "--pipeline", "training", "--direction", "up") == expected
    assert command("model").splitlines() == ["model 2", "└── made outside of steps, and used by none"]


def test_the_command_writes_json_mermaid_and_svg(run: argosy.PipelineRun) -> None:
    lineage = run.steps["fit"].output.lineage(depth=1)
    options = ("model", "--depth", "1", "-o")
    assert json.loads(command(*options, "json")) == lineage.to_dict()
    assert command(*options, "mermaid") == lineage.to_mermaid()
    assert command(*options, "svg") == f"{lineage.to_svg()}\n"
    ElementTree.fromstring(command(*options, "svg"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing"], 3, "'nothing' does not exist"),
        (["raw", "--direction", "upwards"], 2, "'up', 'down', 'both'"),
        (["raw", "--depth", "0"], 2, "1<=x<=100"),
        (["raw", "-o", "table"], 2, "'tree', 'json', 'mermaid', 'svg'"),
        (["raw", "--alias", "prod", "--version", "1"], 2, "pass one of them"),
    ],
    ids=["absent", "direction", "depth", "output", "selection"],
)
def test_the_command_refuses_what_it_cannot_answer(home: Path, arguments: list[str], code: int, words: str) -> None:
    argosy.save_artifact(1, "raw")
    assert words in " ".join(command(*arguments, code=code).split())
