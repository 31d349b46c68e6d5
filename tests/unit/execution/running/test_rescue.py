"""Values that could not be saved: written where the error says, and read back from there."""

from __future__ import annotations

import dataclasses
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from argosy.errors import MaterializerError
from argosy.execution.running.rescue import Endangered, load_rescued, rescue_values
from argosy.materializers.base import Materializer


@dataclasses.dataclass
class Point:
    x: int
    y: np.ndarray


SAVED = {"materializer": "argosy.json", "data_type": "builtins:int", "format": "json", "uses_pickle": False}


class Unkeepable:
    """Pickled by no one."""

    def __reduce__(self) -> Any:
        raise TypeError("no")


def test_values_of_any_kind_come_back_equal(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "weights": np.arange(6).reshape(2, 3),
        "table": pd.DataFrame({"a": [1, 2]}),
        "nested/of many": [{"x": (1, 2)}, np.float32(1.5)],
        "function": lambda x: x + 1,
    }
    rescued = rescue_values(tmp_path, "run", [Endangered(name, value) for name, value in values.items()])
    back = {name: load_rescued(directory) for name, directory in rescued.directories.items()}
    assert rescued.lost == {}
    assert back["weights"].tolist() == [[0, 1, 2], [3, 4, 5]]
    pd.testing.assert_frame_equal(back["table"], values["table"])
    assert back["nested/of many"] == [{"x": (1, 2)}, np.float32(1.5)]
    assert back["function"](1) == 2


def test_a_value_with_parts_in_directories_comes_back(tmp_path: Path) -> None:
    rescued = rescue_values(tmp_path, "run", [Endangered("point", Point(1, np.ones(2)))])
    back = load_rescued(rescued.directories["point"])
    assert (back.x, back.y.tolist()) == (1, [1.0, 1.0])


def test_a_folder_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "weights.bin").write_bytes(b"123")
    rescued = rescue_values(tmp_path / "home", "run", [Endangered("model", folder)])
    back = load_rescued(rescued.directories["model"])
    assert (back / "deep" / "weights.bin").read_bytes() == b"123"


def test_when_its_own_materializer_fails_another_one_is_tried(tmp_path: Path) -> None:
    class Model:
        rate = 1

    class Broken(Materializer[Model]):
        types = (Model,)
        format = "broken"

        def save(self, value: Model, files: Any) -> None:
            files.write("half", b"written")
            raise OSError("broken")

        def load(self, files: Any, as_type: type[Model] | None) -> Model:
            raise AssertionError("never reached")

    rescued = rescue_values(tmp_path, "run", [Endangered("model", Model(), Broken)])
    assert load_rescued(rescued.directories["model"]).rate == 1
    assert not (rescued.directories["model"] / "files" / "half").exists()


def test_what_failed_is_not_tried_in_the_same_way_again(tmp_path: Path) -> None:
    tried: list[str] = []

    class Stubborn:
        def __reduce__(self) -> Any:
            tried.append("pickle")
            raise TypeError("no")

    class Refusing(Materializer[Stubborn]):
        types = (Stubborn,)
        format = "refusing"

        def save(self, value: Stubborn, files: Any) -> None:
            tried.append("own")
            raise OSError("no")

        def load(self, files: Any, as_type: type[Stubborn] | None) -> Stubborn:
            raise AssertionError("never reached")

    rescued = rescue_values(tmp_path, "run", [Endangered("model", Stubborn())])
    assert (list(rescued.lost), tried) == (["model"], ["own", "pickle"])


def test_one_value_that_cannot_be_written_does_not_stop_the_others(tmp_path: Path) -> None:
    rescued = rescue_values(tmp_path, "run", [Endangered("bad", Unkeepable()), Endangered("good", 1)])
    assert list(rescued.directories) == ["good"]
    assert list(rescued.lost) == ["bad"]
    assert [path.name for path in (tmp_path / "rescue" / "run").iterdir()] == ["1-good"]


def test_nothing_is_left_when_nothing_could_be_written(tmp_path: Path) -> None:
    rescued = rescue_values(tmp_path, "run", [Endangered("bad", threading.Lock())])
    why = rescued.lost["bad"]
    assert rescued.advice("the disk is full") == f"The value of 'bad' could not be rescued: {why}"
    assert rescued.advice(f"output 'bad': {why}") == "The value of 'bad' could not be rescued: for the same reason"
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_written_is_reported_not_raised(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a directory should be")
    rescued = rescue_values(tmp_path / "home", "run", [Endangered("value", 1)])
    assert rescued.directories == {}
    assert rescued.lost["value"].startswith("NotADirectoryError")


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"saved": {}}', json.dumps({"saved": SAVED})])
def test_a_directory_without_a_rescued_value_is_refused(manifest: str, tmp_path: Path) -> None:
    if manifest:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(MaterializerError, match="holds no rescued value"):
        load_rescued(tmp_path)
