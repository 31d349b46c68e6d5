"""One item of a stored list is what the whole list has there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import argosy
from argosy.errors import MaterializerError, PickleRefusedError
from argosy.execution.values.stored_value import load_item_from


@dataclass
class Table:
    rows: int


def item(value: Any, index: int, annotation: Any = Any, allow_pickle: bool | None = None) -> Any:
    saved = argosy.save_artifact(value, "list")
    return load_item_from(saved._connection, saved.id, index, annotation=annotation, allow_pickle=allow_pickle)


@pytest.mark.parametrize(
    "value",
    [
        [1, "a", None, 2.5, {"a": [1, (2, 3)]}],
        (1, (2,), [3]),
        [float("nan"), float("-inf"), 10**30, b"bytes", {1, 2}],
        [Table(1), Table(2)],
        [{"$tuple": 1}, {"a": Table(3)}],
        [[np.arange(3)], {"x": np.zeros(2)}],
    ],
    ids=["plain", "tuple", "escapes", "dataclasses", "keys", "arrays inside"],
)
def test_an_item_is_what_the_whole_list_has_there(value: Any) -> None:
    for index, expected in enumerate(value):
        assert repr(item(value, index)) == repr(expected)
        assert type(item(value, index)) is type(expected)


@pytest.mark.filterwarnings("ignore::argosy.execution.values.prepared_value.PickleWarning")
def test_a_list_of_another_layout_is_made_whole() -> None:
    frozen = [lambda: 1, lambda: 2]
    assert item(frozen, 1, allow_pickle=True)() == 2
    with pytest.raises(PickleRefusedError):
        item(frozen, 1, allow_pickle=False)


def test_an_item_that_is_not_there_is_told() -> None:
    with pytest.raises(MaterializerError, match="a stored list has no item 3"):
        item([1, 2], 3)
    with pytest.raises(MaterializerError, match="a stored list has no item 0"):
        item(5, 0)
