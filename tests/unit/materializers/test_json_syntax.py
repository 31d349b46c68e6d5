"""Large JSON documents are checked piece by piece, with the outcome that parsing the whole has."""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import Any

import pytest

from argosy.materializers.json_syntax import check_json

DOCUMENT = (
    '{"a": [1, 2.5e3, {"b": "x, \\\\\\", ]}", "": [[], {}, [[]]]}, null] ,'
    ' "c,": {"d": {"e": [true, false, "\\u00e9,"]}},'
    ' "f": "", "g": -0.5}'
)


def is_json(text: str) -> bool:
    def refuse(name: str) -> Any:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


def passes(text: str, piece: int) -> bool:
    try:
        check_json(text, piece)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 8, 13, 40, 1000])
def test_a_document_passes_whatever_the_size_of_its_pieces(piece: int) -> None:
    assert is_json(DOCUMENT)
    check_json(DOCUMENT, piece)


def test_what_is_changed_anywhere_passes_only_if_it_is_a_document_still() -> None:
    chance = random.Random(0)
    for _ in range(4000):
        at, more = chance.randrange(len(DOCUMENT)), chance.choice('[]{},:"\\\\ 1NaN-')
        text = DOCUMENT[:at] + chance.choice(["", more]) + DOCUMENT[at + chance.choice([0, 1]) :]
        assert passes(text, chance.choice([1, 2, 4, 9])) == is_json(text), text


@pytest.mark.parametrize(
    "text",
    [
        "[1,]",
        "[,1]",
        "[1,,2]",
        '{"a":1,}',
        "{,}",
        "[1],2",
        "1,2",
        "[1},2]",
        "[1, ",
        "[NaN,1]",
        '["a,',
        "[1]]",
        '{"a",1}',
    ],
)
def test_what_is_no_document_is_refused(text: str) -> None:
    for piece in range(1, 8):
        with pytest.raises(ValueError, match=r"."):
            check_json(text, piece)


def test_the_place_of_a_mistake_is_that_in_the_whole() -> None:
    with pytest.raises(json.JSONDecodeError, match=r"line 3 column 5 \(char 13\)"):
        check_json("[1,\n2,3,\n4,5,oops,\n6]".replace("4,5,", "4,  "), 4)


def test_a_large_document_is_checked_in_little_memory() -> None:
    text = "[" + "[1,{},[]]," * 40_000 + "1]"
    tracemalloc.start()
    check_json(text, 16 << 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20
