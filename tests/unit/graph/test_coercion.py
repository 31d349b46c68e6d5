from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NewType, Optional, TypedDict

import annotated_types
import numpy as np
import pydantic
import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import NotRequired, Required

from argosy.graph.coercion import coerce
from argosy.graph.scalar_coercion import Mismatch


class Colour(enum.Enum):
    RED = "red"
    ONE = 1


class Text(str, enum.Enum):
    A = "a"


@dataclass
class Config:
    rate: float
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Frozen:
    rate: float
    depth: int = None  # type: ignore[assignment] # as people write it
    total: float = field(init=False, default=0)

    def __post_init__(self) -> None:
        assert self.total == 0, "it is made once, by its user"
        object.__setattr__(self, "total", 7)


class Options(TypedDict, total=False):
    depth: int


Positive = Annotated[int, annotated_types.Gt(0)]


class Place(TypedDict):
    """Its annotations are texts, as all are in this file."""

    city: str
    zip: NotRequired[Positive]


class Extended(typing_extensions.TypedDict, total=False):
    city: Required[str]
    zip: Annotated[NotRequired[int], annotated_types.Gt(0)]


class Model(pydantic.BaseModel):
    depth: int


@dataclass
class Bounded:
    depth: Annotated[int, annotated_types.Gt(0)]


UserId = NewType("UserId", int)
ID = uuid.UUID("3a92ae32-a764-4420-98ba-07da8f742b76")


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (3, int, 3),
        ("3", int, 3),
        (" -3 ", int, -3),
        (3.0, int, 3),
        (True, int, 1),
        (np.int64(3), int, 3),
        (3, float, 3.0),
        ("1e-3", float, 0.001),
        (np.float64(0.5), float, 0.5),
        (np.float32(0.5), Any, 0.5),
        (True, bool, True),
        ("True", bool, True),
        (0, bool, False),
        (np.bool_(True), bool, True),
        ("a", str, "a"),
        (Text.A, str, Text.A),
        (None, None, None),
        (None, int | None, None),
        ("3", Optional[int], 3),  # noqa: UP045 - users write it so
        ("3", int | str, "3"),
        ("3", int | float, 3),
        (3, float | int, 3),
        ([1], list[float] | list[int], [1]),
        ("a", pathlib.Path | str, "a"),
        ("a", Literal["a", 1], "a"),
        ([1, "2"], list[int], [1, 2]),
        ((1, 2), list[int], [1, 2]),
        ((1, "2"), Sequence[int], (1, 2)),
        ([1], Iterable, [1]),
        ([1, "2"], tuple[int, ...], (1, 2)),
        ([1, 2], tuple[int, str] | list[int], [1, 2]),
        (["1", "a"], tuple[int, str], (1, "a")),
        ([1, 2], tuple, (1, 2)),
        (["1", 1], set[int], {1}),
        ([1], frozenset[int], frozenset({1})),
        ({"a": "1"}, dict[str, int], {"a": 1}),
        ({"1": 1}, dict[int, float], {1: 1.0}),
        ({"a": 1}, Mapping[str, int], {"a": 1}),
        ({"a": 1}, dict, {"a": 1}),
        ("red", Colour, Colour.RED),
        (1, Colour, Colour.ONE),
        (Colour.RED, Colour, Colour.RED),
        ({"rate": "1", "names": ("a",)}, Config, Config(1.0, ["a"])),
        (Config(1.0), Config, Config(1.0)),
        (Config("1", ("a",)), Config, Config(1.0, ["a"])),  # type: ignore[arg-type] # fitted
        ([Frozen(2, "3")], list[Frozen], [Frozen(2.0, 3)]),  # type: ignore[arg-type] # fitted
        ({"depth": "1"}, Options, {"depth": 1}),
        ({"city": "Oslo"}, Place, {"city": "Oslo"}),
        ({"city": "Oslo", "zip": "150"}, Place, {"city": "Oslo", "zip": 150}),
        ({"city": "Oslo", "zip": "150"}, Extended, {"city": "Oslo", "zip": 150}),
        ({"depth": "1"}, Model, Model(depth=1)),
        (Model(depth=1), Model, Model(depth=1)),
        ([{"depth": 1}], list[Model], [Model(depth=1)]),
        ("3", Positive, 3),
        (np.int64(3), Annotated[int, pydantic.Field(gt=0)], 3),
        (1, Annotated[float, annotated_types.Interval(ge=0, le=1)], 1.0),
        ({"depth": "3"}, Bounded, Bounded(3)),
        (None, Positive | None, None),
        ("3", UserId, 3),
        ("3", Annotated[int, "doc"], 3),
        ("a/b", pathlib.Path, pathlib.Path("a/b")),
        (pathlib.Path("a"), pathlib.Path, pathlib.Path("a")),
        (str(ID), uuid.UUID, ID),
        ("2020-01-02", datetime.date, datetime.date(2020, 1, 2)),
        ("2020-01-02T03:04Z", datetime.datetime, datetime.datetime(2020, 1, 2, 3, 4, tzinfo=datetime.timezone.utc)),
        ("03:04", datetime.time, datetime.time(3, 4)),
        (1.5, datetime.timedelta, datetime.timedelta(seconds=1.5)),
        ("1.10", decimal.Decimal, decimal.Decimal("1.10")),
        (object, object, object),
    ],
)  # fmt: skip
def test_value_becomes_what_the_annotation_says(value: object, annotation: Any, expected: object) -> None:
    coerced = coerce(value, annotation)
    assert coerced == expected
    assert type(coerced) is type(expected)


