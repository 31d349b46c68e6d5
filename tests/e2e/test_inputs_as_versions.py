"""An input annotated as ``argosy.ArtifactVersion`` is the stored version itself: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

import argosy


@argosy.step
def numbers() -> Annotated[np.ndarray[Any, Any], "numbers"]:
    return np.arange(100_000.0).reshape(-1, 10)


@argosy.step
def first_row(table: argosy.ArtifactVersion) -> list[float]:
    assert isinstance(table, argosy.ArtifactVersion)
    return table.load(rows=slice(0, 1))[0].tolist()  # type: ignore[no-any-return]  # what it is stands in the store


@argosy.step
def labels(tables: list[argosy.ArtifactVersion]) -> list[str]:
    return [f"{table.name} {table.version}" for table in tables]


@pytest.mark.parametrize("given", [numbers, lambda: argosy.ExternalArtifact(name="numbers")], ids=["output", "name"])
def test_a_step_that_asks_for_the_version_reads_as_much_of_it_as_it_wants(home: Path, given: Callable[[], Any]) -> None:
    argosy.save_artifact(np.arange(20.0).reshape(-1, 10), "numbers")

    @argosy.pipeline
    def reading() -> None:
        first_row(given())

    record = reading().steps["first_row"]
    assert record.output.load() == list(map(float, range(10)))
    assert [version.name for version in record.loaded] == ["numbers"]
    given_version = record.inputs["table"]
    assert isinstance(given_version, argosy.ArtifactVersion)
    assert given_version.name == "numbers"


def test_a_damaged_input_that_is_not_loaded_harms_nobody(home: Path) -> None:
    version = argosy.save_artifact(np.arange(100_000.0), "numbers")
    for file in (home / "blobs").rglob("*"):
        if file.is_file() and file.stat().st_size >= 800_000:
            file.chmod(0o600)
            file.write_bytes(b"?" * file.stat().st_size)

    @argosy.pipeline
    def naming() -> None:
        labels([version])

    assert naming().steps["labels"].output.load() == ["numbers 1"]
    with pytest.raises(argosy.CorruptDataError):
        version.load()


def test_lists_of_versions_are_lists(home: Path) -> None:
    first, second = argosy.save_artifact(1, "n"), argosy.save_artifact(2, "n")

    @argosy.pipeline
    def naming() -> None:
        labels([first, second])

    assert naming().steps["labels"].output.load() == ["n 1", "n 2"]


def named(version: Any) -> str:
    return f"{version.name} {version.version}"


@argosy.step
def optional(table: argosy.ArtifactVersion | None = None) -> str:
    return named(table)


@argosy.step
def optional_list(tables: list[argosy.ArtifactVersion] | None = None) -> list[str]:
    return list(map(named, tables or []))


@argosy.step
def told_list(tables: Annotated[list[argosy.ArtifactVersion], "in order"]) -> list[str]:
    return list(map(named, tables))


def test_what_may_be_none_too_or_is_told_more_about_is_a_version_all_the_same(home: Path) -> None:
    first, second = argosy.save_artifact(1, "n"), argosy.save_artifact(2, "n")

    @argosy.pipeline
    def naming() -> None:
        optional(first)
        optional_list([first, second])
        told_list([first, second])

    steps = naming().steps
    assert steps["optional"].output.load() == "n 1"
    assert steps["optional_list"].output.load() == steps["told_list"].output.load() == ["n 1", "n 2"]
    assert (optional(first), optional_list([first, second])) == ("n 1", ["n 1", "n 2"])


def test_the_content_still_decides_about_the_cache(home: Path) -> None:
    @argosy.pipeline
    def reading() -> None:
        first_row(argosy.ExternalArtifact(name="table"))

    argosy.save_artifact(np.zeros((2, 2)), "table")
    reading()
    assert reading().steps["first_row"].status == "cached"
    argosy.save_artifact(np.ones((2, 2)), "table")
    assert reading().steps["first_row"].output.load() == [1.0, 1.0]


def test_a_plain_call_is_given_the_version_too(home: Path) -> None:
    version = argosy.save_artifact(np.zeros((2, 2)), "table")
    assert first_row(version) == [0.0, 0.0]
    assert first_row(argosy.ExternalArtifact(name="table")) == [0.0, 0.0]
    assert labels([version, version]) == ["table 1", "table 1"]


def test_a_value_in_its_place_is_refused_in_a_pipeline_and_in_a_plain_call(home: Path) -> None:
    @argosy.pipeline
    def wrong() -> None:
        first_row(5)  # type: ignore[arg-type]  # that is the mistake

    with pytest.raises(argosy.ParameterError, match="expected ArtifactVersion"):
        wrong()
    with pytest.raises(argosy.ParameterError, match="step 'first_row' takes a stored version, and"):
        first_row(argosy.ExternalArtifact(np.zeros(1)))


def test_an_item_of_a_stored_list_is_no_version(home: Path) -> None:
    @argosy.step
    def names() -> list[str]:
        return ["a", "b"]

    @argosy.pipeline
    def mapped() -> None:
        first_row.map(names())

    with pytest.raises(argosy.ParameterError, match="item 0 of a stored list, which is no version of its own"):
        mapped()
