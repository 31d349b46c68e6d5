"""``output.load()`` in the body of a pipeline: what is asked to run, with which graph, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

import argosy
from argosy.errors import GraphError, ParameterError
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.model import Graph
from argosy.graph.output_refs import StepOutputRef
from argosy.graph.pipeline_call import record_pipeline
from argosy.graph.recorder import current_recorder
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import step


@step
def count(start: int = 0) -> int:
    return start


@step
def double(x: int) -> int:
    return x * 2


@step
def pair(x: int) -> tuple[int, str]:
    return x, "a"


@step
def nothing() -> None: ...


@pipeline
def counting() -> None:
    count()


class Engine:
    """Stands for what runs steps: knows a value for each output, and remembers what it was asked."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.asked: list[tuple[list[str], list[str]]] = []

    def values_of(self, graph: Graph, refs: Sequence[StepOutputRef]) -> list[Any]:
        assert current_recorder() is None, "what runs is not recorded"
        names = [f"{ref.invocation}.{ref.output}" for ref in refs]
        self.asked.append((list(graph.invocations), names))
        return [self.values[name] for name in names]


def dynamic(body: Callable[[], object], **values: Any) -> tuple[Graph, Engine]:
    engine = Engine({name.replace("__", "."): value for name, value in values.items()})

    def p() -> None:
        body()

    return record_pipeline(pipeline(p).definition, (), {}, on_load=engine.values_of), engine


def test_a_loaded_value_decides_what_is_recorded_next() -> None:
    def body() -> None:
        made: Any = count(3)
        if made.load() > 2:
            double(made)
        else:
            nothing()

    graph, engine = dynamic(body, count__output=3)
    assert list(graph.invocations) == ["count", "double"]
    assert engine.asked == [(["count"], ["count.output"])]
    assert list(dynamic(body, count__output=1)[0].invocations) == ["count", "nothing"]


def test_each_load_is_asked_with_the_graph_so_far() -> None:
    def body() -> None:
        first: Any = count()
        first.load()
        second: Any = double(first)
        nothing()
        second.load()

    _, engine = dynamic(body, count__output=1, double__output=2)
    assert [asked[0] for asked in engine.asked] == [["count"], ["count", "double", "nothing"]]


def test_several_outputs_are_loaded_one_by_one_or_together() -> None:
    seen: list[Any] = []

    def body() -> None:
        outputs: Any = pair(1)
        first, second = outputs
        seen.extend([second.load(), first.load(), outputs.load()])

    _, engine = dynamic(body, pair__output_0=1, pair__output_1="a")
    assert seen == ["a", 1, (1, "a")]
    assert [asked for _, asked in engine.asked] == [
        ["pair.output_1"],
        ["pair.output_0"],
        ["pair.output_0", "pair.output_1"],
    ]


def test_value_of_is_what_type_checkers_understand() -> None:
    seen: list[Any] = []
    mapped: list[int] = []

    def body() -> None:
        seen.append(argosy.value_of(count()) + 1)
        seen.append(argosy.value_of(pair(1)))
        mapped.extend(argosy.value_of(double.map([1, 2])))

    dynamic(body, count__output=1, pair__output_0=1, pair__output_1="a", double__output=2, double_2__output=4)
    assert (seen, mapped) == ([2, (1, "a")], [2, 4])


def test_mapped_outputs_are_loaded_at_once() -> None:
    def body() -> None:
        argosy.value_of(double.map([1, 2]))
        assert argosy.value_of(double.map([])) == []

    _, engine = dynamic(body, double__output=2, double_2__output=4)
    assert engine.asked == [(["double", "double_2"], ["double.output", "double_2.output"])]


def test_the_values_of_a_list_of_outputs_are_loaded_at_once() -> None:
    seen: list[Any] = []

    def body() -> None:
        seen.append(argosy.value_of([count(), double(1)]))
        seen.append(argosy.value_of((count(), 3, ExternalArtifact(4))))

    _, engine = dynamic(body, count__output=1, double__output=2, count_2__output=5)
    assert seen == [[1, 2], (5, 3, 4)]
    assert [names for _, names in engine.asked] == [["count.output", "double.output"], ["count_2.output"]]