@pytest.mark.parametrize(
    ("value", "annotation", "message"),
    [
        (3.5, int, "expected int, found 3.5 (float)"),
        ("3.0", int, "expected int, found '3.0' (str)"),
        ("", int, "expected int, found '' (str)"),
        ("x", float, "expected float, found 'x' (str)"),
        (10**400, float, "expected float, found 10"),
        (None, int, "expected int, found None (NoneType)"),
        (2, bool, "expected bool, found 2 (int)"),
        ("yes", bool, "expected bool, found 'yes' (str)"),
        (3, str, "expected str, found 3 (int)"),
        (0, None, "expected None, found 0 (int)"),
        ("x", int | None, "expected int | None, found 'x' (str)"),
        ("c", Literal["a", "b"], "expected one of 'a', 'b', found 'c' (str)"),
        (True, Literal[1], "expected one of 1, found True (bool)"),
        ([1, "x"], list[int], "expected int at [1], found 'x' (str)"),
        ({"a": {"b": [None]}}, dict[str, dict[str, list[int]]], "expected int at ['a']['b'][0], found None"),
        ("abc", list[str], "expected list[str], found 'abc' (str)"),
        ("abc", Sequence[str], "found 'abc' (str)"),
        ([1], tuple[int, int], "expected a tuple of 2 items, found [1] (list)"),
        (3, tuple[int, str], "expected tuple[int, str], found 3 (int)"),
        ([[1]], set[Any], "of hashable items"),
        ([1], dict[str, int], "expected dict[str, int], found [1] (list)"),
        ("blue", Colour, "expected a member of Colour or one of 'red', 1, found 'blue' (str)"),
        (True, Colour, "expected a member of Colour"),
        ({"rat": 1}, Config, "expected Config, which has no 'rat'"),
        ({"names": []}, Config, "expected Config with rate"),
        ({"rate": "x"}, Config, "expected float at ['rate'], found 'x'"),
        (Config("x"), Config, "expected float at ['rate'], found 'x'"),  # type: ignore[arg-type] # refused
        (Config(1.0, [3]), Config, "expected str at ['names'][0], found 3 (int)"),  # type: ignore[list-item] # refused
        ({"a": Bounded(0)}, dict[str, Bounded], "expected int greater than 0 at ['a']['depth'], found 0"),
        (3, Config, "expected Config, found 3 (int)"),
        ({"dept": 1}, Options, "expected Options, which has no 'dept'"),
        ({"zip": 1}, Place, "expected Place with city, found"),
        ({"city": "Oslo", "zip": 0}, Place, "expected int greater than 0 at ['zip'], found 0"),
        ({"zip": 1}, Extended, "expected Extended with city, found"),
        ({"city": "Oslo", "zip": 0}, Extended, "expected int greater than 0 at ['zip'], found 0"),
        ({"depth": "x"}, Model, "expected Model (depth: Input should be a valid integer"),
        (-3, Positive, "expected int greater than 0, found -3 (int)"),
        (-3, Positive | None, "expected int greater than 0, found -3 (int)"),
        ([3, -3], list[Positive], "expected int greater than 0 at [1], found -3 (int)"),
        ({"depth": -1}, Bounded, "expected int greater than 0 at ['depth'], found -1 (int)"),
        (1.5, Annotated[float, annotated_types.Interval(ge=0, le=1)], "expected float of at most 1, found 1.5 (float)"),
        ("abc", Annotated[str, annotated_types.MaxLen(2)], "expected str with at most 2 items"),
        (3, Annotated[int, annotated_types.MultipleOf(2)], "expected int that is a multiple of 2"),
        ("ab", Annotated[str, annotated_types.Predicate(str.isupper)], "expected str for which str.isupper is true"),
        (None, Annotated[Any, annotated_types.Gt(0)], "greater than 0, found None"),
        (-3, Annotated[int, pydantic.Field(gt=0)], "expected int (Input should be greater than 0), found -3 (int)"),
        ("b", Annotated[str, pydantic.Field(pattern="a+")], "expected str (String should match pattern 'a+')"),
        ({"depth": "x"}, Model | None, "expected Model (depth: Input should be a valid integer"),
        (np.zeros(1), Annotated[np.ndarray, pydantic.Field(), annotated_types.MinLen(2)], "expected ndarray"),
        (3, pathlib.Path, "expected Path, found 3 (int)"),
        ("x", uuid.UUID, "expected UUID, found 'x' (str)"),
        ("x", datetime.date, "expected date or its ISO 8601 text, found 'x' (str)"),
        (datetime.datetime(2020, 1, 1), datetime.date, "expected date or its ISO 8601 text"),
        (float("nan"), datetime.timedelta, "expected timedelta or seconds"),
        (0.1, decimal.Decimal, "expected Decimal, found 0.1 (float)"),
        ([1, 2, 3], np.ndarray, "expected ndarray, found [1, 2, 3] (list)"),
    ],
)
def test_what_does_not_fit_is_refused(value: object, annotation: Any, message: str) -> None:
    with pytest.raises(Mismatch, match=re.escape(message)):
        coerce(value, annotation)


