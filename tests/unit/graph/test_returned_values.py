from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NewType, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pytest

from argosy.errors import OutputError
from argosy.graph.definitions import define_step
from argosy.graph.returned_values import OutputTypeWarning, ReturnedValue, bind_returned_values
from argosy.value_types import is_instance_of


def none() -> None: ...
def one() -> int:
    return 1


def untyped():  # type: ignore[no-untyped-def] # users leave annotations out
    return 1


def two() -> tuple[int, Annotated[str, "name"]]:
    return 1, "a"


def bound(function: Callable[..., Any], returned: object) -> list[tuple[str, object]]:
    pairs: tuple[ReturnedValue, ...] = bind_returned_values(define_step(function), returned)
    return [(pair.output.key, pair.value) for pair in pairs]


@pytest.mark.parametrize(
    ("function", "returned", "expected"),
    [
        (none, None, []),
        (one, 3, [("output", 3)]),
        (untyped, None, [("output", None)]),
        (untyped, (1, 2), [("output", (1, 2))]),
        (two, (1, "a"), [("output_0", 1), ("name", "a")]),
        (two, [1, "a"], [("output_0", 1), ("name", "a")]),
    ],
)
def test_values_meet_their_outputs(function: Callable[..., Any], returned: object, expected: object) -> None:
    assert bound(function, returned) == expected


@pytest.mark.parametrize(
    ("function", "returned", "message"),
    [
        (none, 3, "declares no outputs (-> None) but returned a value of type int; annotate what it returns"),
        (two, (1,), "declares 2 outputs (output_0, name) but returned 1 values; return one value for each"),
        (two, (1, "a", 2), "declares 2 outputs (output_0, name) but returned 3 values"),
        (two, 3, "declares 2 outputs (output_0, name) but returned one value of type int"),
        (two, None, "declares 2 outputs (output_0, name) but returned one value of type NoneType"),
        (two, "ab", "returned one value of type str"),
        (two, np.array([1, 2]), "returned one value of type ndarray"),
    ],
)
def test_wrong_count_is_an_error_that_names_both(function: Callable[..., Any], returned: object, message: str) -> None:
    with pytest.raises(OutputError, match=re.escape(message)) as caught:
        bound(function, returned)
    assert f"{__file__}:{function.__code__.co_firstlineno}" in str(caught.value)


def test_wrong_type_warns_once_where_the_step_is_and_keeps_the_value() -> None:
    with pytest.warns(
        OutputTypeWarning, match=r"declares output 'name' as str but returned int; it is saved as int"
    ) as caught:
        assert bound(two, (1, 2)) == [("output_0", 1), ("name", 2)]
    assert [(warning.filename, warning.lineno) for warning in caught] == [(__file__, two.__code__.co_firstlineno)]


def test_a_frame_of_another_library_is_told_by_its_module() -> None:
    def frames() -> pd.DataFrame: ...  # type: ignore[empty-body] # only its annotation counts

    with pytest.warns(OutputTypeWarning, match=r"as pandas\..*DataFrame but returned polars\..*DataFrame; it is saved"):
        bound(frames, pl.DataFrame())


def test_right_type_is_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bound(two, (1, "a")) == [("output_0", 1), ("name", "a")]


UserId = NewType("UserId", int)
Bound = TypeVar("Bound", bound=int)
Either = TypeVar("Either", int, str)


class Runs(Protocol):
    def run(self) -> None: ...


@pytest.mark.parametrize(
    ("value", "annotation", "fits"),
    [
        (1, int, True),
        (True, int, True),
        (1, float, True),
        (1.0, int, False),
        (1, complex, True),
        (None, None, True),
        (0, None, False),
        (None, int | None, True),
        ("a", int | None, False),
        ([1], list[str], True),
        ((1,), list[int], False),
        ([1], Sequence[int], True),
        ((1, "a"), tuple[int, str], True),
        ((1, 2), tuple[int, str], False),
        ((1,), tuple[int, str], False),
        ((1, 2, 3), tuple[int, ...], True),
        (int, type[int], True),
        (3, type[int], False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (True, Literal[1], False),
        (1, UserId, True),
        ("a", UserId, False),
        ("a", Bound, False),
        ("a", Either, True),
        (b"a", Either, False),
        (3, Annotated[int, "x"], True),
        (3, Runs, True),
        (object(), Any, True),
        (np.zeros(2), np.ndarray, True),
        (np.zeros(2), np.ndarray[Any, np.dtype[np.float64]], True),
        ([1.0], np.ndarray, False),
        (np.zeros(2), npt.NDArray[np.float64], True),
        ([1.0], npt.NDArray[np.float64], False),
    ],
)
def test_a_value_is_judged_by_its_annotation(value: object, annotation: Any, fits: bool) -> None:
    assert is_instance_of(value, annotation) == fits
