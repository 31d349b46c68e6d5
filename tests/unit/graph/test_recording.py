from __future__ import annotations

import dataclasses
import enum
import re
import uuid
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import pytest

from argosy.errors import DefinitionError, GraphError, ParameterError
from argosy.graph.artifact_config import ArtifactConfig
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import ArtifactList, Graph, VersionRef
from argosy.graph.output_refs import StepOutputRef
from argosy.graph.recorder import current_recorder
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import step

FEATURES: Any = ExternalArtifact(name="features")
ID = uuid.UUID("3a92ae32-a764-4420-98ba-07da8f742b76")


@step
def load(rows: int = 10) -> Any:
    return rows


@step
def split(data: Any) -> tuple[Annotated[Any, "train"], Any]:
    return data, data


@step
def fit(data: Any, rate: float = 0.1, *, name: str = "a") -> Any:
    return data


@step
def join(parts: list[Any]) -> Any:
    return parts


@step
def report() -> None: ...


@pipeline
def loading() -> None:
    load()


RATES = "0.1, 0.2"


class Version:
    """Looks like an artifact version, as the SDK's own does."""

    def __init__(self) -> None:
        self.__argosy_version_id__ = str(ID)


def record(body: Callable[[], object]) -> Graph:
    def p() -> None:
        body()

    return pipeline(p).record()


def test_graph_holds_the_calls_in_their_order() -> None:
    @pipeline
    def training(rows: int = 5) -> None:
        train, test = split(load(rows))
        fit(train)
        fit(test, 0.5, name="b")

    graph = training.record(rows="7")  # type: ignore[arg-type] # coerced
    assert graph.pipeline.name == "training"
    assert {name: parameter.value for name, parameter in graph.parameters.items()} == {"rows": 7}
    assert list(graph.invocations) == ["load", "split", "fit", "fit_2"]
    assert dict(graph.invocations["split"].artifacts) == {"data": StepOutputRef("load", "output")}
    assert dict(graph.invocations["fit"].artifacts) == {"data": StepOutputRef("split", "train")}
    assert dict(graph.invocations["fit_2"].artifacts) == {"data": StepOutputRef("split", "output_1")}
    assert {name: p.json for name, p in graph.invocations["load"].parameters.items()} == {"rows": "7"}
    assert {name: p.json for name, p in graph.invocations["fit"].parameters.items()} == {"rate": "0.1", "name": '"a"'}
    assert {name: p.json for name, p in graph.invocations["fit_2"].parameters.items()} == {"rate": "0.5", "name": '"b"'}
    assert graph.invocations["fit_2"].upstream == ("split",)
    assert str(graph.invocations["fit"].location).startswith(f"{__file__}:")
    assert current_recorder() is None


def test_graph_and_its_parts_cannot_be_changed() -> None:
    graph = record(load)
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.run_name = "x"  # type: ignore[misc] # refused
    with pytest.raises(TypeError):
        graph.invocations["x"] = graph.invocations["load"]  # type: ignore[index] # refused
    with pytest.raises(TypeError):
        graph.invocations["load"].parameters["rows"] = None  # type: ignore[index] # refused


def test_every_kind_of_artifact_is_an_input() -> None:
    external: Any = ExternalArtifact(name="features")
    version: Any = Version()

    def body() -> None:
        output = load()
        fit(external)
        fit(version)
        join([output, external, version])
        join((output, output))  # type: ignore[arg-type] # a tuple is taken too
        join(split(output))  # type: ignore[arg-type] # the outputs of one step, as a tuple

    invocations = list(record(body).invocations.values())
    one = StepOutputRef("load", "output")
    assert [dict(invocation.artifacts) for invocation in invocations[1:]] == [
        {"data": external},
        {"data": VersionRef(ID)},
        {"parts": ArtifactList((one, external, VersionRef(ID)))},
        {"parts": ArtifactList((one, one), as_tuple=True)},
        {"data": one},
        {"parts": ArtifactList((StepOutputRef("split", "train"), StepOutputRef("split", "output_1")), as_tuple=True)},
    ]
    assert invocations[3].upstream == ("load",)


def test_external_artifact_as_default_is_an_input() -> None:
    @step
    def uses(data: Any = FEATURES) -> None: ...

    graph = record(uses)
    assert [type(source) for source in graph.invocations["uses"].artifacts.values()] == [ExternalArtifact]


def test_one_external_artifact_feeds_several_steps_and_runs_unchanged() -> None:
    artifact: Any = ExternalArtifact(np.array([1, 2, 3]))

    def body() -> None:
        fit(artifact)
        fit(artifact)

    for graph in (record(body), record(body)):
        assert [invocation.artifacts["data"] for invocation in graph.invocations.values()] == [artifact, artifact]
        assert all(invocation.takes_external_value for invocation in graph.invocations.values())


def test_empty_list_is_a_parameter() -> None:
    graph = record(lambda: join([]))
    assert graph.invocations["join"].parameters["parts"].value == []


