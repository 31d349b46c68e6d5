"""The JSON family: every value comes back equal and of the same type."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.materializers.files import FileSink
from argosy.materializers.registry import save_value
from tests.unit.materializers import samples
from tests.unit.materializers.kept import keep, roundtrip, same

ZONES = st.sampled_from(
    [
        None,
        dt.timezone.utc,
        dt.timezone(dt.timedelta(hours=-3, minutes=-30)),
        dt.timezone(dt.timedelta(seconds=61, microseconds=5), "odd"),
        ZoneInfo("Europe/Berlin"),
    ]
)
MEMBERS = st.sampled_from([*samples.Color, *samples.Level, *samples.Rank, samples.Right.READ | samples.Right.WRITE])
HASHABLE_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.text(st.characters(categories=["Cs", "Lu"])),
    st.binary(),
    st.complex_numbers(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.uuids(),
    st.datetimes(timezones=ZONES),
    st.dates(),
    st.times(timezones=ZONES),
    st.timedeltas(),
    MEMBERS,
    st.builds(range, st.integers(-5, 5), st.integers(-5, 5), st.integers(1, 3)),
)
SCALARS = st.one_of(HASHABLE_SCALARS, st.binary().map(bytearray))
KEYS = st.recursive(HASHABLE_SCALARS, lambda inner: st.one_of(st.tuples(inner), st.frozensets(inner)), max_leaves=4)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.lists(inner).map(deque),
        st.sets(KEYS),
        st.frozensets(KEYS),
        st.dictionaries(st.text(), inner),
        st.dictionaries(st.sampled_from(["$tuple", "$dict", "$", "a"]), inner),
        st.dictionaries(KEYS, inner),
        st.dictionaries(KEYS, inner).map(OrderedDict),
        st.dictionaries(KEYS, inner).map(lambda items: defaultdict(list, items)),
        st.builds(samples.Point, inner, inner),
        st.builds(samples.Box, inner),
    )


@given(st.recursive(SCALARS, containers, max_leaves=12))
@settings(max_examples=200)
def test_any_value_comes_back_equal_and_of_the_same_type(value: Any) -> None:
    assert same(roundtrip(value), value)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        -math.inf,
        -0.0,
        5e-324,
        2**53,
        -(2**53) + 1,
        2**64,
        3**20_000,
        -(3**20_000),
        True,
        complex(-0.0, math.nan),
        Decimal("1.10"),
        Decimal("-0"),
        Fraction(10**30, 7),
        uuid.UUID(int=3),
        dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        dt.datetime(2024, 10, 27, 2, 30, fold=1),
        dt.time(1, 2, tzinfo=dt.timezone.utc),
        dt.timezone(dt.timedelta(0), "Zulu"),
        ZoneInfo("Asia/Tokyo"),
        slice(1, None, (2,)),
        Counter({"a": 2, "b": -1}),
        deque([1, (2,)], maxlen=5),
        defaultdict(None, {1: 2}),
        samples.Pair(1, [samples.Level.HIGH]),
        {"$tuple": 1},
        {"$tuple": 1, "b": 2},
        {1: "a", "1": "b", (1, (2,)): {"x"}},
        {True: 1, "a": {None: 2}},
        "\ud83d\ude00 and \udcff",
        {"\udcff": 1},
        [b"x" * 5000, bytearray(5000)],
        np.float64(math.nan),
        [np.float16(1.5), np.int8(-3), np.uint64(2**64 - 1), np.complex64(1j), np.bool_(True)],
        [np.str_("é"), np.bytes_(b"x")],
        [np.datetime64("2020-01-01", "D"), np.timedelta64(3, "ns"), np.datetime64("NaT", "s"), np.longdouble(1) / 3],
        [pd.NaT, pd.Timestamp("2020-01-01 00:00:00.123456789", tz="Asia/Tokyo"), pd.Timedelta(3, "s")],
        {np.int64(3): np.arange(3), "nested": ({"deep": np.ones((2, 2))},)},
    ],
    ids=lambda value: type(value).__name__,
)
def test_special_values_keep_type_and_value(value: Any) -> None:
    assert same(roundtrip(value), value)


def test_missing_value_of_pandas_is_the_same_object() -> None:
    assert roundtrip([pd.NA])[0] is pd.NA


def test_decimal_nan_keeps_its_kind() -> None:
    assert [str(item) for item in roundtrip([Decimal("NaN123"), Decimal("sNaN")])] == ["NaN123", "sNaN"]


def test_the_order_of_a_set_does_not_change_its_bytes() -> None:
    assert keep({"a", "b", "c"}).files == keep({"c", "b", "a"}).files


def test_long_lists_of_numbers_are_kept() -> None:
    value = [[float(index) for index in range(10_000)], list(range(10_000)), [None, True], ["é"] * 3]
    assert same(roundtrip(value), value)


def test_saving_writes_nothing_but_the_document() -> None:
    sink = FileSink()
    save_value([1, "a"], sink, allow_pickle=False)
    assert [(file.path, b"".join(file.chunks())) for file in sink.files] == [("data.json", b'[1,"a"]')]
