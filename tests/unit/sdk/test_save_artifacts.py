"""``save_artifacts``: many values in a few round trips, each on its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import argosy
from argosy.execution.step_traffic import executing, traffic_of
from argosy.materializers.files import FileSink, FileSource


class Spoilt:
    """A value whose file is gone, or shorter, by the time it is sent."""

    path: Path


class SpoiltMaterializer(argosy.Materializer[Spoilt]):
    types = (Spoilt,)
    format = "spoilt"
    left: bytes | None = None

    def save(self, value: Spoilt, files: FileSink) -> None:
        path = files.temporary_directory() / "data"
        path.write_bytes(bytes(3 << 20))
        files.write_file("data", path)
        assert files.files[0].size_bytes == 3 << 20
        value.path = path

    def extract_metadata(self, value: Spoilt) -> dict[str, Any]:
        value.path.unlink()
        if self.left is not None:
            value.path.write_bytes(self.left)
        return {}

    def load(self, files: FileSource, as_type: Any) -> Spoilt:
        return Spoilt()


def test_the_versions_come_in_the_order_of_the_values_with_what_all_of_them_have() -> None:
    values: dict[str, Any] = {"b": 1, "a": "text", "c": np.arange(300_000)}
    versions = argosy.save_artifacts(values, tags=["x"], metadata={"by": "Ada"})
    assert [(version.name, version.version, version.tags) for version in versions] == [
        (name, "1", ("x",)) for name in values
    ]
    assert all(version.metadata["by"] == "Ada" for version in versions)
    assert argosy.load_artifact("a") == "text"
    assert np.array_equal(argosy.load_artifact("c"), values["c"])
    assert [version.version for version in argosy.save_artifacts(values)] == ["2", "2", "2"]


def test_nothing_is_fine() -> None:
    assert argosy.save_artifacts({}) == []


def test_more_values_than_one_request_takes() -> None:
    values = {f"v{number}": number for number in range(1_050)}
    assert [version.name for version in argosy.save_artifacts(values)] == list(values)
    assert argosy.load_artifact("v1049") == 1049


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1], "save_artifacts got a list; give a mapping of names to values, and a single value to save_artifact"),
        ({"": 1}, r"save_artifacts\(name=...\)"),
        ({"a": 1, 3: 2}, r"save_artifacts\(name=...\)"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_nothing_is_saved(values: Any, message: str) -> None:
    with pytest.raises(argosy.ParameterError, match=message):
        argosy.save_artifacts(values)
    assert list(argosy.Client().list_artifacts()) == []


@pytest.mark.parametrize(("left", "reason"), [(None, FileNotFoundError), (b"short", argosy.CorruptDataError)])
def test_one_that_cannot_be_saved_keeps_no_other_from_it(
    monkeypatch: pytest.MonkeyPatch, left: bytes | None, reason: type[Exception]
) -> None:
    monkeypatch.setattr(SpoiltMaterializer, "left", left)
    values = {"first": 1, "bad": Spoilt(), "large": np.arange(300_000), "last": "x"}
    with pytest.raises(argosy.BatchError, match="1 of 4 values could not be saved, the others are; 'bad': ") as caught:
        argosy.save_artifacts(values)
    assert list(caught.value.saved) == ["first", "large", "last"]
    assert {name: type(error) for name, error in caught.value.refused.items()} == {"bad": reason}
    assert argosy.load_artifact("last") == "x"
    with pytest.raises(argosy.NotFoundError):
        argosy.load_artifact("bad")


def test_progress_is_told_of_all_together() -> None:
    told: list[argosy.TransferProgress] = []
    argosy.save_artifacts({"a": np.arange(300_000), "b": np.arange(200_000)}, on_progress=told.append)
    assert {progress.name for progress in told} == {"2 values"}
    assert told[-1].done_bytes == told[-1].total_bytes > 4_000_000


def test_inside_a_step_they_are_linked_to_it() -> None:
    @argosy.step
    def saving() -> None:
        argosy.save_artifacts({"one": 1, "two": 2})

    @argosy.pipeline
    def run() -> None:
        saving()

    assert [version.name for version in run().steps["saving"].saved] == ["one", "two"]


def test_inside_a_step_their_bytes_are_counted_for_it() -> None:
    counted = traffic_of("saving")
    with executing("saving"):
        saved = argosy.save_artifacts({"a": np.arange(3000), "b": np.arange(200_000)}, include_visualizations=False)
    assert counted.sent == sum(version.size_bytes for version in saved) > 1_600_000


def test_a_client_saves_in_its_own_project(home: Path) -> None:
    client = argosy.Client(project="other")
    (version,) = client.save_artifacts({"x": 1})
    assert client.load_artifact("x") == 1
    assert version.producer_run_id is None
    with pytest.raises(argosy.NotFoundError):
        argosy.load_artifact("x")
