"""``argosy run compare``: two runs side by side."""

from __future__ import annotations

from typing import Any

import pytest

import argosy
from tests.unit.cli.conftest import CommandLine


@argosy.step
def load(size: int) -> list[int]:
    return list(range(size))


@argosy.step
def total(rows: list[int], factor: int = 1) -> int:
    if not rows:
        raise ValueError("no rows")
    return sum(rows) * factor


@argosy.step
def extra() -> int:
    return 1


@argosy.pipeline
def adding(size: int, factor: int = 1, more: bool = False) -> None:
    total(load(size), factor)
    if more:
        extra()


def run(name: str, *args: Any, **kwargs: Any) -> None:
    adding.with_options(run_name=name)(*args, **kwargs)


def rows(document: dict[str, Any]) -> dict[tuple[str, str], tuple[Any, Any]]:
    return {(row["part"], row["key"]): (row["before"], row["after"]) for row in document["rows"]}


def test_what_differs_is_told_part_by_part(typed: CommandLine) -> None:
    run("first", 3)
    run("second", 3, factor=2)
    document = typed.document("run", "compare", "first", "second")
    assert list(document) == ["before", "after", "rows"]
    assert list(document["rows"][0]) == ["part", "key", "before", "after", "same"]
    assert (document["before"]["name"], document["after"]["name"]) == ("first", "second")
    found = rows(document)
    assert found["parameter", "factor"] == (1, 2)
    assert found["step load", "status"] == ("completed", "cached")
    assert found["step total", "parameter factor"] == (1, 2)
    assert found["step total", "output output"] == ("1", "2")
    assert ("step total", "cache key") in found
    assert ("step total", "input rows") not in found
    assert ("parameter", "size") not in found
    assert {row["same"] for row in document["rows"]} == {False}


def test_all_shows_what_is_the_same_too(typed: CommandLine) -> None:
    run("first", 3)
    run("second", 3)
    document = typed.document("run", "compare", "first", "second", "--all")
    same = {(row["part"], row["key"]) for row in document["rows"] if row["same"]}
    assert {
        ("parameter", "size"),
        ("step total", "input rows"),
        ("step total", "cache key"),
        ("run", "pipeline"),
    } <= same


def test_an_artifact_of_the_same_content_is_the_same(typed: CommandLine) -> None:
    for name in ("first", "second"):
        adding.with_options(run_name=name, enable_cache=False)(3)
    found = rows(typed.document("run", "compare", "first", "second", "--all"))
    assert found["step total", "output output"] == ("1", "2")
    different = rows(typed.document("run", "compare", "first", "second"))
    assert [key for part, key in different if key.startswith("output")] == []


def test_a_step_of_one_run_alone_is_one_row(typed: CommandLine) -> None:
    run("first", 3)
    run("second", 3, more=True)
    found = rows(typed.document("run", "compare", "first", "second"))
    assert {key: sides for key, sides in found.items() if key[0] == "step extra"} == {
        ("step extra", "status"): (None, "completed")
    }


def test_an_error_is_a_difference(typed: CommandLine) -> None:
    run("first", 3)
    with pytest.raises(ValueError, match="no rows"):
        run("second", 0)
    found = rows(typed.document("run", "compare", "first", "second"))
    assert found["run", "status"] == ("completed", "failed")
    assert found["run", "error"] == (None, "step 'total': ValueError: no rows")


def test_a_table_is_headed_by_the_names_of_the_runs(typed: CommandLine) -> None:
    run("first", 3)
    run("second", 3, factor=2)
    heading, *lines = typed("run", "compare", "first", "second").stdout.splitlines()
    assert heading.split() == ["PART", "KEY", "first", "second"]
    assert ["parameter", "factor", "1", "2"] in [line.split() for line in lines]
    assert typed("run", "compare", "first", "first").stdout == "first and first do not differ\n"
    assert typed("run", "compare", "first", "first", "-o", "csv").stdout == "part,key,before,after\n"


def test_a_run_that_is_not_there_is_told_with_those_like_it(typed: CommandLine) -> None:
    run("first", 3)
    assert "did you mean 'first'?" in typed("run", "compare", "first", "frist", code=3).stderr