def test_value_of_finds_outputs_in_containers_inside_each_other() -> None:
    seen: list[Any] = []

    def body() -> None:
        seen.append(argosy.value_of([[count(), 2], {"a": (double(1),), "b": [3]}]))

    dynamic(body, count__output=1, double__output=2)
    assert seen == [[[1, 2], {"a": (2,), "b": [3]}]]


def test_value_of_a_value_is_itself() -> None:
    value = [1]
    assert argosy.value_of(value) is value
    assert argosy.value_of(ExternalArtifact(value=None)) is None
    assert argosy.value_of(double(3)) == 6


def test_what_the_engine_raises_climbs_through_the_body() -> None:
    def body() -> None:
        with pytest.raises(KeyError):
            count().load()  # type: ignore[attr-defined] # an int for type checkers
        nothing()

    assert list(dynamic(body)[0].invocations) == ["count", "nothing"]


def test_nothing_has_a_value_where_nothing_runs() -> None:
    @pipeline
    def looking() -> None:
        argosy.value_of(count())

    message = (
        "output 'output' of step 'count' has no value, since pipeline 'looking' is only recorded and nothing runs;"
    )
    with pytest.raises(GraphError, match=message) as caught:
        looking.record()
    assert str(caught.value).startswith(f"{__file__}:")
    assert "call the pipeline instead of its .record()" in str(caught.value)


def test_an_output_has_no_value_outside_the_body() -> None:
    kept: list[Any] = []
    dynamic(lambda: kept.append(count()))
    with pytest.raises(GraphError, match=r"used outside the body of its pipeline; take the value from the run"):
        kept[0].load()


def test_an_output_of_another_pipeline_has_no_value_here() -> None:
    kept: list[Any] = []
    dynamic(lambda: kept.append(count()))
    with pytest.raises(GraphError, match="used outside the body of its pipeline"):
        dynamic(lambda: (count(), kept[0].load()), count__output=1)


def test_a_step_without_outputs_has_nothing_to_load() -> None:
    with pytest.raises(GraphError, match=r"has nothing to load; to run steps after it, pass it to after="):
        dynamic(lambda: nothing().load())  # type: ignore[attr-defined] # refused


def load_what_waits_for_a_later_call() -> None:
    waiting: Any = double.with_options(after="count")(1)
    waiting.load()


def load_a_cycle() -> None:
    first: Any = double.with_options(after="count")(1)
    count.with_options(after=first)()
    first.load()


def load_what_has_data_as_parameter() -> None:
    argosy.value_of(step(takes_text)("x" * 300_000))


def takes_text(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (
            load_what_waits_for_a_later_call,
            GraphError,
            "step 'double' shall run after 'count', which pipeline 'p' does",
        ),
        (load_a_cycle, GraphError, "steps 'double', 'count' wait for each other; remove one of their after=..."),
        (load_what_has_data_as_parameter, ParameterError, "the parameters of step 'takes_text' have 3000"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_asked_to(
    body: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)) as caught:
        dynamic(body)
    assert str(caught.value).startswith(f"{__file__}:")


def test_a_later_call_may_still_be_waited_for_by_what_is_not_needed() -> None:
    def body() -> None:
        nothing.with_options(after="double")()
        double(count().load())  # type: ignore[attr-defined] # an int for type checkers

    graph, _ = dynamic(body, count__output=1)
    assert graph.order() == ("count", "double", "nothing")


def test_a_thousand_loads_in_a_loop_are_recorded_quickly() -> None:
    def body() -> None:
        for _ in range(1000):
            argosy.value_of(count())

    values = {f"count_{n}.output": n for n in range(1001)} | {"count.output": 1}
    graph, engine = dynamic(body, **values)
    assert (len(graph.invocations), len(engine.asked)) == (1000, 1000)