def test_invocations_are_named_after_the_step_then_numbered() -> None:
    def body() -> None:
        load()
        load.with_options(name="load_2")()
        load()
        load.with_options(name="other")()

    graph = record(body)
    assert list(graph.invocations) == ["load", "load_2", "load_3", "other"]
    assert graph.invocations["other"].step.name == "other"


def test_unnamed_outputs_and_values_are_stored_under_the_invocation() -> None:
    def body() -> None:
        split(load())
        split(ExternalArtifact(1))

    graph = record(body)
    second = graph.invocations["split_2"]
    assert [graph.output_name(second, output) for output in second.step.outputs] == ["train", "p::split_2::output_1"]
    assert graph.input_name(second, "data") == "p::split_2::data"


@pytest.mark.parametrize("kind", ["output", "outputs", "nothing", "step", "id", "list"])
def test_after_takes_whatever_stands_for_a_step(kind: str) -> None:
    def body() -> None:
        sources: dict[str, Any] = {"outputs": lambda: split(1), "nothing": report}
        first = sources.get(kind, load)()
        after: Any = {"step": load, "id": "load", "list": [first, "load", load]}.get(kind, first)
        fit.with_options(after=after)(1)

    graph = record(body)
    assert graph.invocations["fit"].after == (next(iter(graph.invocations)),)
    assert graph.invocations["fit"].upstream == graph.invocations["fit"].after


def test_after_a_step_means_all_its_calls_so_far() -> None:
    def body() -> None:
        load()
        load.with_options(name="again")()
        fit.with_options(after=load)(1)
        load()

    assert record(body).invocations["fit"].after == ("load", "again")


def test_order_puts_each_after_its_upstream_and_else_keeps_the_calls() -> None:
    def body() -> None:
        report.with_options(after="fit")()
        load()
        fit(1)
        report()

    assert record(body).order() == ("load", "fit", "report", "report_2")


def test_options_replace_each_other_and_leave_the_step_alone() -> None:
    changed = fit.with_options(name="a", enable_cache=True).with_options(enable_cache=False)
    graph = record(lambda: (changed(1), fit(1)))
    assert {name: call.cache_override for name, call in graph.invocations.items()} == {"a": False, "fit": None}


def test_run_name_and_cache_of_the_pipeline_are_recorded() -> None:
    graph = loading.with_options(name="q", run_name="run 1").with_options(enable_cache=False).record()
    assert (graph.pipeline.name, graph.run_name, graph.cache_override) == ("q", "run 1", False)


def test_pipeline_takes_artifacts_and_hands_them_to_its_steps() -> None:
    artifact: Any = ExternalArtifact(name="features")

    @pipeline
    def inference(data: Any, others: list[Any], rate: float) -> None:
        fit(data, rate)
        join(others)

    graph = inference.record(artifact, [artifact], rate=1)
    assert list(graph.parameters) == ["rate"]
    assert graph.invocations["fit"].artifacts["data"] is artifact
    assert list(graph.invocations["join"].sources()) == [("parts", artifact)]


def looped(rows: list[int]) -> None:
    for row in rows:
        load(row)


def plain(rows: list[int]) -> int:
    return len(rows) + int(np.sum(rows))


def imported() -> None:
    from tests.e2e import steps  # noqa: F401 - what it has is not known


CALLS = {"steps": [load]}


@pytest.mark.parametrize(
    "body",
    [
        lambda: looped([]),
        lambda: [load(row) for row in list[int]()],
        lambda: loading() if RATES == "" else None,
        lambda: fit.map([]),
        lambda: [call() for call in CALLS["steps"][1:]],
        imported,
    ],
    ids=["function", "loop", "condition", "map", "unknown", "import"],
)
def test_a_body_that_calls_no_step_this_time_is_a_graph_without_steps(body: Callable[[], object]) -> None:
    assert dict(record(body).invocations) == {}


@pytest.mark.parametrize("body", [lambda: None, lambda: plain([]), lambda: print(RATES, end="")])
def test_a_body_that_cannot_call_a_step_at_all_is_refused(body: Callable[[], object]) -> None:
    with pytest.raises(GraphError, match="pipeline 'p' calls no step; call at least one function decorated with @step"):
        record(body)


def test_steps_called_by_functions_of_the_body_are_recorded() -> None:
    def helper(count: int) -> list[Any]:
        return [load(row) for row in range(count)]

    assert list(record(lambda: join(helper(3))).invocations) == ["load", "load_2", "load_3", "join"]


def wait_for_each_other() -> None:
    fit.with_options(after="load")(1)
    load.with_options(after="fit")()


class Colour(enum.Enum):
    RED = "red"


