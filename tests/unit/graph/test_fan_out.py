"""``step.map``: which calls are recorded, what its result can be used for, and what cannot be mapped over."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import argosy
from argosy.errors import GraphError, ParameterError
from argosy.graph.external_artifact import ExternalArtifact
from argosy.graph.mapped_outputs import MappedOutputs
from argosy.graph.model import ArtifactList, Graph
from argosy.graph.output_refs import ItemRef, StepOutputRef
from argosy.graph.pipeline_call import record_pipeline
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import step


@step
def fit(data: Any, rate: float = 0.1, depth: int = 1) -> float:
    return float(data) * rate


@step
def split(data: int) -> tuple[int, str]:
    return data, str(data)


@step
def join(parts: list[Any], name: str = "a") -> list[Any]:
    return parts


@step
def note(text: str) -> None: ...


def record(body: Callable[[], object], value: Any = None) -> Graph:
    def p() -> None:
        body()

    return record_pipeline(pipeline(p).definition, (), {}, on_load=lambda _, refs: [value] * len(refs))


def parameters_of(graph: Graph, name: str) -> dict[str, Any]:
    return {key: parameter.value for key, parameter in graph.invocations[name].parameters.items()}


def test_each_item_is_a_call_and_the_other_arguments_are_the_same_for_all() -> None:
    graph = record(lambda: fit.map([1, 2, 3], depth=5))
    assert list(graph.invocations) == ["fit", "fit_2", "fit_3"]
    assert [parameters_of(graph, name) for name in graph.invocations] == [
        {"data": 1, "rate": 0.1, "depth": 5},
        {"data": 2, "rate": 0.1, "depth": 5},
        {"data": 3, "rate": 0.1, "depth": 5},
    ]


def test_artifacts_are_mapped_over_and_broadcast() -> None:
    external = ExternalArtifact(name="features")

    def body() -> None:
        parts = fit.map([1, 2])
        fit.map(parts)
        fit.map(data=external, rate=argosy.each([0.3, 0.4]))

    graph = record(body)
    assert dict(graph.invocations["fit_3"].artifacts) == {"data": StepOutputRef("fit", "output")}
    assert dict(graph.invocations["fit_4"].artifacts) == {"data": StepOutputRef("fit_2", "output")}
    assert [dict(graph.invocations[name].artifacts) for name in ("fit_5", "fit_6")] == [{"data": external}] * 2
    assert [parameters_of(graph, name)["rate"] for name in ("fit_5", "fit_6")] == [0.3, 0.4]


def test_marked_arguments_are_taken_side_by_side() -> None:
    graph = record(lambda: fit.map([1, 2], rate=argosy.each((0.5, 0.6)), depth=argosy.each(range(2))))
    assert [tuple(parameters_of(graph, name).values()) for name in graph.invocations] == [(1, 0.5, 0), (2, 0.6, 1)]


def test_a_collecting_step_receives_a_list() -> None:
    graph = record(lambda: join(fit.map([1, 2]), name="b"))
    sources = (StepOutputRef("fit", "output"), StepOutputRef("fit_2", "output"))
    assert dict(graph.invocations["join"].artifacts) == {"parts": ArtifactList(sources)}
    assert graph.invocations["join"].upstream == ("fit", "fit_2")


def test_no_items_are_no_calls_and_the_collector_receives_an_empty_list() -> None:
    graph = record(lambda: join(fit.map([])))
    assert list(graph.invocations) == ["join"]
    assert dict(graph.invocations["join"].artifacts) == {"parts": ArtifactList(())}


def test_several_outputs_become_one_list_each() -> None:
    def body() -> None:
        numbers, texts = split.map([1, 2])
        join(numbers)
        join(texts)
        assert [len(column) for column in split.map([])] == [0, 0]

    graph = record(body)
    assert [list(graph.invocations[name].sources()) for name in ("join", "join_2")] == [
        [("parts", StepOutputRef("split", "output_0")), ("parts", StepOutputRef("split_2", "output_0"))],
        [("parts", StepOutputRef("split", "output_1")), ("parts", StepOutputRef("split_2", "output_1"))],
    ]


def test_the_result_is_a_sequence() -> None:
    def body() -> None:
        parts: Any = fit.map([1, 2, 3])
        assert (len(parts), bool(parts), isinstance(parts, MappedOutputs)) == (3, True, True)
        assert repr(parts) == "<the mapped outputs of step 'fit' (3 calls)>"
        join(parts[1:])
        join(parts + [parts[0]])  # noqa: RUF005 - that it can be added is what is tested
        join([parts[2]] + parts)  # noqa: RUF005 - likewise
        join([part for part, _ in zip(parts, "ab", strict=False)])

    graph = record(body)
    one, two, three = (StepOutputRef(name, "output") for name in ("fit", "fit_2", "fit_3"))
    joins = [call.artifacts["parts"] for name, call in graph.invocations.items() if name.startswith("join")]
    assert joins == [
        ArtifactList((two, three)),
        ArtifactList((one, two, three, one)),
        ArtifactList((three, one, two, three)),
        ArtifactList((one, two)),
    ]


def test_a_step_can_run_after_all_the_calls() -> None:
    def body() -> None:
        notes: Any = note.map(["a", "b"])
        note.with_options(after=notes, name="end")("c")

    assert record(body).invocations["end"].after == ("note", "note_2")


def test_options_hold_for_every_call() -> None:
    graph = record(lambda: fit.with_options(name="f", enable_cache=False).map([1, 2]))
    assert [(name, call.cache_override) for name, call in graph.invocations.items()] == [("f", False), ("f_2", False)]


def test_an_output_that_is_a_list_is_made_first_and_its_items_are_inputs() -> None:
    graph = record(lambda: join(fit.map(join([1, 2]), rate=0.5)), value=["a", "b"])
    whole = StepOutputRef("join", "output")
    assert list(graph.invocations) == ["join", "fit", "fit_2", "join_2"]
    assert [dict(graph.invocations[name].artifacts) for name in ("fit", "fit_2")] == [
        {"data": ItemRef(whole, 0)},
        {"data": ItemRef(whole, 1)},
    ]
    assert graph.invocations["fit_2"].upstream == ("join",)


def test_an_output_that_is_an_empty_list_means_no_calls() -> None:
    assert list(record(lambda: join(fit.map(join([]))), value=[]).invocations) == ["join", "join_2"]


def test_the_items_of_a_value_are_values_of_their_own() -> None:
    graph = record(lambda: fit.map(ExternalArtifact([np.zeros(1), np.ones(1)])))
    values = [call.artifacts["data"].value for call in graph.invocations.values()]  # type: ignore[union-attr]
    assert [value.tolist() for value in values] == [[0.0], [1.0]]


def test_outside_of_a_pipeline_these_are_plain_calls() -> None:
    assert fit.map([1, 2], rate=0.5) == [0.5, 1.0]
    assert split.map([1, 2]) == ([1, 2], ["1", "2"])
    assert split.map([]) == ([], [])
    assert join.map(parts=argosy.each([[1], [2]])) == [[1], [2]]


def generator() -> Any:
    yield 1


BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: fit.map(), "step 'fit': missing a required argument: 'data'"),
    (lambda: fit.map(data=1), "fit.map(...) has nothing to map over; pass the items first, or mark the argument: fit"),
    (lambda: fit.map([1], [2], 3, 4), "step 'fit': too many positional arguments"),
    (lambda: fit.map([1], rat=2), "unexpected keyword argument 'rat' (did you mean 'rate'?)"),
    (lambda: fit.map([1, 2], rate=argosy.each([1])), "but the first argument has 2, 'rate' has 1; give equal numbers"),
    (lambda: fit.map("ab"), "takes a list, a tuple or an output that is one, but the first argument is 'ab' (str)"),
    (lambda: fit.map({"a": 1}), "write list(...) for its keys, or list(....items())"),
    (lambda: fit.map(np.zeros(2)), "is <ndarray of shape (2,)>; make a list of it"),
    (lambda: fit.map(generator()), "make a list of it"),
    (lambda: fit.map(ExternalArtifact(name="a")), "take its value first, with argosy.value_of(...)"),
    (lambda: fit.map([1], rate=argosy.each(3)), "but 'rate' is 3 (int); make a list of it"),  # type: ignore[arg-type]
    (lambda: fit.map(fit(1)), "is mapped over output 'output' of step 'fit', which is a int; return a list"),
    (lambda: fit.map([1])[3], "cannot be indexed with 3; there are 1"),
    (lambda: 1 in fit.map([1]), "cannot be searched in a pipeline"),
    (lambda: copy.deepcopy(fit.map([1])), "cannot be pickled or copied in a pipeline"),
]


@pytest.mark.parametrize(("body", "message"), BAD)
def test_what_cannot_be_mapped_over_is_refused_with_place_and_cure(body: Callable[[], object], message: str) -> None:
    with pytest.raises(GraphError, match=re.escape(message)) as caught:
        record(body, value=1)
    assert str(caught.value).startswith(f"{__file__}:")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (lambda: fit.map([1, object()]), "parameter 'data' of step 'fit'"),
        (lambda: join(note.map(["a"])), "<the mapped outputs of step 'note' (1 calls)> is not an artifact"),
        (lambda: fit({"a": fit.map([1])}), "the dict contains the outputs of a step"),
    ],
)
def test_parameters_are_judged_call_by_call(body: Callable[[], object], message: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)):
        record(body)


def test_mapped_outputs_mean_nothing_in_another_pipeline() -> None:
    kept: list[Any] = []
    record(lambda: kept.append(fit.map([1])))
    with pytest.raises(GraphError, match="comes from another pipeline call"):
        record(lambda: join(kept[0]))
    with pytest.raises(GraphError, match="is used outside the body of its pipeline"):
        join(kept[0])