def test_a_class_whose_annotations_cannot_be_read_takes_no_dict() -> None:
    class Hidden:
        pass

    @dataclass
    class Local:
        hidden: Hidden

    with pytest.raises(Mismatch, match=r"expected Local, whose annotations cannot be read here \(name 'Hidden' is not"):
        coerce({"hidden": 1}, Local)
    made = Local(Hidden())
    assert coerce(made, Local) is made


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_untyped_values_stay_as_they_are(value: object) -> None:
    assert coerce(value, Any) is value


@given(st.integers())
def test_int_survives_its_text(value: int) -> None:
    assert coerce(str(value), int) == value


@given(st.floats(allow_nan=False))
def test_float_survives_its_text(value: float) -> None:
    assert coerce(repr(value), float) == value


@given(SCALARS, st.sampled_from([int, float, bool, str, int | None, int | str, float | bool | None]))
def test_coercing_twice_changes_nothing_more(value: object, annotation: Any) -> None:
    try:
        once = coerce(value, annotation)
    except Mismatch:
        return
    twice = coerce(once, annotation)
    assert (type(twice), twice) == (type(once), once)


def test_an_instance_that_fits_is_taken_as_it_is_and_one_that_does_not_is_not_changed() -> None:
    fitting, other = Frozen(1.0), Config(1, ["a"])
    assert coerce(fitting, Frozen) is fitting
    assert coerce(other, Config) is not other
    assert type(other.rate) is int
