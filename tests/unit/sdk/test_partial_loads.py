"""``columns=`` and ``rows=``: what is refused, and that a part is a load like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import argosy
from argosy.errors import MaterializerError, NotFoundError, ParameterError
from argosy.materializers.base import Materializer
from argosy.sdk.artifacts import load_artifact, save_artifact
from argosy.sdk.client import Client


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"columns": "a"}, r"^columns='a' \(str\) is no list; write columns=\['a'\]$"),
        ({"columns": {"a"}}, r"is no list; pass a list of column names$"),
        ({"columns": np.array(["a"])}, r"is no list; pass a list of column names$"),
        ({"rows": 3}, r"^rows=3 \(int\) is no slice; write rows=slice\(start, stop\), or slice\(stop\)$"),
        ({"rows": range(3)}, "is no slice"),
        ({"rows": slice("a", "b")}, r"rows=slice\('a', 'b', None\) selects nothing: slice indices must be integers"),
        ({"rows": slice(0, 9, 0)}, "selects nothing: slice step cannot be zero"),
    ],
)
def test_what_selects_nothing_is_refused_before_the_store_is_asked(asked: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        load_artifact("no such artifact", **asked)


def value_of_mine() -> Any:
    class Mine(Materializer[Path]):
        types = (type("OfMine", (), {}),)
        format = "mine"

        def save(self, value: Any, files: Any) -> None:
            files.write("data", b"content")

        def load(self, files: Any, as_type: Any) -> Any:
            return Mine.types[0]()

    return Mine.types[0]()


@pytest.mark.parametrize(
    ("value", "asked", "message"),
    [
        (
            {"a": 1},
            {"rows": slice(2)},
            r"^'value' version 1 has the format 'json', which argosy\.json reads as a whole; ",
        ),
        (
            {"a": 1},
            {"columns": ["a"], "rows": slice(2)},
            r"leave columns= and rows= out \(rows= is possible with the for",
        ),
        (
            np.zeros(3),
            {"columns": ["a"]},
            r"format 'npy' .* by argosy\.numpy, of which rows= is possible; leave columns=",
        ),
        (np.zeros(3), {"columns": ["a"], "rows": slice(2)}, "of which rows= is possible; leave columns= out"),
        (np.zeros(()), {"rows": slice(2)}, r"'value' version 1 \(format 'npy'\) has no dimensions"),
        (np.float64(1), {"rows": slice(2)}, "has no dimensions, so there are no rows; leave rows= out"),
        (
            pd.Series([1]),
            {"columns": ["a"]},
            r"by argosy\.pandas_series, of which rows= is possible; leave columns= out",
        ),
    ],
)
def test_what_has_no_such_part_is_refused(value: object, asked: Any, message: str) -> None:
    saved = save_artifact(value, "value")
    with pytest.raises(ParameterError, match=message):
        load_artifact("value", **asked)
    with pytest.raises(ParameterError, match=message):
        Client().load_artifact("value", **asked)
    with pytest.raises(ParameterError, match=message):
        saved.load(**asked)


def test_a_materializer_of_the_users_reads_as_a_whole() -> None:
    save_artifact(value_of_mine(), "mine")
    with pytest.raises(ParameterError, match=r"format 'mine', which .*Mine reads as a whole; leave rows= out"):
        load_artifact("mine", rows=slice(2))


def test_a_part_is_of_the_type_that_was_asked_for_or_refused() -> None:
    save_artifact(np.arange(5), "array")
    assert load_artifact("array", rows=slice(2), as_type=np.ndarray).tolist() == [0, 1]
    with pytest.raises(MaterializerError, match="is a ndarray, not a list as as_type= says"):
        load_artifact("array", rows=slice(2), as_type=list)


def test_a_part_is_of_the_version_that_was_selected() -> None:
    first = save_artifact(np.arange(5), "array", alias="prod")
    save_artifact(np.arange(5) * 10, "array")
    assert load_artifact("array", rows=slice(1, 2)).tolist() == [10]
    assert load_artifact("array", 1, rows=slice(1, 2)).tolist() == [1]
    assert load_artifact("array", alias="prod", rows=slice(1, 2)).tolist() == [1]
    assert load_artifact(first.id, rows=slice(1, 2)).tolist() == [1]
    with pytest.raises(NotFoundError):
        load_artifact("arrays", rows=slice(1, 2))


def test_a_part_of_a_deleted_version_is_not_found() -> None:
    saved = save_artifact(np.arange(5), "array")
    saved.delete()
    for read in (lambda: saved.load(rows=slice(2)), saved.open):
        with pytest.raises(NotFoundError, match="'array' version 1 was deleted"):
            read()


def test_a_part_that_a_step_loads_is_recorded_as_its_input() -> None:
    frame = save_artifact(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), "frame")
    array = save_artifact(np.arange(5), "array")

    @argosy.step
    def total() -> int:
        return int(
            load_artifact("frame", columns=["b"])["b"].sum()
            + Client().get_artifact_version("array").load(rows=slice(3)).sum()
        )

    @argosy.pipeline
    def summing() -> None:
        total()

    run = summing()
    assert run.steps["total"].output.load() == 10
    assert set(run.steps["total"].loaded) == {frame, array}


def test_progress_is_told_of_whole_values_only() -> None:
    argosy.save_artifact(np.arange(10), "x")
    with pytest.raises(argosy.ParameterError, match="on_progress= tells of whole values"):
        argosy.load_artifact("x", rows=slice(2), on_progress=print)