BAD_BODIES: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: fit(), GraphError, "step 'fit': missing a required argument: 'data'; it is fit(data"),  # type: ignore[call-arg]
    (lambda: fit(1, 2, 3), GraphError, "step 'fit': too many positional arguments; it is fit(data"),  # type: ignore[call-arg, arg-type]
    (lambda: fit(1, data=2), GraphError, "step 'fit': multiple values for argument 'data'"),  # type: ignore[misc]
    (
        lambda: fit(dat=1),  # type: ignore[call-arg]
        GraphError,
        "missing a required argument: 'data'; got an unexpected keyword argument 'dat' (did you mean 'data'?)",
    ),
    (lambda: fit(1, id="x"), GraphError, "(an option of this one call is said before it: fit.with_options(name=...)"),  # type: ignore[call-arg]
    (lambda: fit(1, rat=2), GraphError, "got an unexpected keyword argument 'rat' (did you mean 'rate'?)"),  # type: ignore[call-arg]
    (lambda: fit(1, after="a"), GraphError, "is said before it: fit.with_options(after=...)(...))"),  # type: ignore[call-arg]
    (lambda: fit(1, rate="fast"), ParameterError, "parameter 'rate' of step 'fit'"),  # type: ignore[arg-type]
    (lambda: fit(np.zeros(2)), ParameterError, "a value of type ndarray, which is not JSON-like"),
    (lambda: fit([load(), 1]), ParameterError, "the list contains <output 'output' of step 'load'>"),
    (lambda: fit({"a": load()}), ParameterError, "the dict contains <output 'output' of step 'load'>"),
    (lambda: fit([split(1)]), ParameterError, "the list contains the outputs of a step"),
    (lambda: fit(report()), ParameterError, "<step 'report', which declares 0 outputs> is not an artifact"),
    (lambda: fit(load), ParameterError, "a step that was not called; write its call: load(...)"),
    (lambda: fit.with_options(after="lod")(load()), GraphError, "after 'lod', which pipeline 'p' does not call (did"),
    (lambda: fit.with_options(after=load)(1), GraphError, "after step 'load', which was not called before it"),
    (lambda: fit.with_options(after=3)(1), DefinitionError, "after= got a value of type int; it takes"),
    (lambda: fit.with_options(after="")(1), DefinitionError, "after='' is no invocation: it is empty"),
    (lambda: fit.with_options(name="a::b")(1), DefinitionError, "'a::b' has '::'"),
    (lambda: fit.with_options(after="fit")(1), GraphError, "steps 'fit' wait for each other"),
    (lambda: wait_for_each_other(), GraphError, "steps 'fit', 'load' wait for each other; remove one of their after="),
    (lambda: loading.record(), GraphError, "pipeline 'loading' is recorded in the body of pipeline 'p'; call it, and"),
    (lambda: fit("x" * 300_000), ParameterError, "the parameters of step 'fit' have 3000"),
    (lambda: load.with_options(name="n" * 250)(), GraphError, "has 261 characters, at most 255 are allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "error", "message"), BAD_BODIES)
def test_bad_bodies_are_refused_with_file_line_and_cure(
    body: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)) as caught:
        record(body)
    assert re.match(re.escape(__file__) + r":\d+: ", str(caught.value))
    assert current_recorder() is None


def test_missing_input_shows_where_the_step_is_defined() -> None:
    with pytest.raises(GraphError, match=re.escape(f"defined at {fit.definition.location}")):
        record(lambda: fit())  # type: ignore[call-arg] # refused


def test_version_saved_twice_in_one_run_is_refused() -> None:
    @step
    def release() -> Annotated[int, ArtifactConfig(name="weights", version="v1")]:
        return 1

    with pytest.raises(GraphError, match="'release' and 'release_2' both save version 'v1' of 'weights'"):
        record(lambda: (release(), release()))


def test_outputs_of_another_pipeline_call_are_refused() -> None:
    kept: list[Any] = []
    record(lambda: kept.append((load(), split(1))))
    output, outputs = kept[0]
    for body in (lambda: fit(output), lambda: fit(outputs)):
        with pytest.raises(GraphError, match="comes from another pipeline call"):
            record(body)
    for late in (lambda: fit.with_options(after=output)(1), lambda: fit.with_options(after=outputs)(1)):
        with pytest.raises(GraphError, match="of another pipeline call, which this one cannot wait for; call this pip"):
            record(late)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, GraphError, "pipeline 'training': missing a required argument: 'rate'; it is training(rate"),
        ({"rate": 1, "rows": 2}, GraphError, "got an unexpected keyword argument 'rows'"),
        ({"rate": "x"}, ParameterError, "parameter 'rate' of pipeline 'training'"),
        ({"rate": 1, "colour": "blue"}, ParameterError, "expected a member of Colour"),
        ({"rate": np.zeros(1)}, ParameterError, "if it is data, wrap it in ExternalArtifact(...)"),
    ],
)
def test_bad_arguments_of_a_pipeline_are_refused(arguments: Any, error: type[Exception], message: str) -> None:
    @pipeline
    def training(rate: float, colour: Colour = Colour.RED) -> None:
        fit(1, rate)

    with pytest.raises(error, match=re.escape(message)) as caught:
        training.record(**arguments)
    assert str(caught.value).startswith(f"{__file__}:")


def test_bad_run_name_is_refused() -> None:
    with pytest.raises(DefinitionError, match="pipeline 'loading': the run_name is not allowed: it is empty"):
        loading.with_options(run_name="")


def test_exception_of_the_body_is_the_users_own_and_ends_the_recording() -> None:
    with pytest.raises(ZeroDivisionError):
        record(lambda: load(1 // 0))
    assert current_recorder() is None
