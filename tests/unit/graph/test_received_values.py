"""What a step is told of inputs that are not what it annotates."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
import polars as pl
import pytest

from argosy.graph.definitions import StepDefinition, define_step
from argosy.graph.received_values import InputTypeWarning, check_received


def takes(annotation: Any) -> StepDefinition:
    def step(data: Any) -> None: ...

    step.__annotations__["data"] = annotation
    return define_step(step)


def test_another_type_warns_where_the_step_is() -> None:
    step = takes(int)
    with pytest.warns(InputTypeWarning, match=r"takes input 'data' as int but received str") as caught:
        check_received(step, "data", "5")
    assert [(warning.filename, warning.lineno) for warning in caught] == [(step.location.file, step.location.line)]


def test_a_frame_of_another_library_warns() -> None:
    with pytest.warns(
        InputTypeWarning, match=r"takes input 'data' as polars\..*DataFrame but received pandas\..*DataFrame"
    ):
        check_received(takes(pl.DataFrame), "data", pd.DataFrame())


class Score(int):
    pass


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(int, 5), (float, 1), (Any, "x"), (int | None, None), (int, Score(5)), (list[str], [1])],
    ids=["same", "number", "any", "optional", "subclass", "items"],
)
def test_what_fits_is_silent(annotation: Any, value: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_received(takes(annotation), "data", value)


def test_a_class_of_a_script_that_was_pickled_by_value_is_silent() -> None:
    here, pickled = type("Net", (), {}), type("Net", (), {})
    here.__module__ = pickled.__module__ = "__main__"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_received(takes(here), "data", pickled())
