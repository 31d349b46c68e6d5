from __future__ import annotations

import pytest

from argosy_server.domain.json_value import value_digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("1", "10e-1"),
        ("1200", "1.2E+3"),
        ("-0.5", "-5e-1"),
        ("0", "-0.00e7"),
        ("100000000000000000000000001", "100000000000000000000000001.0"),
        ("1e999", "10e998"),
        ("[1,2]", "[1.0, 2]"),
        ('{"a":1,"b":[true]}', '{ "b": [true], "a": 1.0 }'),
        ('"\\u00e4"', '"ä"'),
        ('"a"', ' "a" '),
    ],
)
def test_the_same_value_written_in_two_ways_is_equal(one: str, other: str) -> None:
    assert value_digest(one) == value_digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", '"1"'),
        ("1", "true"),
        ("0", "false"),
        ("0", "null"),
        ('""', "null"),
        ("[]", "{}"),
        ("[1,2]", "[2,1]"),
        ("[1]", "1"),
        ("0.1", "0.10000000000000001"),
        ("9007199254740993", "9007199254740992"),
        ("12", "120"),
        ("1", "-1"),
        ('"1e0"', "1"),
        ('["a","b"]', '["a\\",\\"b"]'),
    ],
)
def test_different_values_are_different(one: str, other: str) -> None:
    assert value_digest(one) != value_digest(other)


def test_numbers_and_nesting_beyond_what_python_reads_are_taken() -> None:
    huge = "1e" + "9" * 10_000
    assert value_digest(huge) == value_digest(huge)
    assert value_digest("9" * 100_000) == value_digest("9" * 100_000 + ".0")
    deep = "[" * 100_000 + "]" * 100_000
    assert value_digest(deep) == value_digest(deep)
