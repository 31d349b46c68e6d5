"""``as_type=``: what is no type is refused, and a value of another type is never handed out as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pytest

from argosy.errors import MaterializerError, ParameterError
from argosy.execution.values.prepared_value import PickleWarning
from argosy.sdk.artifacts import load_artifact, save_artifact

Rate = NewType("Rate", float)


@dataclass
class Point:
    x: int


@pytest.mark.parametrize("given", [5, "nonsense", "int", ..., [int], np.zeros(3)])
def test_what_is_no_type_is_refused(given: Any) -> None:
    saved = save_artifact(1, "value")
    rule = r"^as_type=.* is no type; pass a class, or an annotation such as list\[int\]$"
    with pytest.raises(ParameterError, match=rule):
        load_artifact("value", as_type=given)
    with pytest.raises(ParameterError, match=rule):
        saved.load(given)


@pytest.mark.parametrize(
    ("value", "as_type", "found"),
    [
        (2, str, r"'value' version 1 is a int, not a str as as_type= says; leave as_type= out, or correct it"),
        ([1], dict[str, int], r"is a list, not a dict\[str, int\] as"),
        (1.5, int | None, r"is a float, not a int \| None as"),
        (None, Point, "is a NoneType, not a Point as"),
        (Point(1), int, "is a Point, not a int as"),
        (pd.DataFrame({"a": [1]}), pl.DataFrame, r"is a pandas\..*DataFrame, not a polars\..*DataFrame as"),
        (pl.DataFrame({"a": [1]}), pd.DataFrame, r"is a polars\..*DataFrame, not a pandas\..*DataFrame as"),
    ],
)
def test_a_value_of_another_type_is_refused(value: object, as_type: Any, found: str) -> None:
    save_artifact(value, "value")
    with pytest.raises(MaterializerError, match=found):
        load_artifact("value", as_type=as_type)


@pytest.mark.parametrize(
    ("value", "as_type"),
    [
        (2, int),
        (2, float),
        (2, Rate),
        (2, Any),
        (2, object),
        (2, Optional[int]),  # noqa: UP045 - the older way of writing it
        (2, Annotated[int, "two"]),
        (2, Literal[2]),
        ([1], list[int]),
        (np.zeros(2), npt.NDArray[np.float64]),
        (Point(1), Point),
    ],
)
def test_a_value_of_the_type_is_handed_out(value: object, as_type: Any) -> None:
    save_artifact(value, "value")
    assert str(load_artifact("value", as_type=as_type)) == str(value)


def make_model(name: str) -> type:
    """Return a class as a script would define it again each time it runs."""
    return type(name, (), {"__module__": "__main__", "__qualname__": name})


def test_a_class_of_a_script_is_known_by_its_name() -> None:
    with pytest.warns(PickleWarning):
        save_artifact(make_model("Model")(), "model")
    again = make_model("Model")
    maybe: Any = again | None
    assert type(load_artifact("model", as_type=again)).__qualname__ == "Model"
    assert type(load_artifact("model", as_type=maybe)).__qualname__ == "Model"
    with pytest.raises(MaterializerError, match="is a Model, not a Other as"):
        load_artifact("model", as_type=make_model("Other"))
