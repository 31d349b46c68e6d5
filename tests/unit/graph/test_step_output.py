from __future__ import annotations

import copy
import functools
import math
import operator
import os
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from argosy.errors import GraphError
from argosy.graph.output_refs import StepOutputRef
from argosy.sdk.pipelines import pipeline
from argosy.sdk.steps import step


@step
def one() -> Any:
    return 1


@step
def two() -> tuple[int, str]:
    return 1, "a"


@step
def none() -> None: ...


def recorded(use: Callable[[Any], object], source: Callable[[], Any] = one) -> object:
    """Do something with what a step returns while a pipeline is recorded."""
    results: list[object] = []

    def body() -> None:
        results.append(use(source()))

    pipeline(name="p")(body).record()
    return results[0]


FORBIDDEN: list[tuple[Callable[[Any], object], str]] = [
    (bool, "used as a condition"),
    (lambda x: 1 if x else 2, "used as a condition"),
    (operator.not_, "used as a condition"),
    (lambda x: x == 1, "compared"),
    (lambda x: x != 1, "compared"),
    (lambda x: x > 1, "compared"),
    (lambda x: np.zeros(2) == x, "compared"),
    (len, "measured with len()"),
    (lambda x: x[0], "indexed"),
    (lambda x: 1 in x, "searched with 'in'"),
    (lambda x: x(), "called"),
    (int, "turned into a number"),
    (float, "turned into a number"),
    (lambda x: range(x), "turned into a number"),
    (lambda x: f"{x}", "turned into text"),
    (os.fspath, "turned into text"),
    (np.asarray, "turned into an array"),
    (np.mean, "turned into an array"),
    (lambda x: np.zeros(2) + x, "calculated with"),
    (lambda x: np.float64(2) * x, "calculated with"),
    (lambda x: x.shape, "has no .shape in a pipeline"),
    (math.floor, "calculated with"),
    (round, "calculated with"),
    (operator.neg, "calculated with"),
    (abs, "calculated with"),
    (pickle.dumps, "pickled or copied"),
    (copy.deepcopy, "pickled or copied"),
]
BINARY = [
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift", "and_", "or_", "xor",
]  # fmt: skip


def left(x: Any, operation: str) -> object:
    return getattr(operator, operation)(x, 2)


def right(x: Any, operation: str) -> object:
    return getattr(operator, operation)(2, x)


for side in (left, right):
    FORBIDDEN.extend((functools.partial(side, operation=name), "calculated with") for name in BINARY)


@pytest.mark.parametrize(("use", "what"), FORBIDDEN)
def test_using_the_value_of_an_output_raises_with_place_and_cure(use: Callable[[Any], object], what: str) -> None:
    with pytest.raises(GraphError, match=re.escape(what)) as caught:
        recorded(use)
    message = str(caught.value)
    assert re.match(re.escape(__file__) + r":\d+: output 'output' of step 'one' ", message)
    assert "its value exists only when the pipeline runs: do this inside a step" in message
    assert "take the value with .load()" in message


@pytest.mark.parametrize("use", [list, iter, lambda x: [*x], max])
def test_iterating_a_single_output_tells_how_to_declare_several(use: Callable[[Any], object]) -> None:
    with pytest.raises(GraphError, match=r"cannot be unpacked or iterated.*annotate the step with -> tuple\[A, B\]"):
        recorded(use)


def unpacked_in_two(x: Any) -> object:
    a, b = x
    return a, b


def unpacked_in_three(x: Any) -> object:
    a, b, c = x
    return a, b, c


def unpacked_in_one(x: Any) -> object:
    (a,) = x
    return a


def unpacked_with_rest(x: Any) -> object:
    a, *rest = x
    return a, *rest


def test_unpacking_a_single_output_raises() -> None:
    with pytest.raises(GraphError, match=r"output 'output' of step 'one' cannot be unpacked or iterated"):
        recorded(unpacked_in_two)


@pytest.mark.parametrize("use", [unpacked_in_two, unpacked_with_rest, tuple, lambda x: (x[0], x[1]), lambda x: x[:]])
def test_several_outputs_are_unpacked_and_indexed(use: Callable[[Any], Any]) -> None:
    found: Any = recorded(use, two)
    assert [output.ref for output in found] == [StepOutputRef("two", "output_0"), StepOutputRef("two", "output_1")]


@pytest.mark.parametrize(("use", "count"), [(unpacked_in_three, 3), (unpacked_in_one, 1)])
def test_unpacking_into_another_number_names_both(use: Callable[[Any], object], count: int) -> None:
    message = rf":\d+: step 'two', which declares 2 outputs \(output_0, output_1\), is unpacked into {count} names"
    with pytest.raises(GraphError, match=re.escape(__file__) + message):
        recorded(use, two)


@pytest.mark.parametrize(
    ("source", "use", "message"),
    [
        (two, lambda x: x[2], "cannot be indexed with 2; use 0 to 1"),
        (two, lambda x: x["a"], "cannot be indexed with 'a'"),
        (two, bool, "used as a condition"),
        (two, lambda x: x == (1, 2), "compared"),
        (two, lambda x: x * 2, "calculated with"),
        (two, lambda x: 1 in x, "cannot be searched"),
        (none, lambda x: 1 if x else 2, "step 'none', which declares 0 outputs, cannot be used as a condition"),
        (none, unpacked_in_one, "which declares 0 outputs, is unpacked into 1 names"),
    ],
)
def test_group_of_outputs_guards_its_values_too(source: Any, use: Callable[[Any], object], message: str) -> None:
    with pytest.raises(GraphError, match=re.escape(message)):
        recorded(use, source)


def test_outputs_can_be_hashed_shown_and_asked_for_attributes() -> None:
    assert recorded(lambda x: {x: 1}[x]) == 1
    assert recorded(repr) == "<output 'output' of step 'one'>"
    assert recorded(repr, two) == "<step 'two', which declares 2 outputs (output_0, output_1)>"
    assert recorded(lambda x: hasattr(x, "shape")) is False
    assert recorded(lambda x: hasattr(x, "__dataclass_fields__")) is False
