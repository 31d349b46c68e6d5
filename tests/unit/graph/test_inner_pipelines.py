"""Pipelines called in the body of pipelines: names, options, what comes back, and where it ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from argosy.errors import GraphError, ParameterError
from argosy.execution.caching.key import is_cacheable
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import Graph
from argosy.graph.output_refs import StepOutputRef
from argosy.graph.pipeline_call import record_pipeline
from argosy.sdk.pipelines import Pipeline, pipeline
from argosy.sdk.steps import step


@step
def load(rows: int = 1) -> list[int]:
    return [rows]


@step
def clean(data: list[int]) -> list[int]:
    return data


@step
def fit(data: list[int], rate: float = 0.1) -> float:
    return rate


@step(enable_cache=True)
def always() -> int:
    return 1


@pipeline
def cleaning(rows: int = 1) -> Any:
    return clean(load(rows))


@pipeline
def nested() -> Any:
    return cleaning.inline(7)


def record(body: Callable[[], object], **options: Any) -> Graph:
    def p() -> None:
        body()

    return pipeline(p).with_options(**options).record()


def test_the_steps_of_an_inner_pipeline_are_recorded_under_its_name() -> None:
    graph = record(lambda: fit(cleaning.inline(rows="3")))  # type: ignore[arg-type] # coerced
    assert list(graph.invocations) == ["cleaning.load", "cleaning.clean", "fit"]
    assert [call.step.name for call in graph.invocations.values()] == ["load", "clean", "fit"]
    assert dict(graph.invocations["fit"].artifacts) == {"data": StepOutputRef("cleaning.clean", "output")}
    assert graph.invocations["cleaning.load"].parameters["rows"].value == 3
    made = graph.invocations["cleaning.clean"]
    assert graph.output_name(made, made.step.outputs.specs[0]) == "p::cleaning.clean::output"


def test_calling_it_does_the_same_as_inline() -> None:
    graph = record(lambda: fit(cleaning()))  # type: ignore[arg-type] # type checkers see a run
    assert list(graph.invocations) == ["cleaning.load", "cleaning.clean", "fit"]


def test_each_call_has_a_name_of_its_own() -> None:
    def body() -> None:
        cleaning.inline()
        load()
        cleaning.inline()
        cleaning.with_options(name="other").inline()

    assert list(record(body).invocations) == [
        "cleaning.load", "cleaning.clean", "load", "cleaning_2.load", "cleaning_2.clean", "other.load", "other.clean",
    ]  # fmt: skip


def test_names_are_joined_through_every_level() -> None:
    assert list(record(nested.inline).invocations) == ["nested.cleaning.load", "nested.cleaning.clean"]


def test_artifacts_and_outputs_are_handed_in() -> None:
    @pipeline
    def training(data: Any, rate: float) -> Any:
        return fit(data, rate)

    graph = record(lambda: (training.inline(load(), 1), training.inline(ExternalArtifact(name="a"), 2)))
    assert dict(graph.invocations["training.fit"].artifacts) == {"data": StepOutputRef("load", "output")}
    assert graph.invocations["training_2.fit"].parameters["rate"].value == 2.0


def test_steps_can_run_after_all_calls_of_an_inner_pipeline() -> None:
    def body() -> None:
        cleaning.inline()
        fit.with_options(after=cleaning)([1])
        fit.with_options(after="cleaning.load")([1])

    graph = record(body)
    assert graph.invocations["fit"].after == ("cleaning.load", "cleaning.clean")
    assert graph.invocations["fit_2"].after == ("cleaning.load",)


def test_after_means_the_calls_of_the_same_body() -> None:
    @pipeline
    def inner() -> None:
        fit.with_options(after="load")([1])
        load()
        fit.with_options(after=load)([1])

    def body() -> None:
        load()
        inner.inline()
        fit.with_options(after=load)([1])

    graph = record(body)
    assert graph.invocations["inner.fit"].after == ("inner.load",)
    assert graph.invocations["inner.fit_2"].after == ("inner.load",)
    assert graph.invocations["fit"].after == ("load", "inner.load")


def cached(graph: Graph) -> dict[str, bool]:
    return {name: is_cacheable(graph, call) for name, call in graph.invocations.items()}


def test_what_an_inner_pipeline_says_about_caching_holds_for_its_steps() -> None:
    @pipeline(enable_cache=False)
    def uncached() -> None:
        load()
        always()

    def body() -> None:
        load()
        uncached.inline()
        uncached.with_options(enable_cache=True).inline()
        cleaning.with_options(enable_cache=False).inline()

    assert cached(record(body)) == {
        "load": True,
        "uncached.load": False,
        "uncached.always": True,
        "uncached_2.load": True,
        "uncached_2.always": True,
        "cleaning.load": False,
        "cleaning.clean": False,
    }
    assert set(cached(record(body, enable_cache=False)).values()) == {True, False}
    assert cached(record(body, enable_cache=False))["uncached.always"] is False
    assert cached(record(body, enable_cache=False))["uncached_2.load"] is True


def test_loads_in_an_inner_pipeline_are_loads_of_the_run() -> None:
    @pipeline
    def choosing() -> Any:
        data: Any = load()
        return fit(data) if data.load() else clean(data)

    def outer() -> None:
        choosing.inline()

    asked: list[str] = []

    def on_load(graph: Graph, refs: Sequence[StepOutputRef]) -> list[bool]:
        asked.extend(f"{graph.pipeline.name}: {ref}" for ref in refs)
        return [True] * len(refs)

    graph = record_pipeline(pipeline(outer).definition, (), {}, on_load=on_load)
    assert asked == ["outer: output 'output' of step 'choosing.load'"]
    assert list(graph.invocations) == ["choosing.load", "choosing.fit"]


def test_a_pipeline_that_calls_itself_is_stopped_with_the_cure() -> None:
    @pipeline
    def endless() -> None:
        load()
        again[0].inline()

    again: list[Pipeline[[], None]] = [endless]
    with pytest.raises(
        GraphError, match=r"called inside each other more than 32 deep \(endless > endless > "
    ) as caught:
        endless.record()
    assert str(caught.value).startswith(f"{__file__}:")


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (lambda: cleaning.inline(row=1), GraphError, "got an unexpected keyword argument 'row'"),  # type: ignore[call-arg]
        (lambda: cleaning.inline("x"), ParameterError, "parameter 'rows' of pipeline 'cleaning'"),  # type: ignore[arg-type]
        (lambda: fit.with_options(after=cleaning)([1]), GraphError, "after pipeline 'cleaning', which was not called"),
    ],
)
def test_wrong_calls_are_refused_where_they_are(
    body: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)) as caught:
        record(body)
    assert str(caught.value).startswith(f"{__file__}:")


def test_inline_is_for_bodies_only() -> None:
    with pytest.raises(GraphError, match=re.escape("is called outside of the body of a pipeline; to run it write")):
        cleaning.inline()


def test_an_exception_of_the_inner_body_leaves_the_outer_one_usable() -> None:
    @pipeline
    def broken() -> None:
        raise ValueError("own")

    def body() -> None:
        with pytest.raises(ValueError, match="own"):
            broken.inline()
        load()

    assert list(record(body).invocations) == ["load"]
